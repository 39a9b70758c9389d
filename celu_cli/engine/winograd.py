"""3 x 3 convolutions with a quarter of the multiplications: Winograd's minimal filtering F(4 x 4, 3 x 3).

An image is cut into tiles of 4 x 4 outputs, each of which needs 6 x 6 inputs. With d a tile's inputs, w the filter,

    output tile = A' [(G w G') * (B' d B)] A        (* elementwise, ' transpose)

and the elementwise product, summed over the channels, is a matrix product over all tiles for each of the 36 elements.
36 multiplications replace 16 x 9 = 144. Every step is linear, so its adjoint is written beside it.

Source: Lavin, Gray 2015, arXiv:1509.09308. Rounding is a little coarser than that of a direct convolution, as the
transforms have elements up to 8; in float64 the two agree to about 1e-14.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from celu_cli.case.operations import ConvolutionPlan
from celu_cli.engine.tensor import Tensor, Tensors, scaled

_TILE = 4
# Only a layer of 32 x 32 with 200 channels was measured; these keep to layers that are clearly large, by judgement.
_SMALLEST_IMAGE = 7
_FEWEST_CHANNELS = 64
_INPUTS = np.array(  # B'
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_FILTERS = np.array(  # G
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_OUTPUTS = np.array(  # A'
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)


def pays_off(plan: ConvolutionPlan, dtype: tf.DType) -> bool:
    """Whether this algorithm is the faster one: in float32, and on the way back in bfloat16."""
    height, width, channels = plan.input_shape
    return (
        dtype != tf.float64
        and plan.kernel == 3
        and min(height, width) >= _SMALLEST_IMAGE
        and min(channels, plan.filters) >= _FEWEST_CHANNELS
    )


def count_flops(plan: ConvolutionPlan) -> int:
    """Those of the matrix products for one image, a multiply-add counted as 2: the same forward, for dL/dx and for
    dL/d filters."""
    height, width, channels = plan.input_shape
    return 2 * len(_INPUTS) ** 2 * _tiles(height) * _tiles(width) * channels * plan.filters


def transform_filters(weights: Tensor) -> list[Tensor]:
    """G w G': [3, 3, c, f] -> 36 of [c, f]."""
    channels, filters = weights.shape[2:]
    transformed = tf.matmul(_filter_matrix(weights.dtype), tf.reshape(weights, [9, channels * filters]))
    return tf.unstack(tf.reshape(transformed, [36, channels, filters]))


def transform_filters_adjoint(gradients: Tensors) -> Tensor:
    """36 of [c, f] -> [3, 3, c, f]."""
    channels, filters = gradients[0].shape
    stacked = tf.reshape(tf.stack(gradients), [36, channels * filters])
    of_weights = tf.matmul(_filter_matrix(stacked.dtype), stacked, transpose_a=True)
    return tf.reshape(of_weights, [3, 3, channels, filters])


def transform_inputs(x: Tensor) -> list[Tensor]:
    """B' d B of every tile: [b, h, w, c] -> 36 of [tiles, c]."""
    return [tile for row in _input_rows(x) for tile in _input_columns(row)]


def transform_inputs_adjoint(gradients: Tensors, height: int, width: int) -> Tensor:
    """36 of [tiles, c] -> [b, h, w, c]."""
    tiles = _tiles(height), _tiles(width)
    rows = [_input_columns_adjoint(gradients[i : i + 6], *tiles) for i in range(0, 36, 6)]
    return _input_rows_adjoint(rows)[:, :height, :width]


def transform_outputs(products: Tensors, height: int, width: int) -> Tensor:
    """A' m A of every tile: 36 of [tiles, f] -> [b, h, w, f]."""
    tiles = _tiles(height), _tiles(width)
    rows = [_output_columns(products[i : i + 6], *tiles) for i in range(0, 36, 6)]
    return _output_rows(rows)[:, :height, :width]


def transform_outputs_adjoint(gradient: Tensor) -> list[Tensor]:
    """[b, h, w, f] -> 36 of [tiles, f]."""
    return [tile for row in _output_rows_adjoint(gradient) for tile in _output_columns_adjoint(row)]


