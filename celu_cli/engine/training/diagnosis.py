"""What went wrong in a step, told so that a person can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from celu_cli.case.schema import Case
from celu_cli.engine.loss import cross_entropy, logits_gradient
from celu_cli.engine.network import Network, exact_twin
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.errors import DivergedError, OutOfMemoryError

_LARGE = 1e3


def diverged(case: Case, where: str, reason: str = "", updated: bool = True) -> DivergedError:
    """The error of a training that diverged at the place `where`; `updated` tells whether an update came before."""
    lines = [f"the loss or a gradient became NaN or infinite {where}."]
    if reason:
        lines.append(reason)
    if updated:
        rate = case.optimizer.learning_rate
        lines.append(
            f"A learning rate of {rate:g} is the usual cause: try optimizer.learning_rate={rate / 10:g}"
        )
    else:
        lines.append(
            "No update came before it, so the learning rate is not the cause: "
            "try smaller initial weights (network.initializer), alpha or residual"
        )
    return DivergedError("\n".join(lines))


@contextmanager
def clear_memory_errors() -> Iterator[None]:
    """Turn TensorFlow's word for a full memory into ours."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemoryError(
            "there is not enough memory for a step of this case.\n"
            "Lower batch_size or network.filters; `celu show CASE` tells what a step needs"
        ) from error


def explain_divergence(network: Network, weights: Tensors, images: object, labels: object) -> str:
    """The first layer, in the order of the computation, whose numbers are not finite, and the largest weight.

    The step is taken again, layer by layer, with the weights it began with: forward from the first layer, then back
    from the last. Empty when nothing is found.
    """
    place = _first_place(exact_twin(network), weights, tf.constant(images), tf.constant(labels))
    largest = [float(np.abs(w.numpy()).max()) for w in weights]
    number = int(np.argmax(largest)) + 1
    grown = (
        f"; the weights of layer {number} have grown to {max(largest):.3g}" if max(largest) > _LARGE else ""
    )
    return f"It began in {place}{grown}." if place else ""


def _first_place(network: Network, weights: Tensors, images: Tensor, labels: Tensor) -> str:
    for number, w in enumerate(weights, 1):
        if not _finite(w):
            return f"the weights of layer {number}"
    inner = network.compute_weights(weights)
    x, kept = network.inputs(images), []
    for layer, w in zip(network.layers, inner, strict=True):
        x, layer_kept = layer.forward(w, x)
        kept.append(layer_kept)
        if not _finite(x):
            return f"the output of layer {layer.plan.number}"
    logits = tf.cast(tf.reshape(x, [-1, x.shape[-1]]), tf.float32) * network.scale
    if not _finite(cross_entropy(logits, labels)):
        return "the loss of the logits"
    gradient = logits_gradient(network, logits, labels)
    for index in reversed(range(len(network.layers))):
        layer = network.layers[index]
        of_weights, passed_down = layer.backward(kept[index], gradient, pass_down=index > 0)
        if not _finite(of_weights) or (passed_down is not None and not _finite(passed_down)):
            return f"the gradient of layer {layer.plan.number}"
        gradient = passed_down
    return ""


def _finite(tensor: Tensor) -> bool:
    return bool(tf.reduce_all(tf.math.is_finite(tf.cast(tensor, tf.float32))))
