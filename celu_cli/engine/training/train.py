"""The story of a training, as events.

Whole stretches of steps run as one compiled loop: gather a batch of uint8 images, take its gradients, update the
weights, add up loss and right answers. Python only hands over the order of the images and reads the sums.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from math import ceil, isfinite
from typing import Any

import tensorflow as tf

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Dataset, Split
from celu_cli.engine.network import Network
from celu_cli.engine.randomness import batch_order, hash_arrays, initial_weights
from celu_cli.engine.schedules import dilated_rate, learning_rates
from celu_cli.engine.training.diagnosis import clear_memory_errors, diverged, explain_divergence
from celu_cli.engine.training.fidelity import read_record
from celu_cli.engine.training.probe import Probe, compile_probe
from celu_cli.engine.training.programs import Programs
from celu_cli.engine.training.snapshot import from_arrays, to_arrays
from celu_cli.engine.training.steps import RunSteps, State, empty_sums, initial_state
from celu_cli.errors import RunError
from celu_cli.events import (
    Checkpoint,
    CheckpointReached,
    EpochDone,
    EpochMetrics,
    EvaluationStarted,
    Event,
    ImagesTested,
    LayerDetail,
    StepsDone,
    TrainingEnded,
    TrainingStarted,
)

# How long one compiled stretch should take: long enough to cost nothing, short enough for display and Ctrl-C.
_STRETCH_SECONDS = 0.5


@dataclass(frozen=True)
class Checkpoints:
    """When a training offers a checkpoint besides the end of each epoch's steps.

    `due` is asked after every stretch of steps; with `every_steps` a stretch also ends at each multiple of it.
    """

    due: Callable[[], bool] = lambda: False
    every_steps: int | None = None


@dataclass
class _Training:
    """Where a training stands: the next thing is step `step` (from 0) of `epoch`, or its evaluation."""

    case: Case
    network: Network
    images: int
    steps: int
    state: State
    epoch: int = 1
    step: int = 0
    seconds: float = 0.0

    def checkpoint(self) -> CheckpointReached:
        arrays = to_arrays(self.state, self.network.weight_names)
        return CheckpointReached(Checkpoint(self.epoch, self.step, self.steps, self.seconds, arrays))

    def restore(self, checkpoint: Checkpoint) -> None:
        try:
            self.state = from_arrays(checkpoint.arrays, self.state, self.network.weight_names)
        except ValueError as error:
            raise RunError(f"{error}; the run cannot be resumed") from error
        self.epoch, self.step, self.seconds = checkpoint.epoch, checkpoint.step, checkpoint.seconds

    def next_epoch(self) -> None:
        self.epoch, self.step, self.seconds = self.epoch + 1, 0, 0.0
        self.state = self.state._replace(sums=empty_sums(self.case, self.network, self.steps))

    def steps_done(self) -> StepsDone:
        loss_sum, correct = (value.numpy().item() for value in self.state.sums[:2])
        seen = min(self.step * self.case.batch_size, self.images)
        speed = seen / max(self.seconds, 1e-9)
        return StepsDone(self.epoch, self.step, loss_sum / seen, correct / seen, speed)


def train(
    case: Case,
    dataset: Dataset,
    *,
    checkpoints: Checkpoints | None = None,
    resume: Checkpoint | None = None,
    epochs_recorded: int = 0,
    layer_detail: LayerDetail | None = None,
    programs: Programs | None = None,
) -> Iterator[Event]:
    """Train `case` on `dataset` and yield what happens.

    Args:
        checkpoints: When to yield a `CheckpointReached` besides the end of each epoch's steps.
        resume: Where an earlier process came to; what follows is then, bit for bit, what would have followed there.
        epochs_recorded: How many epochs that process reported; the last is not evaluated a second time.
        layer_detail: What to measure of the layers after each epoch, if anything; the training is the same without.
        programs: Where earlier trainings of this process have left what they compiled.

    Raises:
        DivergedError: the loss or a gradient became NaN or infinite.
        OutOfMemoryError: a tensor does not fit into the memory.
        RunError: `resume` is not of this case.
    """
    plan = plan_network(case)
    network, run_steps, run_evaluation = (programs or Programs()).of(case, dataset)
    images, test_images = len(dataset.train.images), len(dataset.test.images)
    steps = ceil(images / case.batch_size)
    initial = initial_weights(plan, case.network.initializer, case.seed)
    training = _Training(case, network, images, steps, initial_state(case, network, initial, steps))
    if resume is not None:
        training.restore(resume)
        if training.step == steps and epochs_recorded >= training.epoch:
            training.next_epoch()
    probe = compile_probe(case, network, dataset.train, layer_detail) if layer_detail else None

    yield TrainingStarted(
        epochs=case.epochs,
        steps_per_epoch=steps,
        train_images=images,
        test_images=test_images,
        initial_weights_hash=hash_arrays(initial),
        batch_order_hash=hash_arrays([batch_order(images, case.seed, epoch=1)]),
        shares=network.shares,
    )
    with clear_memory_errors():
        while training.epoch <= case.epochs:
            yield from _train_epoch(training, dataset.train, run_steps, checkpoints or Checkpoints())
            yield from _evaluate(training, test_images, run_evaluation, probe)
            training.next_epoch()
    yield TrainingEnded(case.epochs)


def _train_epoch(
    training: _Training, split: Split, run_steps: RunSteps, checkpoints: Checkpoints
) -> Iterator[Event]:
    """Run the epoch's steps from where the training stands, stretch by stretch."""
    case, epoch, steps = training.case, training.epoch, training.steps
    if training.step == steps:
        return
    order = tf.constant(batch_order(training.images, case.seed, epoch))
    rates = tf.constant(learning_rates(case, epoch, steps), tf.float32)
    skip_rate = tf.constant(dilated_rate(case, epoch), tf.float32)

    def advance(state: State, last: int) -> State:
        return run_steps(state, order, rates, skip_rate, tf.constant(training.step), tf.constant(last))

    stretch, every = 1, checkpoints.every_steps or sys.maxsize
    while training.step < steps:
        begun = time.perf_counter()
        count = min(stretch, steps - training.step, every - training.step % every)
        before, last = training.state, training.step + count

        training.state = advance(before, last)
        diverged_at = training.state.sums.diverged_at.numpy().item()
        if diverged_at >= 0:
            weights = advance(before, diverged_at).weights
            chosen = order.numpy()[diverged_at * case.batch_size : (diverged_at + 1) * case.batch_size]
            skip = skip_rate if case.backprop.method == "dilated" else None
            batch = split.images[chosen], split.labels[chosen]
            reason = explain_divergence(training.network, weights, *batch, skip)
            where = f"in epoch {epoch}, step {diverged_at + 1} of {steps}"
            raise diverged(case, where, reason, updated=(epoch, diverged_at) != (1, 0))
        elapsed = time.perf_counter() - begun
        training.step = last
        training.seconds += elapsed
        yield training.steps_done()
        if training.step == steps or training.step % every == 0 or checkpoints.due():
            yield training.checkpoint()
        stretch = max(1, min(2 * stretch, int(_STRETCH_SECONDS * count / elapsed)))


