"""A training step as a pure function of its state, and the compiled graph that runs a stretch of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Split
from celu_cli.engine.backprop import batch_gradients, manual, select_backprop
from celu_cli.engine.network import Network, exact_twin
from celu_cli.engine.optimizers import Optimizer, build_optimizer
from celu_cli.engine.tensor import Tensor, share
from celu_cli.engine.training.fidelity import empty_record, record_if_due


class Sums(NamedTuple):
    """What an epoch adds up: loss, right answers, the step that diverged (from 0, -1: none), fidelity."""

    loss: Tensor
    correct: Tensor
    diverged_at: Tensor
    fidelity: Tensor


class State(NamedTuple):
    """All that a step changes; a checkpoint is this and nothing else.

    `untrained` is what operations remember that no gradient changes; none does so yet.
    """

    weights: tuple[Tensor, ...]
    optimizer: dict[str, Any]
    untrained: dict[str, Tensor]
    sums: Sums


class Batch(NamedTuple):
    """What a step takes: its number (from 0), images [b, h, w, c], labels [b], and its rates."""

    index: Tensor
    images: Tensor
    labels: Tensor
    learning_rate: Tensor
    dilated_rate: Tensor


Step: TypeAlias = Callable[[State, Batch], State]
# (state, order of the images, learning rate of every step, dilated rate, first step, last step + 1) -> state
RunSteps: TypeAlias = Callable[[State, Tensor, Tensor, Tensor, Tensor, Tensor], State]


def initial_state(case: Case, network: Network, weights: Sequence[NDArray[np.float32]], steps: int) -> State:
    """The state before the first of an epoch's `steps`."""
    tensors = tuple(map(tf.constant, weights))
    return State(tensors, _optimizer(case, network).init(tensors), {}, empty_sums(case, network, steps))


def empty_sums(case: Case, network: Network, steps: int) -> Sums:
    """The sums before the first of an epoch's `steps`."""
    record = empty_record(case, steps, len(network.weight_names))
    return Sums(tf.zeros((), tf.float64), tf.zeros((), tf.int64), tf.constant(-1), record)


def build_step(case: Case, network: Network) -> Step:
    """The step of `case`: gradients of the batch, new weights, sums."""
    backprop, exact_network = select_backprop(case.backprop), exact_twin(network)
    optimizer = _optimizer(case, network)

    def step(state: State, batch: Batch) -> State:
        inputs = batch.images, batch.labels, batch.dilated_rate
        gradients = batch_gradients(backprop, network, state.weights, *inputs)
        record = record_if_due(
            case,
            state.sums.fidelity,
            batch.index,
            gradients.weights,
            lambda: batch_gradients(manual, exact_network, state.weights, *inputs).weights,
        )
        weights, memory = optimizer.update(
            gradients.weights, state.optimizer, state.weights, batch.learning_rate
        )
        images = tf.cast(tf.shape(batch.labels)[0], tf.float64)
        # A sum is finite only where all it adds is, short of gradients that no float32 could be trained with.
        total = tf.add_n([gradients.loss, *(tf.reduce_sum(gradient) for gradient in gradients.weights)])
        sums = Sums(
            state.sums.loss + tf.cast(gradients.loss, tf.float64) * images,
            state.sums.correct + tf.cast(gradients.correct, tf.int64),
            tf.where(tf.math.is_finite(total), state.sums.diverged_at, batch.index),
            record,
        )
        return State(weights, memory, state.untrained, sums)

    return step


def compile_steps(case: Case, network: Network, split: Split) -> RunSteps:
    """One graph that runs the steps [first, last) of an epoch on `split`, but none after one that diverged."""
    images, labels = share(split.images), share(split.labels)
    step = build_step(case, network)

    @tf.function(autograph=False)
    def run_steps(
        state: State, order: Tensor, rates: Tensor, dilated_rate: Tensor, first: Tensor, last: Tensor
    ) -> State:
        def next_step(index: Tensor, state: State) -> tuple[Tensor, State]:
            chosen = order[index * case.batch_size : (index + 1) * case.batch_size]
            batch_images = tf.ensure_shape(tf.gather(images, chosen), [None, *images.shape[1:]])
            batch = Batch(index, batch_images, tf.gather(labels, chosen), rates[index], dilated_rate)
            return index + 1, step(state, batch)

        return tf.while_loop(
            lambda index, state: (index < last) & (state.sums.diverged_at < 0),
            next_step,
            (first, state),
            parallel_iterations=1,
        )[1]

    return run_steps


def _optimizer(case: Case, network: Network) -> Optimizer:
    parameters = [parameter for layer in network.layers for parameter in layer.plan.weights.values()]
    return build_optimizer(case.optimizer, [parameter.decayed for parameter in parameters])
