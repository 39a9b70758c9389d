"""Gradients found without our backward pass: by the tape, and by finite differences of the loss. All in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.engine.backprop import cross_entropy
from celu_cli.engine.network import Network
from celu_cli.engine.tensor import Tensor, Tensors

Array = NDArray[np.float64]

_STEP = 1e-4
# Two step sizes that disagree by more than this, relative to the gradient, have a kink between them.
_SMOOTH = 1e-5


def tape_gradients(
    network: Network, weights: Tensors, images: Tensor, labels: Tensor
) -> tuple[list[Array], list[Array]]:
    """dL/d weights and dL/d output of each layer."""
    return surrogate_gradients(network, weights, images, labels, rate=0.0)


def surrogate_gradients(
    network: Network, weights: Tensors, images: Tensor, labels: Tensor, rate: float
) -> tuple[list[Array], list[Array]]:
    """The tape's gradients of L + sum over dilated layers l of rate <stop_gradient(up(d_{l+2})), y_l>.

    y_l is layer l's activation, d_{l+2} the gradient of that sum's terms above with respect to the input of layer
    l + 2, and `up` the adjoint of the pools of layers l + 1 and l. Gradients of outputs are those that the layer above passes
    down: the terms of the layer above and of all further ones, not that of the layer itself.
    """
    weights = list(weights)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(weights)
        logits, kept = network.forward(weights, network.inputs(images))
        loss = tf.reduce_mean(cross_entropy(logits, labels))
    terms, factors = [loss], [tf.ones_like(loss)]
    of_outputs = []
    for index in reversed(range(len(network.layers))):
        of_outputs.append(tape.gradient(terms, kept[index].pooled, output_gradients=factors))
        if rate > 0.0 and network.layers[index].plan.number in network.dilated_layers:
            above = kept[index + 1]
            up = tape.gradient(above.pooled, above.y, output_gradients=of_outputs[-2])
            up = tape.gradient(kept[index].pooled, kept[index].y, output_gradients=up)
            terms.append(kept[index].y)
            factors.append(rate * up)
    of_weights = tape.gradient(terms, weights, output_gradients=factors)
    return [g.numpy() for g in of_weights], [g.numpy() for g in reversed(of_outputs)]


def difference_error(
    loss: Callable[[Array], float], at: Array, gradient: Array, samples: int, generator: np.random.Generator
) -> float | None:
    """The largest relative error of `gradient` against central differences of `loss` at sampled coordinates of `at`.

    Half the samples are drawn from all coordinates, half from those with the largest gradients. A coordinate at which
    two step sizes disagree lies at a kink and is passed over; None when all do. Errors are relative to the gradient
    there, or to its root mean square over the array where that is larger; what rounding of the loss can do is taken off.
    """
    size = gradient.size
    largest = np.argsort(np.abs(gradient), axis=None)[-max(samples, size // 100) :]
    chosen = [*generator.choice(size, min(samples, size), replace=False), *generator.choice(largest, samples)]
    scale = float(np.sqrt(np.mean(gradient**2)))
    noise = 8.0 * float(np.finfo(np.float64).eps) * max(abs(loss(at)), 1.0) / _STEP
    errors = []
    for position in map(int, chosen):
        here = float(gradient.flat[position])
        coarse, fine = (_central_difference(loss, at, position, step) for step in (_STEP, _STEP / 2))
        size_here = max(abs(here), scale)
        if abs(coarse - fine) <= _SMOOTH * size_here + noise:
            errors.append(max(0.0, abs(fine - here) - noise) / size_here)
    return max(errors) if errors else None


def loss_from(network: Network, weights: Tensors, labels: Tensor, first: int) -> Callable[[Tensor], float]:
    """The loss as a function of the input of layer `first` (an index): [b, h, w, c] -> L."""
    layers, rest = network.layers[first:], list(weights)[first:]

    def loss(x: Tensor) -> float:
        for layer, layer_weights in zip(layers, rest, strict=True):
            x, _ = layer.forward(layer_weights, x)
        return float(tf.reduce_mean(cross_entropy(tf.reshape(x, [-1, x.shape[-1]]), labels)))

    return loss


def _central_difference(loss: Callable[[Array], float], at: Array, position: int, step: float) -> float:
    values = []
    for sign in (1.0, -1.0):
        moved = at.copy()
        moved.flat[position] += sign * step
        values.append(loss(moved))
    return (values[0] - values[1]) / (2.0 * step)
