"""The measurement behind `celu activations`, on functions known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from celu_cli.analysis.plots.activation_curves import ActivationCurve, measure_activation

Function: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def measure(value: Function, derivative: Function, alpha: float | None = None) -> ActivationCurve:
    return measure_activation("f", alpha, "", value, derivative)


def elu(alpha: float) -> ActivationCurve:
    return measure(
        lambda x: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x >= 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
        alpha,
    )


@pytest.mark.parametrize(
    ("value", "derivative"),
    [
        (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
        (np.exp, np.exp),
        (np.sin, np.cos),
        (lambda x: x, np.ones_like),
        (np.zeros_like, np.zeros_like),
        (lambda x: 1e6 * x**3, lambda x: 3e6 * x**2),
    ],
)
def test_a_right_derivative_has_an_error_of_rounding(value: Function, derivative: Function) -> None:
    curve = measure(value, derivative)
    assert curve.error is not None
    assert curve.error < 1e-9
    assert not curve.jumps


@pytest.mark.parametrize("factor", [1.001, 0.0, -1.0, 2.0])
def test_a_derivative_that_is_off_by_a_factor_has_that_error(factor: float) -> None:
    curve = measure(np.tanh, lambda x: factor * (1 - np.tanh(x) ** 2))
    assert curve.error == pytest.approx(abs(factor - 1), rel=1e-6)


def test_a_derivative_that_is_wrong_somewhere_is_told_where() -> None:
    curve = measure(np.sin, lambda x: np.cos(x) + 0.1 * (np.abs(x - 2.0) < 0.01))
    assert curve.error_at == pytest.approx(2.0, abs=0.011)


def test_a_derivative_that_is_not_a_number_has_an_infinite_error() -> None:
    curve = measure(np.sin, lambda x: np.where(x > 3.0, np.nan, np.cos(x)))
    assert curve.error == np.inf


@pytest.mark.parametrize("kink", [0.0, 1.0, 0.5004, -3.21])
def test_a_kink_is_not_an_error_wherever_it_lies(kink: float) -> None:
    curve = measure(lambda x: np.abs(x - kink), lambda x: np.sign(x - kink))
    assert curve.error is not None
    assert curve.error < 1e-9


@pytest.mark.parametrize(("alpha", "jumps"), [(0.5, True), (1.0, False), (2.0, True), (1.001, True)])
def test_elu_jumps_at_0_unless_alpha_is_1(alpha: float, jumps: bool) -> None:
    curve = elu(alpha)
    assert curve.jumps == jumps
    assert curve.left == pytest.approx(alpha)
    assert (curve.at_zero, curve.right) == (1.0, 1.0)


@pytest.mark.parametrize("alpha", [1e-4, 0.01, 0.1, 1.0, 10.0])
def test_a_small_alpha_is_measured_as_well_as_a_large_one(alpha: float) -> None:
    curve = measure(
        lambda x: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)),
        lambda x: np.where(x >= 0, 1.0, np.exp(np.minimum(x, 0) / alpha)),
        alpha,
    )
    assert not curve.jumps
    assert curve.error is not None
    assert curve.error < 1e-6