def multiply(inputs: Tensors, filters: Tensors) -> list[Tensor]:
    """The matrix product of each of the 36 elements: [tiles, c], [c, f] -> [tiles, f]."""
    return [tf.matmul(v, u) for v, u in zip(inputs, filters, strict=True)]


def convolve(x: Tensor, filters: Tensors) -> Tensor:
    """SAME convolution with stride 1 by transformed filters: [b, h, w, c] -> [b, h, w, f]."""
    return transform_outputs(multiply(transform_inputs(x), filters), x.shape[1], x.shape[2])


def convolve_adjoint(
    x: Tensor, transposed: Tensors, gradient: Tensor, pass_down: bool = True
) -> tuple[list[Tensor], Tensor | None]:
    """dL/d output -> dL/d transformed filters, 36 of [c, f], and, where `pass_down`, dL/d x [b, h, w, c].

    `transposed` are the transformed filters as 36 of [f, c], since a product with a second operand that has still to be
    transposed takes longer. The inputs are transformed a second time: kept, they would take 36 / 16 times the memory
    that they take as images.
    """
    products = transform_outputs_adjoint(gradient)
    inputs = transform_inputs(x)
    of_filters = [tf.matmul(v, m, transpose_a=True) for v, m in zip(inputs, products, strict=True)]
    if not pass_down:
        return of_filters, None
    return of_filters, transform_inputs_adjoint(multiply(products, transposed), x.shape[1], x.shape[2])


@tf.custom_gradient
def differentiable_convolve(x: Tensor, weights: Tensor) -> Any:
    """SAME convolution with stride 1 for a tape, whose own way back through the transforms would be slow.

    bfloat16 has too few digits for the transforms: it goes forward directly, and back in float32.
    """
    narrow = x.dtype == tf.bfloat16
    wide = tf.cast(weights, tf.float32) if narrow else weights
    z = tf.nn.conv2d(x, weights, 1, "SAME") if narrow else convolve(x, transform_filters(wide))

    def adjoint(gradient: Tensor) -> tuple[Tensor, Tensor]:
        of_filters, of_x = convolve_adjoint(
            tf.cast(x, wide.dtype), transform_filters(transposed(wide)), tf.cast(gradient, wide.dtype)
        )
        return tf.cast(of_x, x.dtype), tf.cast(transform_filters_adjoint(of_filters), weights.dtype)

    return z, adjoint


def transposed(weights: Tensor) -> Tensor:
    """[3, 3, c, f] -> [3, 3, f, c]"""
    return tf.transpose(weights, [0, 1, 3, 2])


def _filter_matrix(dtype: tf.DType) -> Tensor:
    """G w G' as one matrix product with the 9 elements of w: [36, 9]."""
    return tf.constant(np.kron(_FILTERS, _FILTERS), dtype)


