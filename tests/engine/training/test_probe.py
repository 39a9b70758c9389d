"""What is measured of the layers is what a network without celu's engine computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.engine import backprop
from celu_cli.engine.network import network_of
from celu_cli.engine.randomness import batch_order
from celu_cli.engine.training.probe import compile_probe, count_values
from celu_cli.engine.training.train import train
from celu_cli.events import CheckpointReached, EpochDone, Histogram, LayerDetail, LayersMeasured
from tests.engine import tape_reference
from tests.engine.small import Batch, make_dataset, make_tiny_case, make_weights

# Layer 1 can receive skip gradients.
THREE_LAYERS = {
    "initializer": "he_normal",
    "layers": [
        {"kernel": 3, "filters": 4, "pool": "average", "pool_size": 3},
        {"kernel": 2, "filters": 4, "pool": "average", "pool_size": 3},
        {"kernel": 1, "filters": 10, "pool": "average", "pool_size": 3},
    ],
}
DATASET = make_dataset(20, 7)


def first_batch(case: Case) -> Batch:
    chosen = batch_order(20, case.seed, 1)[: case.batch_size]
    return Batch(DATASET.train.images[chosen], DATASET.train.labels[chosen])


def probed(case: Case, weights: Sequence[Any], detail: LayerDetail = "histograms") -> LayersMeasured:
    return compile_probe(case, network_of(case), DATASET.train, detail)(weights, 1)


def assert_counts(histogram: Histogram, values: Any) -> None:
    """The histogram is that of `values`, but for values that rounding moves over an edge of a part."""
    values = np.ravel(values)
    assert (histogram.low, histogram.high) == pytest.approx((values.min(), values.max()), rel=1e-4, abs=1e-7)
    expected, _ = np.histogram(values, 30, (values.min(), values.max()))
    assert sum(histogram.counts) == values.size
    assert np.abs(np.subtract(histogram.counts, expected)).sum() <= 4


@pytest.mark.parametrize("method", ["auto", "manual", "dilated"])
def test_norms_and_histograms_are_those_of_the_plain_network(method: str) -> None:
    rate = {"rate": 0.5, "decay": 0.0} if method == "dilated" else {}
    case = make_tiny_case(backprop={"method": method, **rate}, network=THREE_LAYERS, seed=3)
    plan, batch = plan_network(case), first_batch(case)
    weights = make_weights(plan.layers)
    measured = probed(case, [tf.constant(tensor, tf.float32) for tensor in weights])

    gradients = tape_reference.gradients(plan, weights, batch, rate=rate.get("rate", 0.0)).weights
    assert measured.gradient_norms == pytest.approx([np.linalg.norm(g) for g in gradients], rel=1e-4)
    for histogram, values in zip(measured.gradients, gradients, strict=True):
        assert_counts(histogram, values)
    activated = tape_reference.forward(plan, weights, batch).activated
    for histogram, values in zip(measured.activations, activated, strict=True):
        assert_counts(histogram, values)


def test_hand_written_backprop_is_measured_without_a_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_tiny_case(backprop={"method": "manual"})
    weights = [tf.constant(tensor, tf.float32) for tensor in make_weights(plan_network(case).layers)]

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a tape was opened")

    monkeypatch.setattr(backprop.tf, "GradientTape", refuse)
    assert len(probed(case, weights).gradients) == 2


def test_the_norms_alone_come_without_histograms() -> None:
    case = make_tiny_case(backprop={"method": "manual"})
    weights = [tf.constant(tensor, tf.float32) for tensor in make_weights(plan_network(case).layers)]
    measured, whole = probed(case, weights, "norms"), probed(case, weights)
    assert (measured.activations, measured.gradients) == ((), ())
    assert measured.gradient_norms == pytest.approx(whole.gradient_norms, rel=1e-5)


@pytest.mark.parametrize(
    ("values", "low", "high", "counts"),
    [
        (np.arange(61), 0.0, 60.0, [*[2] * 29, 3]),
        ([5.0, 5.0, 5.0], 5.0, 5.0, [3, *[0] * 29]),
        ([0.0, 0.0], 0.0, 0.0, [2, *[0] * 29]),
        ([-1e30, -1e30], -1e30, -1e30, [2, *[0] * 29]),
        ([np.nan, np.inf, 1.0], 0.0, 1.0, [2, *[0] * 28, 1]),
    ],
    ids=["a ramp", "equal", "zeros", "equal and large", "not finite"],
)
def test_values_are_counted_in_thirty_equal_parts(
    values: Any, low: float, high: float, counts: list[int]
) -> None:
    counted = count_values(tf.constant(values, tf.float32))
    assert (counted[0].numpy(), counted[1].numpy()) == (np.float32(low), np.float32(high))
    assert counted[2].numpy().tolist() == counts


def test_every_epoch_is_measured_once_before_it_is_told_and_the_training_is_the_same() -> None:
    case = make_tiny_case(backprop={"method": "manual"}, epochs=2)
    plain = list(train(case, DATASET))
    events = list(train(case, DATASET, layer_detail="histograms"))
    assert [e for e in plain if isinstance(e, LayersMeasured)] == []
    told = [event for event in events if isinstance(event, LayersMeasured | EpochDone)]
    assert [type(event) for event in told] == [LayersMeasured, EpochDone] * 2
    assert [event.epoch for event in told if isinstance(event, LayersMeasured)] == [1, 2]
    last, without = ([e for e in kind if isinstance(e, CheckpointReached)][-1] for kind in (events, plain))
    for name, array in without.checkpoint.arrays.items():
        np.testing.assert_array_equal(array, last.checkpoint.arrays[name])


def test_a_resumed_run_measures_what_the_uninterrupted_one_does() -> None:
    case = make_tiny_case(backprop={"method": "manual"}, epochs=2)
    events = list(train(case, DATASET, layer_detail="norms"))
    first, last = (event for event in events if isinstance(event, LayersMeasured))
    assert first != last
    checkpoint = next(event.checkpoint for event in events if isinstance(event, CheckpointReached))
    for recorded, expected in ((1, [last]), (0, [first, last])):
        later = train(case, DATASET, resume=checkpoint, epochs_recorded=recorded, layer_detail="norms")
        assert [event for event in later if isinstance(event, LayersMeasured)] == expected
