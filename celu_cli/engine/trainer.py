"""The story of a training, told as events.

Whole stretches of steps run as one compiled loop: gather a batch of uint8 images, take its gradients, update the
weights, add up loss and right answers. Python only hands over the order of the images and reads the sums.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timezone
from math import ceil, isfinite
from typing import Any

import tensorflow as tf

from celu_cli.case.network import NetworkPlan, plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets import Dataset, Split
from celu_cli.engine.backprop import count_correct, cross_entropy, manual, select_backprop
from celu_cli.engine.fidelity import empty_record, read_record, record_if_due
from celu_cli.engine.network import Network, build_network, exact_twin
from celu_cli.engine.optimizers import build_optimizer
from celu_cli.engine.randomness import batch_order, hash_arrays, initial_weights
from celu_cli.engine.schedules import dilated_rate, learning_rates
from celu_cli.engine.tensor import Tensor
from celu_cli.errors import DivergedError
from celu_cli.runs.events import (
    EpochDone,
    EpochMetrics,
    EvaluationStarted,
    Event,
    Fidelity,
    StepsDone,
    TrainingEnded,
    TrainingStarted,
)

# How long one compiled stretch should take: long enough to cost nothing, short enough for display and Ctrl-C.
_STRETCH_SECONDS = 0.5
# The largest activation of an evaluation batch: wide networks must not take more memory to test than to train.
_EVALUATION_BYTES = 128 * 2**20


def train(case: Case, dataset: Dataset) -> Iterator[Event]:
    """Train `case` on `dataset` and yield what happens.

    Raises:
        DivergedError: the loss became NaN or infinite.
    """
    plan = plan_network(case)
    network = network_of(case)
    images, test_images = len(dataset.train.images), len(dataset.test.images)
    initial = initial_weights(plan, case.network.initializer, case.seed)
    weights = tuple(map(tf.constant, initial))
    state = build_optimizer(case.optimizer).init(weights)
    run_steps = compile_steps(case, network, dataset.train)
    evaluate = _compile_evaluation(network, dataset.test, _evaluation_batch(plan, test_images))

    yield TrainingStarted(
        epochs=case.epochs,
        steps_per_epoch=ceil(images / case.batch_size),
        train_images=images,
        test_images=test_images,
        initial_weights_hash=hash_arrays(initial),
        batch_order_hash=hash_arrays([batch_order(images, case.seed, epoch=1)]),
    )
    for epoch in range(1, case.epochs + 1):
        started = time.perf_counter()
        weights, state, last, fidelity = yield from _train_epoch(
            case, epoch, images, run_steps, weights, state
        )
        yield EvaluationStarted(epoch)
        test_loss, test_accuracy = map(float, evaluate(weights))
        if not isfinite(test_loss):  # the epoch's last step blew up: no other step's loss shows it
            raise _diverged(case, f"on the test images after epoch {epoch}")
        yield EpochDone(
            EpochMetrics(
                epoch=epoch,
                train_loss=last.loss,
                train_accuracy=last.accuracy,
                test_loss=test_loss,
                test_accuracy=test_accuracy,
                learning_rate=float(learning_rates(case, epoch, last.step)[-1]),
                dilated_rate=dilated_rate(case, epoch),
                seconds=time.perf_counter() - started,
                images_per_second=last.images_per_second,
                time=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                fidelity=fidelity,
            )
        )
    yield TrainingEnded(case.epochs)


def _train_epoch(
    case: Case, epoch: int, images: int, run_steps: Callable[..., Any], weights: Any, state: Any
) -> Generator[Event, None, tuple[Any, Any, StepsDone, tuple[Fidelity, ...]]]:
    """Run the steps of one epoch, stretch by stretch; return weights, optimizer state, last report, fidelity."""
    steps = ceil(images / case.batch_size)
    order = tf.constant(batch_order(images, case.seed, epoch))
    rates = tf.constant(learning_rates(case, epoch, steps), tf.float32)
    skip_rate = tf.constant(dilated_rate(case, epoch), tf.float32)
    sums = empty_sums(case, steps, len(weights))
    started = time.perf_counter()
    done, stretch = 0, 1
    while done < steps:
        begun = time.perf_counter()
        count = min(stretch, steps - done)
        weights, state, sums = run_steps(
            weights, state, sums, order, rates, skip_rate, tf.constant(done), tf.constant(done + count)
        )
        loss_sum, correct, diverged_at = (value.numpy().item() for value in sums[:3])
        if diverged_at >= 0:
            raise _diverged(case, f"in epoch {epoch}, step {diverged_at + 1} of {steps}")
        done += count
        now = time.perf_counter()
        seen = min(done * case.batch_size, images)
        report = StepsDone(epoch, done, loss_sum / seen, correct / seen, seen / (now - started))
        yield report
        stretch = max(1, min(2 * stretch, int(_STRETCH_SECONDS * count / (now - begun))))
    return weights, state, report, read_record(case, sums[3])


def network_of(case: Case, dtype: tf.DType | None = None) -> Network:
    """The network that `case` trains, with the arithmetic it asks for, or with that of `dtype`."""
    return build_network(
        plan_network(case),
        dtype or tf.as_dtype(case.precision),
        article=case.backprop.method != "auto" and case.backprop.rule == "article",
        winograd=case.convolution == "winograd",
        taped=case.backprop.method == "auto",
    )


def empty_sums(case: Case, steps: int, layers: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What an epoch adds up: loss, right answers, the step that diverged (from 0, -1: none), fidelity."""
    nothing = tf.zeros((), tf.float64), tf.zeros((), tf.int64), tf.constant(-1)
    return *nothing, empty_record(case, steps, layers)


