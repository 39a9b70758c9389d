"""The second reading of a case, and what of it is not judged."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from celu_cli.case.catalog import find_cases
from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import LayeredNetwork
from celu_cli.check.activations import PLAIN_ACTIVATIONS
from celu_cli.datasets.registry import DATASETS
from celu_cli.engine.check import reading
from celu_cli.engine.check.gradients import check_gradients
from celu_cli.engine.check.reading import read_dilated_layers, read_layers, read_output
from tests.engine.small import make_dataset, make_tiny_case


def test_it_imports_nothing_of_the_engine_and_no_plan() -> None:
    tree = ast.parse(Path(str(reading.__file__)).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert {name for name in imported if name.startswith("celu_cli")} == {
        "celu_cli.case.schema",
        "celu_cli.datasets.definition",
    }


@pytest.mark.parametrize("path", [entry.path for entry in find_cases()], ids=lambda path: path.stem)
def test_two_readings_of_a_shipped_case_agree(path: Path) -> None:
    case = load_case(path)
    plan, read = plan_network(case), read_layers(case, DATASETS[case.dataset.name])
    assert [(one.kernel, one.filters, one.pool, one.alpha, one.residual) for one in read] == [
        (one.kernel, one.filters, one.pool, one.alpha, one.residual) for one in plan.layers
    ]
    assert read_dilated_layers(read) == plan.dilated_layers


def test_a_layer_by_hand() -> None:
    """Kernel 2 pads at the end; a pool of 2 drops the third row and column; the residual adds to the activation."""
    case = load_case("case-a")
    layers = [{"kernel": 2, "filters": 1, "pool": "max", "residual": 0.5, "activation": "relu"}]
    case = case.model_copy(update={"network": LayeredNetwork.model_validate({"layers": layers})})
    (layer,) = read_layers(case, DATASETS["mnist"])
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    kernel = np.array([[1.0, 0.0], [0.0, -2.0]]).reshape(2, 2, 1, 1)
    output = read_output(layer, kernel, x, lambda z: np.maximum(z, 0.0))
    # x - 2 (x one down and right) is negative inside: relu gives 0 there, and half of x is left; the largest is 4 / 2.
    np.testing.assert_allclose(output.reshape(()), 2.0)
    with pytest.raises(ValueError, match="shape"):
        read_output(layer, kernel[:1], x, np.abs)


def test_a_layer_that_overflows_is_not_finite_and_no_warning() -> None:
    case = load_case("case-a")
    layers = [{"kernel": 1, "filters": 1, "pool": "none", "activation": "relu"}]
    (layer,) = read_layers(
        case.model_copy(update={"network": LayeredNetwork.model_validate({"layers": layers})}),
        DATASETS["mnist"],
    )
    output = read_output(layer, np.full((1, 1, 1, 1), 1e200), np.full((1, 1, 1, 1), 1e200), lambda z: z)
    assert np.isinf(output).all()


def test_an_activation_that_has_no_second_writing_is_left_unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    case, train = make_tiny_case(activation="tanh", alpha=None), make_dataset(20, 4).train
    read = [layer.reading for layer in check_gradients(case, train, samples=0).layers]
    assert all(error is not None and error < 1e-12 for error in read)
    monkeypatch.delitem(PLAIN_ACTIVATIONS, "tanh")
    assert [layer.reading for layer in check_gradients(case, train, samples=0).layers] == [None, None]
