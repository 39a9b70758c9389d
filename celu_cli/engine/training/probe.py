"""What the layers compute for one batch after an epoch: how large their gradients are, and how the values spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Split
from celu_cli.engine.backprop import batch_gradients, select_backprop
from celu_cli.engine.network import Network
from celu_cli.engine.randomness import batch_order
from celu_cli.engine.schedules import dilated_rate
from celu_cli.engine.shares import Results, in_shares
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.events import Histogram, LayerDetail, LayersMeasured

_PARTS = 30

# (weights, epoch) -> what the layers do with these weights
Probe = Callable[[Tensors, int], LayersMeasured]


def compile_probe(case: Case, network: Network, split: Split, detail: LayerDetail) -> Probe:
    """One graph that measures the layers on the first batch of the first epoch, the same for every epoch and run.

    The gradients are those that the case trains with. Where an alpha is folded, the activations are multiplied by it
    again: they are the values of the network as the case has it.
    """
    chosen = batch_order(len(split.images), case.seed, epoch=1)[: case.batch_size]
    images, labels = tf.constant(split.images[chosen]), tf.constant(split.labels[chosen])
    backprop = select_backprop(case.backprop)

    @tf.function(autograph=False)
    def measure(weights: Any, rate: Tensor) -> Any:
        gradients = batch_gradients(backprop, network, weights, images, labels, rate).weights
        norms = tf.stack([tf.norm(gradient) for gradient in gradients])
        if detail == "norms":
            return norms, [], []

        def activated(images: Tensor) -> Results:
            _, kept = network.forward(network.compute_weights(weights), network.inputs(images))
            return [tf.cast(layer.activated, tf.float32) * network.scale for layer in kept], []

        activations, _ = in_shares(activated, [images], network.shares)
        return norms, list(map(count_values, activations)), list(map(count_values, gradients))

    def probe(weights: Tensors, epoch: int) -> LayersMeasured:
        rate = tf.constant(dilated_rate(case, epoch), tf.float32)
        norms, activations, gradients = measure(weights, rate)
        return LayersMeasured(
            epoch,
            tuple(map(float, norms.numpy())),
            tuple(_histogram(*counted) for counted in activations),
            tuple(_histogram(*counted) for counted in gradients),
        )

    return probe


def count_values(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The smallest value, the largest, and how many lie in each of 30 equal parts between; not finite counts as 0."""
    values = tf.where(tf.math.is_finite(values), values, 0.0)
    low, high = tf.reduce_min(values), tf.reduce_max(values)
    # Equal values have no width to divide; all of them then lie in the first part of any width.
    wide = tf.where(high > low, high, low + tf.maximum(tf.abs(low), 1.0))
    return low, high, tf.histogram_fixed_width(values, [low, wide], _PARTS)


def _histogram(low: Tensor, high: Tensor, counts: Tensor) -> Histogram:
    return Histogram(float(low.numpy()), float(high.numpy()), tuple(map(int, counts.numpy())))
