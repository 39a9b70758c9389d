"""Gradients found without our backward pass: by the tape, and by finite differences of the loss. All in float64.

The forward pass is that of the references of the operations, written of TensorFlow's own; only the value of an
activation is shared.
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


class Reference(NamedTuple):
    """dL/d weights (those of one layer in one array) and dL/d output of each layer."""

    weights: list[Array]
    outputs: list[Array]


def joined(gradients: Sequence[Tensor]) -> Array:
    """The gradient of a layer's weights as one array: as it is where there is one, otherwise flat."""
    arrays = [tf.cast(gradient, tf.float64).numpy() for gradient in gradients]
    return arrays[0] if len(arrays) == 1 else np.concatenate([array.ravel() for array in arrays])


def output_of(layer: Layer, weights: Tensors, x: Tensor) -> Tensor:
    """The layer's output by the references of its operations."""
    *_, output = layer.references(weights, x)
    return output


def mean_loss(output: Tensor, labels: Tensor) -> Tensor:
    """Mean softmax cross-entropy of the last layer's output: [b, 1, 1, classes], [b] -> scalar."""
    logits = tf.reshape(output, [-1, output.shape[-1]])
    one_hot = tf.one_hot(tf.cast(labels, tf.int32), logits.shape[-1], dtype=logits.dtype)
    return -tf.reduce_mean(tf.reduce_sum(one_hot * tf.nn.log_softmax(logits), axis=1))


def reference_gradients(
    layers: Sequence[Layer],
    dilated_layers: Sequence[int],
    weights: Sequence[Tensors],
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
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(weights)
        values = [[x]]
        for layer, of_layer in zip(layers, weights, strict=True):
            values.append(list(layer.references(of_layer, values[-1][-1], article)))
        loss = mean_loss(values[-1][-1], labels)
    outputs = [of_layer[-1] for of_layer in values[1:]]
    activated = [of_layer[layer.pools_from] for layer, of_layer in zip(layers, values[1:], strict=True)]
    # The article's scripts leave out the mean over the batch.
    factor = tf.cast(len(labels), loss.dtype) if article else tf.ones_like(loss)
    terms, factors = [loss], [factor]
    of_outputs: list[Tensor] = []
    for index in reversed(range(len(layers))):
        of_outputs.append(tape.gradient(terms, outputs[index], output_gradients=factors))
        if rate > 0.0 and index + 1 in dilated_layers:
            up = of_outputs[-2]
            for pool in (index + 1, index):
                up = tape.gradient(outputs[pool], activated[pool], output_gradients=up)
            terms.append(activated[index])
            factors.append(rate * up)
    of_weights = tape.gradient(terms, list(map(list, weights)), output_gradients=factors)
    return Reference(list(map(joined, of_weights)), [g.numpy() for g in reversed(of_outputs)])


def loss_from(
    layers: Sequence[Layer], weights: Sequence[Tensors], labels: Tensor, first: int
) -> Callable[[Tensor], float]:
    """The loss as a function of the input of layer `first` (an index): [b, h, w, c] -> L."""
    rest = list(zip(layers[first:], weights[first:], strict=True))

    def loss(x: Tensor) -> float:
        for layer, layer_weights in rest:
            x = output_of(layer, layer_weights, x)
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
