from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.engine import bench
from celu_cli.engine.bench import RepeatedSteps, arithmetic_limit, convolutions_alone, least_flops
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
@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_the_floor_has_every_convolution_of_a_step_and_no_more(
    convolved: list[tuple[str, tf.DType, list[int]]],
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
    precision: str,
) -> None:
    """Of 3 images, for 1, 2 or 8 threads with an operation each."""
    monkeypatch.setattr(bench, "operations_at_once", lambda: at_once)
    case = load_case("case-c", ["network.filters=4", f"precision={precision}"])
    convolutions_alone(case, images=3)()
    layers = plan_network(case).layers
    dtype = tf.as_dtype(precision)
    expected = []
    for images in {1: [3], 2: [2, 1], 8: [1, 1, 1]}[at_once]:
        expected += [("forward", dtype, [images, *layer.activation_shape]) for layer in layers]
        expected += [("filter", dtype, [*layer.kernel_shape]) for layer in layers]
        expected += [("input", dtype, [images, *layer.input_shape]) for layer in layers[1:]]
    assert sorted(map(str, convolved)) == sorted(map(str, expected))


# Multiply-adds of case-c's layers for one image, by hand: side x side of the image, kernel, channels in and out.
_LAYERS = [
    *(32 * 32 * 25 * 3 * 200, 32 * 32 * 9 * 200 * 200, 16 * 16 * 200 * 200, 8 * 8 * 9 * 200 * 200),
    *(4 * 4 * 200 * 200, 2 * 2 * 4 * 200 * 200, 200 * 10),
]
# Layers 2 and 4 by Winograd's algorithm: 36 products for a tile of 4 x 4 cells, of which there are 8 x 8 and 2 x 2.
_FAST = [_LAYERS[0], 36 * 64 * 200 * 200, _LAYERS[2], 36 * 4 * 200 * 200, *_LAYERS[4:]]


def by_hand(forward: list[int], back: list[int]) -> tuple[int, int]:
    """FLOPs forward and back, where the first layer has no input gradient."""
    return 2 * sum(forward), 2 * (2 * sum(back) - back[0])


def test_the_limit_counts_what_a_step_multiplies() -> None:
    assert least_flops(load_case("case-c", [])) == {tf.float32: sum(by_hand(_FAST, _FAST))}
    assert 100 * sum(by_hand(_FAST, _FAST)) == 71_809_200_000
    direct = load_case("case-c", ["convolution=direct"])
    assert least_flops(direct) == {tf.float32: sum(by_hand(_LAYERS, _LAYERS))}


@pytest.mark.parametrize("method", ["manual", "auto"])
@pytest.mark.parametrize("native", [True, False])
def test_the_limit_counts_bfloat16_as_it_is_computed(
    monkeypatch: pytest.MonkeyPatch, native: bool, method: str
) -> None:
    """Forward and directly where the processor multiplies it, and in float32 all that Winograd's algorithm does."""
    monkeypatch.setattr("celu_cli.engine.network.multiplies_bfloat16", lambda: native)
    found = least_flops(load_case("case-c", ["precision=bfloat16", f"backprop={method}"]))
    in_float32 = 2 * 2 * (_FAST[1] + _FAST[3])
    if native:
        assert found == {
            tf.float32: in_float32,
            tf.bfloat16: sum(by_hand(_LAYERS, _LAYERS)) - 4 * (_LAYERS[1] + _LAYERS[3]),
        }
    else:
        assert found == {tf.float32: sum(by_hand(_FAST, _FAST))}


def test_the_limit_is_the_count_at_the_rate_of_the_products_that_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three products of 4 x 4 matrices side by side are 384 FLOPs; they are made to take 2 ms."""
    monkeypatch.setattr(bench, "operations_at_once", lambda: 3)
    monkeypatch.setattr(bench, "_PRODUCT", 4)
    monkeypatch.setattr(bench, "least_flops", lambda _: {tf.float32: 192})
    moments = iter([0.0, 2e-3])
    way = arithmetic_limit(load_case("case-c", []), images=10)
    monkeypatch.setattr("time.perf_counter", lambda: next(moments))
    assert way() == pytest.approx(10 * 192 * 2.0 / 384)
