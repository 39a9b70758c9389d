from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Dataset
from celu_cli.datasets.load import load_dataset
from celu_cli.engine.network import network_of
from celu_cli.engine.randomness import batch_order, hash_arrays, initial_weights
from celu_cli.engine.schedules import learning_rates
from celu_cli.engine.training.steps import State, compile_steps, initial_state
from celu_cli.engine.training.train import train
from celu_cli.errors import DivergedError
from celu_cli.events import (
    CheckpointReached,
    EpochDone,
    EpochMetrics,
    EvaluationStarted,
    ImagesTested,
    StepsDone,
    TrainingEnded,
    TrainingStarted,
)
from tests.engine import tape_reference
from tests.engine.small import Batch, Floats, make_dataset, make_tiny_case

# Three steps an epoch, the last of 4 images.
TRAIN_IMAGES = 20

# Layer 1 can receive skip gradients.
THREE_LAYERS = {
    "initializer": "he_normal",
    "layers": [
        {"kernel": 3, "filters": 4, "pool": "average", "pool_size": 3},
        {"kernel": 2, "filters": 4, "pool": "average", "pool_size": 3},
        {"kernel": 1, "filters": 10, "pool": "average", "pool_size": 3},
    ],
}


def metrics_of(case: Case, dataset: Dataset) -> list[EpochMetrics]:
    return [event.metrics for event in train(case, dataset) if isinstance(event, EpochDone)]


def without_times(metrics: EpochMetrics) -> dict[str, Any]:
    times = {"seconds", "images_per_second", "time"}
    return {name: value for name, value in vars(metrics).items() if name not in times}


def start(case: Case) -> State:
    """The state before the first step."""
    initial = initial_weights(plan_network(case), case.network.initializer, case.seed)
    return initial_state(case, network_of(case), initial, math.ceil(TRAIN_IMAGES / case.batch_size))


def run_stretches(case: Case, run_steps: Any, boundaries: list[int]) -> State:
    """Steps of the first epoch, in stretches between the boundaries."""
    order = tf.constant(batch_order(TRAIN_IMAGES, case.seed, 1))
    rates = tf.constant(learning_rates(case, 1, boundaries[-1]), tf.float32)
    state = start(case)
    for first, last in pairwise(boundaries):
        state = run_steps(state, order, rates, tf.constant(0.0), tf.constant(first), tf.constant(last))
    return state


class TestEvents:
    def test_they_come_in_the_order_promised(self) -> None:
        case, dataset = make_tiny_case(epochs=2, seed=5), make_dataset(TRAIN_IMAGES, 7)
        events = list(train(case, dataset))

        kinds = [type(event) for event in events]
        text = "".join(
            {
                StepsDone: "s",
                CheckpointReached: "c",
                EvaluationStarted: "v",
                ImagesTested: "t",
                EpochDone: "e",
            }.get(kind, "|")
            for kind in kinds
        )
        assert re.fullmatch(r"\|s+cvt+es+cvt+e\|", text), text
        assert events[0] == TrainingStarted(
            epochs=2,
            steps_per_epoch=3,
            train_images=TRAIN_IMAGES,
            test_images=7,
            initial_weights_hash=hash_arrays(start(case).weights),
            batch_order_hash=hash_arrays([batch_order(TRAIN_IMAGES, 5, 1)]),
            shares=1,
        )
        assert events[-1] == TrainingEnded(2)
        assert [e.epoch for e in events if isinstance(e, EvaluationStarted)] == [1, 2]
        for epoch in (1, 2):
            reports = [e for e in events if isinstance(e, StepsDone) and e.epoch == epoch]
            done = [report.step for report in reports]
            assert done == sorted(set(done))
            assert done[-1] == 3
            (metrics,) = (e.metrics for e in events if isinstance(e, EpochDone) and e.metrics.epoch == epoch)
            assert (metrics.train_loss, metrics.train_accuracy) == (reports[-1].loss, reports[-1].accuracy)
            assert metrics.images_per_second > 0
            assert metrics.seconds > 0

    def test_an_epoch_tells_its_rates(self) -> None:
        case = make_tiny_case(
            network=THREE_LAYERS,
            backprop={"method": "dilated", "rate": 0.2, "decay": 1.0},
            schedule={"name": "step", "every": 1, "factor": 0.5},
            epochs=2,
        )
        found = [(m.learning_rate, m.dilated_rate) for m in metrics_of(case, make_dataset(8, 4))]
        assert found == [(0.1, 0.2), (0.05, 0.1)]