def _tiles(length: int) -> int:
    return -(-length // _TILE)


def _tiled(tensors: Tensors, rows: int, columns: int) -> list[Tensor]:
    """[tiles, c] -> [b, rows of tiles, columns of tiles, c]"""
    return [tf.reshape(t, [-1, rows, columns, t.shape[-1]]) for t in tensors]


def _combine(matrix: np.ndarray, tensors: Tensors) -> list[Tensor]:
    """The matrix times the vector of tensors, without the products by 0 and 1."""
    return [
        sum(scaled(tensor, factor) for factor, tensor in zip(row, tensors, strict=True) if factor)
        for row in matrix
    ]


# A transform goes along the rows of tiles and along the columns. XLA fuses what stands in one function; the six calls
# for the columns share one, since to compile all 36 results as one function takes more than twice as long.


@tf.function(jit_compile=True, autograph=False)
def _input_rows(x: Tensor) -> list[Tensor]:
    rows, columns = _tiles(x.shape[1]), _tiles(x.shape[2])
    bottom, right = _TILE * rows - x.shape[1] + 1, _TILE * columns - x.shape[2] + 1
    padded = tf.pad(x, [[0, 0], [1, bottom], [1, right], [0, 0]])
    return _combine(_INPUTS, [padded[:, r : r + _TILE * (rows - 1) + 1 : _TILE] for r in range(6)])


@tf.function(jit_compile=True, autograph=False)
def _input_columns(row: Tensor) -> list[Tensor]:
    last = row.shape[2] - 6  # where the last tile begins
    tiles = _combine(_INPUTS, [row[:, :, c : c + last + 1 : _TILE] for c in range(6)])
    return [tf.reshape(tile, [-1, tile.shape[-1]]) for tile in tiles]


@tf.function(jit_compile=True, autograph=False)
def _input_columns_adjoint(gradients: Tensors, rows: int, columns: int) -> Tensor:
    return _overlap_add(_tiled(gradients, rows, columns), axis=2)


@tf.function(jit_compile=True, autograph=False)
def _input_rows_adjoint(rows: Tensors) -> Tensor:
    return _overlap_add(rows, axis=1)


@tf.function(jit_compile=True, autograph=False)
def _output_columns(products: Tensors, rows: int, columns: int) -> Tensor:
    return _interleave(_OUTPUTS, _tiled(products, rows, columns), axis=2)


@tf.function(jit_compile=True, autograph=False)
def _output_rows(rows: Tensors) -> Tensor:
    return _interleave(_OUTPUTS, rows, axis=1)


@tf.function(jit_compile=True, autograph=False)
def _output_rows_adjoint(gradient: Tensor) -> list[Tensor]:
    _, height, width, filters = gradient.shape
    rows, columns = _tiles(height), _tiles(width)
    padded = tf.pad(gradient, [[0, 0], [0, rows * _TILE - height], [0, columns * _TILE - width], [0, 0]])
    tiles = tf.reshape(padded, [-1, rows, _TILE, columns * _TILE, filters])
    return _combine(_OUTPUTS.T, [tiles[:, :, a] for a in range(_TILE)])


@tf.function(jit_compile=True, autograph=False)
def _output_columns_adjoint(row: Tensor) -> list[Tensor]:
    _, rows, width, filters = row.shape
    tiles = tf.reshape(row, [-1, rows, width // _TILE, _TILE, filters])
    return [
        tf.reshape(product, [-1, filters])
        for product in _combine(_OUTPUTS.T, [tiles[:, :, :, b] for b in range(_TILE)])
    ]


def _interleave(matrix: np.ndarray, tensors: Tensors, axis: int) -> Tensor:
    """The matrix times the vector of tensors, the results taking turns along an axis.

    One sum over products with the matrix's columns compiles faster than the stack of `_combine`'s results.
    """
    dimensions = tensors[0].shape.rank + 1
    terms = []
    for column, tensor in zip(matrix.T, tensors, strict=True):
        shape = [-1 if dimension == axis + 1 else 1 for dimension in range(dimensions)]
        factors = tf.reshape(tf.constant(column, tensor.dtype), shape)
        terms.append(tf.expand_dims(tensor, axis + 1) * factors)
    shape = tensors[0].shape.as_list()
    shape[axis] *= len(matrix)
    return tf.reshape(sum(terms), [-1, *shape[1:]])


def _overlap_add(gradients: Tensors, axis: int) -> Tensor:
    """B times the gradients of 6 makes tiles of 6, which begin every 4 cells; add them up without the padding cells.

    Cell 4 t + q of the sum is cell q + 1 of tile t; the first also gets the last cell of tile t - 1, which is its
    gradient 5, the fourth the first cell of tile t + 1, which is 4 times its gradient 0.
    """
    before, after = _shifted(gradients[5], axis, 1), _shifted(gradients[0], axis, -1)
    from_neighbours = np.array([[1, 0], [0, 0], [0, 0], [0, 4]])
    matrix = np.hstack([_INPUTS.T[1:5], from_neighbours])
    return _interleave(matrix, [*gradients, before, after], axis)


def _shifted(tensor: Tensor, axis: int, by: int) -> Tensor:
    """Move the cells one place up (by = 1) or down (by = -1) along an axis; 0 moves in."""
    paddings = [[0, 0] for _ in tensor.shape]
    paddings[axis] = [1, 0] if by == 1 else [0, 1]
    window: list[slice] = [slice(None) for _ in tensor.shape]
    window[axis] = slice(None, -1) if by == 1 else slice(1, None)
    return tf.pad(tensor[tuple(window)], paddings)
