"""What went wrong in a step, and what to try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.schema import Case
from celu_cli.engine.backprop import backward, loss_gradient
from celu_cli.engine.loss import cross_entropy
from celu_cli.engine.network import Network, exact_twin
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.errors import DivergedError, OutOfMemoryError

_LARGE = 1e3


def diverged(case: Case, where: str, reason: str = "", updated: bool = True) -> DivergedError:
    """The error of a training that diverged at the place `where`; `updated`: whether an update came before."""
    rate = case.optimizer.learning_rate
    advice = f"A learning rate of {rate:g} is the usual cause: try optimizer.learning_rate={rate / 10:g}"
    if not updated:
        advice = (
            "No update came before it, so the learning rate is not the cause: "
            "try smaller initial weights (network.initializer), alpha or residual"
        )
    first = f"the loss or a gradient became NaN or infinite {where}."
    return DivergedError("\n".join(filter(None, [first, reason, advice])))


@contextmanager
def clear_memory_errors() -> Iterator[None]:
    """Turn TensorFlow's error for a full memory into ours."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemoryError(
            "there is not enough memory for a step of this case.\n"
            "Try more shares of a batch (shares=N) or lower network.filters; `celu show CASE` shows what a step needs"
        ) from error


def explain_divergence(
    network: Network,
    weights: Tensors,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    skip_rate: Tensor | None = None,
) -> str:
    """The first layer, in the order of the computation, whose numbers are not finite, and the largest weight.

    The step is taken again, by hand-written backprop, with the weights it began with: forward from the first layer,
    then back from the last, share by share as in training, until one shows it. `skip_rate` is that of dilated backprop.
    Empty when nothing is found.
    """
    size = ceil(len(labels) / network.shares)
    shares = (slice(first, first + size) for first in range(0, len(labels), size))
    places = (
        _first_place(network, weights, tf.constant(images[share]), tf.constant(labels[share]), skip_rate)
        for share in shares
    )
    place = next(filter(None, places), "")
    largest = [float(np.abs(w.numpy()).max()) for w in weights]
    name = network.weight_names[int(np.argmax(largest))]
    number = next(layer.plan.number for layer in network.layers if name in layer.plan.weights)
    grown = (
        f"; the weights of layer {number} have grown to {max(largest):.3g}" if max(largest) > _LARGE else ""
    )
    return f"It began in {place}{grown}." if place else ""


def _first_place(
    network: Network, weights: Tensors, images: Tensor, labels: Tensor, skip_rate: Tensor | None
) -> str:
    for number, of_layer in enumerate(network.by_layer(weights), 1):
        if not all(map(_finite, of_layer)):
            return f"the weights of layer {number}"
    network = network if not network.layers[0].context.taped else exact_twin(network)
    logits, kept = network.forward(network.compute_weights(weights), network.inputs(images), training=True)
    for number, layer in enumerate(kept, 1):
        if not _finite(layer.output):
            return f"the output of layer {number}"
    if not _finite(cross_entropy(logits, labels)):
        return "the loss of the logits"
    for found in backward(network, kept, loss_gradient(network, logits, labels), skip_rate):
        below = [] if found.passed_down is None else [found.passed_down]
        if not all(map(_finite, [*found.weights, *below])):
            return f"the gradient of layer {found.layer.plan.number}"
    return ""


def _finite(tensor: Tensor) -> bool:
    return bool(tf.reduce_all(tf.math.is_finite(tf.cast(tensor, tf.float32))))