class TestNumbers:
    @pytest.mark.parametrize(
        "backprop",
        [{"method": "auto"}, {"method": "manual"}, {"method": "dilated", "rate": 0.4, "decay": 1.0}],
    )
    def test_losses_and_accuracies_are_those_of_a_training_taken_step_by_step(
        self, backprop: dict[str, Any]
    ) -> None:
        """The last batch of an epoch (4 of 20 images) and of the evaluation (9 of 1,009) are partial."""
        case = make_tiny_case(epochs=2, backprop=backprop, network=THREE_LAYERS, schedule={"name": "cosine"})
        dataset = make_dataset(TRAIN_IMAGES, 1009)
        for actual, expected in zip(metrics_of(case, dataset), train_by_hand(case, dataset), strict=True):
            found = (actual.train_loss, actual.train_accuracy, actual.test_loss, actual.test_accuracy)
            np.testing.assert_allclose(found, expected, rtol=1e-4)

    def test_a_case_and_a_seed_decide_every_number(self) -> None:
        dataset = make_dataset(TRAIN_IMAGES, 11)
        case = make_tiny_case(epochs=2)
        first, again, other = (
            [without_times(metrics) for metrics in metrics_of(c, dataset)]
            for c in (case, case, case.model_copy(update={"seed": 1}))
        )
        assert first == again
        assert first[0]["train_loss"] != other[0]["train_loss"]

    def test_how_many_steps_run_at_a_time_does_not_matter(self) -> None:
        case, dataset = make_tiny_case(batch_size=3), make_dataset(TRAIN_IMAGES, 1)
        run_steps = compile_steps(case, network_of(case), dataset.train)
        one_by_one = run_stretches(case, run_steps, list(range(8)))
        for boundaries in ([0, 7], [0, 1, 3, 7]):
            flat = tf.nest.flatten(run_stretches(case, run_steps, boundaries))
            for actual, expected in zip(flat, tf.nest.flatten(one_by_one), strict=True):
                np.testing.assert_array_equal(actual, expected)
        assert run_steps.experimental_get_tracing_count() == 1


def train_by_hand(case: Case, dataset: Dataset) -> list[tuple[float, float, float, float]]:
    """Train loss and accuracy, test loss and accuracy of each epoch, in float64 and by the tape.

    Momentum 0.9, a cosine from 0.1 to 0 over the whole training, and 0.4 / epoch where backprop is dilated.
    """
    plan = plan_network(case)
    weights: list[Floats] = [
        w.astype(np.float64) for w in initial_weights(plan, case.network.initializer, case.seed)
    ]
    velocity = [np.zeros_like(w) for w in weights]
    results = []
    for epoch in range(1, case.epochs + 1):
        order = batch_order(len(dataset.train.images), case.seed, epoch)
        losses: list[float] = []
        right: list[bool] = []
        for first in range(0, len(order), case.batch_size):
            chosen = order[first : first + case.batch_size]
            batch = Batch(dataset.train.images[chosen], dataset.train.labels[chosen])
            measure(plan, weights, batch, losses, right)
            progress = (
                epoch - 1 + first / case.batch_size / math.ceil(len(order) / case.batch_size)
            ) / case.epochs
            learning_rate = 0.1 * (1 + math.cos(math.pi * progress)) / 2
            skip_rate = 0.4 / epoch if case.backprop.method == "dilated" else 0.0
            gradients = tape_reference.gradients(plan, weights, batch, skip_rate).weights
            for i, gradient in enumerate(gradients):
                velocity[i] = 0.9 * velocity[i] - learning_rate * gradient
                weights[i] = weights[i] + velocity[i]
        test_losses: list[float] = []
        test_right: list[bool] = []
        measure(plan, weights, Batch(dataset.test.images, dataset.test.labels), test_losses, test_right)
        results.append((np.mean(losses), np.mean(right), np.mean(test_losses), np.mean(test_right)))
    return results


