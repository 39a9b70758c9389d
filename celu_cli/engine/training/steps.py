"""The compiled graph that runs a stretch of training steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Split
from celu_cli.engine.backprop import manual, select_backprop
from celu_cli.engine.network import Network, exact_twin
from celu_cli.engine.optimizers import build_optimizer
from celu_cli.engine.tensor import Tensor, share
from celu_cli.engine.training.fidelity import empty_record, record_if_due


def empty_sums(case: Case, steps: int, layers: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What an epoch adds up: loss, right answers, the step that diverged (from 0, -1: none), fidelity."""
    nothing = tf.zeros((), tf.float64), tf.zeros((), tf.int64), tf.constant(-1)
    return *nothing, empty_record(case, steps, layers)


def compile_steps(case: Case, network: Network, split: Split) -> Callable[..., Any]:
    """One graph that runs steps [first, last) of an epoch.

    The function returned takes weights, optimizer state, sums (see `empty_sums`), the order of the images, the learning
    rate of every step, the dilated rate, first and last; it returns the first three as they are after the steps.
    """
    images, labels = share(split.images), share(split.labels)
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
        # A sum is finite only where all it adds is, short of gradients that no float32 could be trained with.
        total = tf.add_n([gradients.loss, *(tf.reduce_sum(gradient) for gradient in gradients.weights)])
        diverged_at = tf.where(tf.math.is_finite(total), diverged_at, index)
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
