"""The second writing of the activations is that of those that train."""

from __future__ import annotations

import numpy as np
import pytest

from celu_cli.case.activations import ALPHA
from celu_cli.check.activations import PLAIN_ACTIVATIONS


def test_every_activation_of_a_case_can_be_drawn_and_checked() -> None:
    assert PLAIN_ACTIVATIONS.keys() == ALPHA.keys()


@pytest.mark.parametrize("name", ALPHA)
def test_no_value_overflows(name: str) -> None:
    value = PLAIN_ACTIVATIONS[name].value(np.array([-700.0, -1.0, 0.0, 1.0, 700.0]), 0.5)
    assert np.isfinite(value).all()


@pytest.mark.parametrize("name", ALPHA)
def test_value_derivative_and_formula_are_those_of_the_engine(name: str) -> None:
    from celu_cli.engine.user_activations import find_activation, float64_functions

    plain = PLAIN_ACTIVATIONS[name]
    x = np.concatenate([np.linspace(-60, 60, 241), [-1e-7, 0.0, 1e-7]])
    for alpha in (0.3, 1.0, 2.0) if ALPHA[name] else (1.0,):
        if name == "leaky_relu" and alpha > 1:
            continue
        value, derivative = float64_functions(name, alpha)
        np.testing.assert_allclose(plain.value(x, alpha), value(x), rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(plain.derivative(x, alpha), derivative(x), rtol=1e-9, atol=1e-14)
    assert plain.formula == find_activation(name).formula