def measure(plan: Any, weights: list[Floats], batch: Batch, losses: list[float], right: list[bool]) -> None:
    """Append the loss of each image and whether it is told right."""
    logits = np.reshape(tape_reference.forward(plan, weights, batch).inputs[-1], [len(batch.labels), 10])
    of_label = logits[np.arange(len(logits)), batch.labels]
    losses += list(np.log(np.exp(logits).sum(axis=1)) - of_label)
    right += list(logits.argmax(axis=1) == batch.labels)


class TestDivergence:
    def test_it_names_epoch_and_step_and_a_smaller_learning_rate(self) -> None:
        case = make_tiny_case(optimizer={"name": "sgd", "learning_rate": 1e30}, epochs=2)
        with pytest.raises(DivergedError) as caught:
            metrics_of(case, make_dataset(TRAIN_IMAGES, 5))
        assert "in epoch 1, step 2 of 3" in str(caught.value)
        assert "optimizer.learning_rate=1e+29" in str(caught.value)

    def test_it_is_told_even_when_the_last_step_of_all_blew_up(self) -> None:
        """Each epoch is one step, whose own loss is still finite: the evaluation is the first to see the damage."""
        case = make_tiny_case(optimizer={"name": "sgd", "learning_rate": 1e30}, epochs=1)
        events = []
        with pytest.raises(DivergedError, match="after epoch 1"):
            events += train(case, make_dataset(8, 5))
        assert not any(isinstance(event, EpochDone) for event in events)

    def test_a_training_that_converges_is_left_alone(self) -> None:
        dataset = make_dataset(200, 50)
        case = make_tiny_case(optimizer={"name": "adam", "learning_rate": 0.03}, epochs=6, batch_size=20)
        metrics = metrics_of(case, dataset)
        assert metrics[-1].train_loss < 0.7 * metrics[0].train_loss
        assert metrics[-1].test_loss < 0.7 * math.log(10)
        assert metrics[-1].test_accuracy > 0.3


class TestBfloat16:
    def test_weights_and_optimizer_state_stay_float32(self) -> None:
        """The first step moves each weight by less than bfloat16 could tell from nothing."""
        case = make_tiny_case(optimizer={"name": "momentum", "learning_rate": 1e-6}, precision="bfloat16")
        run_steps = compile_steps(case, network_of(case), make_dataset(TRAIN_IMAGES, 1).train)
        initial = start(case).weights
        state = run_stretches(case, run_steps, [0, 1])
        for before, after, velocity in zip(initial, state.weights, state.optimizer["velocity"], strict=True):
            assert after.dtype == velocity.dtype == tf.float32
            np.testing.assert_allclose(after - before, velocity, atol=1e-7)
            moved = np.asarray(before != after)
            assert moved.any()
            assert np.array_equal(tf.cast(before, tf.bfloat16)[moved], tf.cast(after, tf.bfloat16)[moved])

    @pytest.mark.parametrize("method", ["auto", "manual"])
    def test_it_trains(self, method: str) -> None:
        optimizer = {"name": "adam", "learning_rate": 0.03}
        case = make_tiny_case(
            optimizer=optimizer, precision="bfloat16", epochs=6, batch_size=20, backprop={"method": method}
        )
        metrics = metrics_of(case, make_dataset(200, 50))
        assert metrics[-1].train_loss < 0.7 * metrics[0].train_loss


@pytest.mark.parametrize("name", ["case-a", "case-b", "case-c", "case-d", "case-d-as-run"])
def test_the_shipped_cases_learn_from_the_sample_at_8_filters(name: str) -> None:
    """The weights' deviation grows as the width shrinks, so that the signal is that of 200 filters."""
    narrow = ["network.filters=8", "network.initializer.standard_deviation=0.25"]
    case = load_case(name, ["dataset.sample=true", "epochs=1", "batch_size=20", *narrow])
    dataset = load_dataset(case.dataset.name, sample=True)
    events = list(train(case, dataset))
    first = next(event for event in events if isinstance(event, StepsDone))
    (metrics,) = (event.metrics for event in events if isinstance(event, EpochDone))
    assert first.step == 1
    assert metrics.test_loss < metrics.train_loss < first.loss
    assert metrics.test_loss < math.log(10) - 0.01
    assert metrics.test_accuracy > 0.1
