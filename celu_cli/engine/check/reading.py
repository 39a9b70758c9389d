"""A case read a second time: its layers, their outputs, its skip gradients and its dilated rates, in NumPy.

`celu check` holds the engine to it. It shares nothing with `celu_cli.case.plan` and the engine but the case itself, so
that a mistake there is not repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celu_cli.case.schema import Case, LayerSpec, PresetNetwork
from celu_cli.datasets.definition import Definition

Array = NDArray[np.float64]
OPERATIONS = {"convolution", "activation", "residual", "average_pool", "max_pool"}
"""The operations that are known here; what a layer with others computes is not judged."""
_DEFAULT_ALPHA = {"celu": 1.0, "elu": 1.0, "leaky_relu": 0.3}


@dataclass(frozen=True)
class ReadLayer:
    """What a case says of one layer."""

    kernel: int
    filters: int
    pool: str
    pool_size: int
    residual: float
    activation: str
    alpha: float


def read_layers(case: Case, dataset: Definition) -> list[ReadLayer]:
    """The layers of `case`, with what they inherit."""
    if not isinstance(case.network, PresetNetwork):
        return [_read_layer(case, spec, spec.residual) for spec in case.network.layers]
    side, channels = min(dataset.image_shape[:2]), dataset.image_shape[2]
    layers = []
    for number, kernel in enumerate((5, 3, 1, 3, 1, 2, 1), 1):
        filters = case.network.filters if number < 7 else dataset.classes
        pooled = 2 <= number <= 6 and side > 1
        spec = LayerSpec(kernel=kernel, filters=filters, pool="average" if pooled else "none")
        layers.append(_read_layer(case, spec, case.network.residual * (channels == filters)))
        side, channels = side // 2 if pooled else side, filters
    return layers


def _read_layer(case: Case, spec: LayerSpec, residual: float) -> ReadLayer:
    activation = spec.activation if spec.activation is not None else case.activation
    given = [spec.alpha, case.alpha if activation == case.activation else None]
    alpha = next((one for one in given if one is not None), _DEFAULT_ALPHA.get(activation, 1.0))
    return ReadLayer(spec.kernel, spec.filters, spec.pool, spec.pool_size, residual, activation, alpha)


def read_dilated_layers(layers: Sequence[ReadLayer]) -> tuple[int, ...]:
    """The numbers of the layers that dilated backprop gives a skip gradient to.

    Such a layer and the next have pools and as many filters, and there is a layer above these two.
    """
    return tuple(
        number
        for number in range(1, len(layers) - 1)
        if "none" not in (layers[number - 1].pool, layers[number].pool)
        and layers[number - 1].filters == layers[number].filters
    )


def read_dilated_rates(case: Case) -> Array:
    """The weight of the skip gradients in each epoch: rate / (1 + decay (epoch - 1)), 0 without skip gradients."""
    epochs_before = np.arange(case.epochs, dtype=np.float64)
    if case.backprop.method != "dilated":
        return 0.0 * epochs_before
    return case.backprop.rate / (1.0 + case.backprop.decay * epochs_before)


@np.errstate(invalid="ignore", over="ignore")  # what becomes NaN or infinite is found by the check
def read_output(layer: ReadLayer, kernel: Array, x: Array, value: Callable[[Array], Array]) -> Array:
    """The layer's output, [b, h, w, c] -> [b, h', w', f]; `value` is its activation's.

    Raises:
        ValueError: `kernel` does not have the shape that the case gives it.
    """
    if kernel.shape != (layer.kernel, layer.kernel, x.shape[3], layer.filters):
        raise ValueError(f"a kernel of shape {kernel.shape}")
    size, (height, width) = layer.kernel, x.shape[1:3]
    before = (size - 1) // 2
    after = size - 1 - before
    padded = np.pad(x, [(0, 0), (before, after), (before, after), (0, 0)])
    z = np.zeros((*x.shape[:3], layer.filters))
    for row, column in np.ndindex(size, size):
        z += padded[:, row : row + height, column : column + width] @ kernel[row, column]
    y = value(z)
    if layer.residual:
        y = y + layer.residual * x
    if layer.pool == "none":
        return y
    rows, columns = height // layer.pool_size, width // layer.pool_size
    windows = y[:, : rows * layer.pool_size, : columns * layer.pool_size].reshape(
        len(y), rows, layer.pool_size, columns, layer.pool_size, layer.filters
    )
    return np.asarray(windows.mean(axis=(2, 4)) if layer.pool == "average" else windows.max(axis=(2, 4)))
