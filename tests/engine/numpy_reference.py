"""An oracle: CELU networks and their gradients in NumPy loops, by the exact rule or the article's.

It shares no code with the engine and uses no automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from celu_cli.case.plan import LayerPlan, NetworkPlan
from tests.engine.compare import Expected
from tests.engine.small import Batch, Floats


class LayerValues(NamedTuple):
    """A layer's input and the result of its convolution."""

    x: Floats
    z: Floats


def convolve(x: Floats, weights: Floats) -> Floats:
    """SAME convolution with stride 1, one kernel element after the other."""
    size, height, width = weights.shape[0], x.shape[1], x.shape[2]
    padded = _padded(x, size)
    z = np.zeros((*x.shape[:3], weights.shape[3]))
    for row in range(size):
        for column in range(size):
            z += padded[:, row : row + height, column : column + width] @ weights[row, column]
    return z


def convolve_adjoint(x: Floats, weights: Floats, gz: Floats) -> tuple[Floats, Floats]:
    """dL/d z -> dL/d weights, dL/d x."""
    size, height, width = weights.shape[0], x.shape[1], x.shape[2]
    padded = _padded(x, size)
    weights_gradient, padded_gradient = np.zeros_like(weights), np.zeros_like(padded)
    for row in range(size):
        for column in range(size):
            window = np.s_[:, row : row + height, column : column + width]
            weights_gradient[row, column] = np.einsum("bhwc,bhwf->cf", padded[window], gz)
            padded_gradient[window] += gz @ weights[row, column].T
    before = (size - 1) // 2
    return weights_gradient, padded_gradient[:, before : before + height, before : before + width]


def average_pool(y: Floats, size: int) -> Floats:
    """Means of size x size windows; what is left over at the end is dropped."""
    rows, columns = y.shape[1] // size, y.shape[2] // size
    pooled = np.zeros((y.shape[0], rows, columns, y.shape[3]))
    for row in range(rows):
        for column in range(columns):
            window = y[:, row * size : (row + 1) * size, column * size : (column + 1) * size]
            pooled[:, row, column] = window.mean(axis=(1, 2))
    return pooled


def repeat_up(gradient: Floats, size: int, height: int, width: int) -> Floats:
    """Every element size x size times, and zeros for what the pool dropped."""
    repeated = gradient.repeat(size, axis=1).repeat(size, axis=2)
    full = np.zeros((gradient.shape[0], height, width, gradient.shape[3]))
    full[:, : repeated.shape[1], : repeated.shape[2]] = repeated
    return full


def gradients(
    plan: NetworkPlan, weights: Sequence[Floats], batch: Batch, rate: float = 0.0, article: bool = True
) -> Expected:
    """Gradients of all weights and outputs, with skip gradients where a rate is given."""
    values, logits = forward(plan, weights, batch)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    delta = exponentials / exponentials.sum(axis=1, keepdims=True)
    delta[np.arange(len(delta)), batch.labels] -= 1
    if not article:
        delta /= len(delta)
    # passed[l] is what layer l (from 1) hands to the layer below; the layer above the last hands down the loss's.
    passed = {len(plan.layers) + 1: delta[:, None, None, :]}
    results = []
    for layer, layer_weights, value in reversed(list(zip(plan.layers, weights, values, strict=True))):
        arrived = _unpool(layer, passed[layer.number + 1], article)
        if rate and layer.number in plan.dilated_layers:
            above = _unpool(plan.layers[layer.number], passed[layer.number + 2], article)
            arrived = arrived + rate * _unpool(layer, above, article)
        slope = np.where(value.z >= 0, 2.0 if article else 1.0, np.exp(np.minimum(value.z, 0) / layer.alpha))
        gradient, down = convolve_adjoint(value.x, layer_weights, arrived * slope)
        passed[layer.number] = down + layer.residual * (arrived if layer.residual else 0)
        results.append(gradient)
    return Expected(results[::-1], [passed[layer.number + 1] for layer in plan.layers])


def forward(plan: NetworkPlan, weights: Sequence[Floats], batch: Batch) -> tuple[list[LayerValues], Floats]:
    """What each layer takes and convolves, and the logits."""
    x = batch.images / 255
    values = []
    for layer, layer_weights in zip(plan.layers, weights, strict=True):
        z = convolve(x, layer_weights)
        values.append(LayerValues(x, z))
        y = np.where(z >= 0, z, layer.alpha * (np.exp(np.minimum(z, 0) / layer.alpha) - 1))
        y = y + layer.residual * (x if layer.residual else 0)
        x = average_pool(y, layer.pool_size) if layer.pool == "average" else y
    return values, x.reshape(len(x), -1)


def _unpool(layer: LayerPlan, gradient: Floats, article: bool) -> Floats:
    if layer.pool == "none":
        return gradient
    height, width, _ = layer.activation_shape
    repeated = repeat_up(gradient, layer.pool_size, height, width)
    return repeated if article else repeated / layer.pool_size**2


def _padded(x: Floats, size: int) -> Floats:
    before = (size - 1) // 2
    return np.pad(x, [(0, 0), (before, size - 1 - before), (before, size - 1 - before), (0, 0)])
