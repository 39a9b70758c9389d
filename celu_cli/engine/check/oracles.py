"""Gradients found without our backward pass: by the tape, and by finite differences of the loss. All in float64.

The forward pass is written anew here, of TensorFlow's own operations; only the value of an activation is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.engine.layers import Layer
from celu_cli.engine.tensor import Tensor, Tensors

Array = NDArray[np.float64]

# The smallest that rounding of the loss allows is taken, as it has the fewest kinks within it.
_STEPS = (1e-6, 1e-5, 1e-4, 1e-3)
# Rounding of the loss may make this much of a gradient.
_MEASURABLE = 1e-5
# Two step sizes that disagree by more than this, relative to the gradient, have a kink between them.
_SMOOTH = 3e-5


class Values(NamedTuple):
    """What a layer computes: z = conv(x, weights), f(z), y = f(z) + residual x, and the pool of y."""

    z: Tensor
    activated: Tensor
    y: Tensor
    pooled: Tensor


class Reference(NamedTuple):
    """dL/d weights and dL/d output of each layer."""

    weights: list[Array]
    outputs: list[Array]


def layer_values(layer: Layer, weights: Tensor, x: Tensor, article: bool = False) -> Values:
    """Run a layer for a tape.

    With `article` the values are the same, but the tape finds what the rule article declares: 1 more on the positive
    side of the activation, and the whole gradient for each cell of an average pool.
    """
    plan = layer.plan
    z = tf.nn.conv2d(x, weights, 1, "SAME")
    activated = layer.activation.value(z, plan.alpha)
    if article:
        positive = tf.where(z >= 0.0, z, tf.zeros_like(z))
        activated += positive - tf.stop_gradient(positive)
    y = activated + tf.constant(plan.residual, x.dtype) * x if plan.residual else activated
    if plan.pool == "none":
        return Values(z, activated, y, y)
    pool = tf.nn.avg_pool2d if plan.pool == "average" else tf.nn.max_pool2d
    pooled = pool(y, plan.pool_size, plan.pool_size, "VALID")
    if article and plan.pool == "average":
        pooled += (plan.pool_size**2 - 1) * (pooled - tf.stop_gradient(pooled))
    return Values(z, activated, y, pooled)


def mean_loss(output: Tensor, labels: Tensor) -> Tensor:
    """Mean softmax cross-entropy of the last layer's output: [b, 1, 1, classes], [b] -> scalar."""
    logits = tf.reshape(output, [-1, output.shape[-1]])
    one_hot = tf.one_hot(tf.cast(labels, tf.int32), logits.shape[-1], dtype=logits.dtype)
    return -tf.reduce_mean(tf.reduce_sum(one_hot * tf.nn.log_softmax(logits), axis=1))


def reference_gradients(
    layers: Sequence[Layer],
    dilated_layers: Sequence[int],
    weights: Tensors,
    x: Tensor,
    labels: Tensor,
    *,
    rate: float = 0.0,
    article: bool = False,
) -> Reference:
    """The tape's gradients of L + sum over dilated layers l of rate <stop_gradient(up(d_{l+2})), y_l>.

    y_l is layer l's activation, d_{l+2} the gradient of that sum's terms above with respect to the input of layer
    l + 2, and `up` the adjoint of the pools of layers l + 1 and l. Gradients of outputs are those that the layer above
    passes down: the terms of the layer above and of all further ones, not that of the layer itself.
    """
    weights = list(weights)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(weights)
        kept, output = [], x
        for layer, layer_weights in zip(layers, weights, strict=True):
            kept.append(layer_values(layer, layer_weights, output, article))
            output = kept[-1].pooled
        loss = mean_loss(output, labels)
    # The article's scripts leave out the mean over the batch.
    factor = tf.cast(len(labels), loss.dtype) if article else tf.ones_like(loss)
    terms, factors = [loss], [factor]
    of_outputs: list[Tensor] = []
    for index in reversed(range(len(layers))):
        of_outputs.append(tape.gradient(terms, kept[index].pooled, output_gradients=factors))
        if rate > 0.0 and index + 1 in dilated_layers:
            above = kept[index + 1]
            up = tape.gradient(above.pooled, above.y, output_gradients=of_outputs[-2])
            up = tape.gradient(kept[index].pooled, kept[index].y, output_gradients=up)
            terms.append(kept[index].y)
            factors.append(rate * up)
    of_weights = tape.gradient(terms, weights, output_gradients=factors)
    return Reference([g.numpy() for g in of_weights], [g.numpy() for g in reversed(of_outputs)])


def loss_from(
    layers: Sequence[Layer], weights: Tensors, labels: Tensor, first: int
) -> Callable[[Tensor], float]:
    """The loss as a function of the input of layer `first` (an index): [b, h, w, c] -> L."""
    rest = list(zip(layers[first:], list(weights)[first:], strict=True))

    def loss(x: Tensor) -> float:
        for layer, layer_weights in rest:
            x = layer_values(layer, layer_weights, x).pooled
        return float(mean_loss(x, labels))

    return loss


def difference_error(
    loss: Callable[[Array], float], at: Array, gradient: Array, samples: int, generator: np.random.Generator
) -> float | None:
    """The largest relative error of `gradient` against central differences of `loss` at sampled coordinates of `at`.

    `samples` coordinates are drawn from all, as many from those with the largest gradients. Passed over are those
    with a kink so near that two step sizes disagree, and those whose gradient is lost in the rounding of the loss;
    None when all are. Errors are relative to the gradient there, or to its root mean square over the array where that
    is larger.
    """
    size = gradient.size
    largest = np.argsort(np.abs(gradient), axis=None)[-max(samples, size // 100) :]
    chosen = [*generator.choice(size, min(samples, size), replace=False), *generator.choice(largest, samples)]
    scale = float(np.sqrt(np.mean(gradient**2)))
    rounding = 8.0 * float(np.finfo(np.float64).eps) * max(abs(loss(at)), 1.0)
    errors = []
    for position in map(int, chosen):
        here = float(gradient.flat[position])
        size_here = max(abs(here), scale)
        measured = _derivative(loss, at, position, size_here, rounding)
        if measured is not None:
            errors.append(abs(measured - here) / size_here)
    return max(errors) if errors else None


def _derivative(
    loss: Callable[[Array], float], at: Array, position: int, size: float, rounding: float
) -> float | None:
    """By Richardson's extrapolation from two central differences that agree, relative to `size`."""
    step = next((step for step in _STEPS if rounding <= _MEASURABLE * size * step), None)
    if step is None:
        return None
    coarse, fine = (_central_difference(loss, at, position, h) for h in (step, step / 2))
    return fine + (fine - coarse) / 3.0 if abs(coarse - fine) <= _SMOOTH * size else None


def _central_difference(loss: Callable[[Array], float], at: Array, position: int, step: float) -> float:
    values = []
    for sign in (1.0, -1.0):
        moved = at.copy()
        moved.flat[position] += sign * step
        values.append(loss(moved))
    return (values[0] - values[1]) / (2.0 * step)