def compile_steps(case: Case, network: Network, split: Split) -> Callable[..., Any]:
    """One graph that runs steps [first, last) of an epoch.

    The function returned takes weights, optimizer state, sums (see `empty_sums`), the order of the images, the learning
    rate of every step, the dilated rate, first and last; it returns the first three as they are after the steps.
    """
    images, labels = tf.constant(split.images), tf.constant(split.labels)
    backprop = select_backprop(case.backprop)
    exact_network = exact_twin(network)
    optimizer = build_optimizer(case.optimizer)

    def step(
        index: Tensor, weights: Any, state: Any, sums: Any, order: Tensor, rates: Tensor, skip: Tensor
    ) -> Any:
        chosen = order[index * case.batch_size : (index + 1) * case.batch_size]
        batch = tf.ensure_shape(tf.gather(images, chosen), [None, *images.shape[1:]])
        chosen_labels = tf.gather(labels, chosen)
        gradients = backprop(network, weights, batch, chosen_labels, skip)
        record = record_if_due(
            case,
            sums[3],
            index,
            gradients.weights,
            lambda: manual(exact_network, weights, batch, chosen_labels, skip).weights,
        )
        weights, state = optimizer.update(gradients.weights, state, weights, rates[index])
        loss_sum, correct, diverged_at = sums[:3]
        loss_sum += tf.cast(gradients.loss, tf.float64) * tf.cast(tf.shape(chosen)[0], tf.float64)
        correct += tf.cast(gradients.correct, tf.int64)
        diverged_at = tf.where(tf.math.is_finite(gradients.loss), diverged_at, index)
        return index + 1, weights, state, (loss_sum, correct, diverged_at, record)

    @tf.function(autograph=False)
    def run_steps(
        weights: Any,
        state: Any,
        sums: Any,
        order: Tensor,
        rates: Tensor,
        skip: Tensor,
        first: Tensor,
        last: Tensor,
    ) -> Any:
        return tf.while_loop(
            lambda index, _weights, _state, sums: (index < last) & (sums[2] < 0),
            lambda index, weights, state, sums: step(index, weights, state, sums, order, rates, skip),
            (first, weights, state, sums),
            parallel_iterations=1,
        )[1:]

    return run_steps


def _compile_evaluation(network: Network, split: Split, batch_size: int) -> Callable[..., Any]:
    """A function weights -> (mean loss, accuracy) over the split, the last partial batch counted for what it is."""
    images, labels = tf.constant(split.images), tf.constant(split.labels)
    total = len(split.images)

    @tf.function(autograph=False)
    def evaluate(weights: Any) -> Any:
        weights = network.compute_weights(weights)

        def step(first: Tensor, loss_sum: Tensor, correct: Tensor) -> Any:
            batch = tf.ensure_shape(images[first : first + batch_size], [None, *images.shape[1:]])
            batch_labels = labels[first : first + batch_size]
            logits, _ = network.forward(weights, network.inputs(batch))
            loss_sum += tf.reduce_sum(tf.cast(cross_entropy(logits, batch_labels), tf.float64))
            return first + batch_size, loss_sum, correct + count_correct(logits, batch_labels)

        _, loss_sum, correct = tf.while_loop(
            lambda first, *_: first < total,
            step,
            (tf.constant(0), tf.zeros((), tf.float64), tf.constant(0)),
            parallel_iterations=1,
        )
        return loss_sum / total, correct / total

    return evaluate


def _evaluation_batch(plan: NetworkPlan, images: int) -> int:
    """Images per evaluation batch: about 100 to 1,000 by memory, and where possible without a remainder."""
    largest = max(
        4 * layer.activation_shape[0] * layer.activation_shape[1] * layer.filters for layer in plan.layers
    )
    most = min(1_000, max(100, _EVALUATION_BYTES // largest))
    return next((size for size in range(most, most // 2, -1) if images % size == 0), most)


def _diverged(case: Case, where: str) -> DivergedError:
    return DivergedError(
        f"the loss became NaN or infinite {where}.\n"
        f"A learning rate of {case.optimizer.learning_rate:g} is the usual cause: try "
        f"optimizer.learning_rate={case.optimizer.learning_rate / 10:g}"
    )