def _evaluate(
    training: _Training, test_images: int, run_evaluation: Callable[..., Any], probe: Probe | None
) -> Iterator[Event]:
    """Test the weights on the test images, stretch by stretch, and report the whole epoch."""
    case, epoch, last = training.case, training.epoch, training.steps_done()
    yield EvaluationStarted(epoch)
    started = time.perf_counter()
    first, loss_sum, correct = tf.constant(0), tf.zeros((), tf.float64), tf.constant(0)
    stretch, tested = 1, 0
    while tested < test_images:
        begun = time.perf_counter()
        first, loss_sum, correct = run_evaluation(
            training.state.weights, first, loss_sum, correct, tf.constant(stretch)
        )
        tested = min(first.numpy().item(), test_images)
        yield ImagesTested(epoch, tested)
        elapsed = time.perf_counter() - begun
        stretch = max(1, min(2 * stretch, int(_STRETCH_SECONDS * stretch / elapsed)))
    test_loss, test_accuracy = (sum_.numpy().item() / test_images for sum_ in (loss_sum, correct))
    if not isfinite(test_loss):  # the epoch's last step blew up: no other step's loss shows it
        raise diverged(case, f"on the test images after epoch {epoch}")
    seconds = training.seconds + time.perf_counter() - started
    if probe is not None:
        yield probe(training.state.weights, epoch)
    yield EpochDone(
        EpochMetrics(
            epoch=epoch,
            train_loss=last.loss,
            train_accuracy=last.accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            learning_rate=float(learning_rates(case, epoch, last.step)[-1]),
            dilated_rate=dilated_rate(case, epoch),
            seconds=seconds,
            images_per_second=last.images_per_second,
            time=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            fidelity=read_record(case, training.state.sums.fidelity),
        )
    )
