from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.engine.bench import RepeatedSteps, convolutions_alone
from celu_cli.engine.training.train import train
from celu_cli.errors import DivergedError
from celu_cli.events import CheckpointReached
from tests.engine.small import make_dataset, make_tiny_case


def test_an_epoch_of_repeated_steps_is_what_training_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the images in the order they have, as training would take them if it drew that order."""
    case, dataset = make_tiny_case(), make_dataset(20, 8)
    monkeypatch.setattr(
        "celu_cli.engine.training.train.batch_order", lambda images, *_, **__: np.arange(images)
    )
    trained = next(event for event in train(case, dataset) if isinstance(event, CheckpointReached))
    steps = RepeatedSteps(case, dataset.train, count=3)
    steps()
    for number, weights in enumerate(steps.weights, 1):
        name = f"weights/layer{number}.convolution.kernel"
        np.testing.assert_array_equal(weights, trained.checkpoint.arrays[name])


def test_each_call_goes_on_from_the_one_before() -> None:
    dataset = make_dataset(8, 8)
    steps = RepeatedSteps(make_tiny_case(), dataset.train)
    losses = [steps() for _ in range(5)]
    assert losses[-1] < losses[0]


def test_steps_that_were_left_out_are_not_timed_as_if_taken() -> None:
    case = make_tiny_case(optimizer={"name": "sgd", "learning_rate": 1e30})
    steps = RepeatedSteps(case, make_dataset(16, 8).train, count=2)
    with pytest.raises(DivergedError, match="in a step that was to be timed"):
        steps()


@pytest.fixture
def convolved(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tf.DType, list[int]]]:
    """The kind, type and result's shape of every convolution that is computed."""
    seen = []
    for kind, owner, name in (
        ("forward", tf.nn, "conv2d"),
        ("filter", tf.raw_ops, "Conv2DBackpropFilter"),
        ("input", tf.raw_ops, "Conv2DBackpropInput"),
    ):

        def watched(
            *given: object, _kind: str = kind, _plain: object = getattr(owner, name), **named: object
        ) -> object:
            result = _plain(*given, **named)  # type: ignore[operator]
            seen.append((_kind, result.dtype, result.shape.as_list()))
            return result

        monkeypatch.setattr(owner, name, watched)
    return seen


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_floor_has_every_convolution_of_a_step_and_no_more(
    convolved: list[tuple[str, tf.DType, list[int]]], precision: str
) -> None:
    case = load_case("case-c", ["network.filters=4", f"precision={precision}"])
    convolutions_alone(case, images=3)()
    layers = plan_network(case).layers
    dtype = tf.as_dtype(precision)
    expected = [("forward", dtype, [3, *layer.activation_shape]) for layer in layers]
    expected += [("filter", dtype, [*layer.kernel_shape]) for layer in layers]
    expected += [("input", dtype, [3, *layer.input_shape]) for layer in layers[1:]]
    assert sorted(map(str, convolved)) == sorted(map(str, expected))
