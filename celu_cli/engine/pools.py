"""Pools and their adjoints. Windows do not overlap (stride = size, VALID); NHWC throughout."""

from __future__ import annotations

import tensorflow as tf

from celu_cli.engine.tensor import Tensor


def average_pool(y: Tensor, size: int) -> Tensor:
    """Mean of each size x size window: [b, h, w, c] -> [b, h // size, w // size, c]."""
    return tf.nn.avg_pool2d(y, size, size, "VALID")


def average_pool_adjoint(gradient: Tensor, size: int, height: int, width: int, divide: bool = True) -> Tensor:
    """Give each cell of a window 1 / size^2 of the window's gradient: [b, h // size, w // size, c] -> [b, h, w, c].

    Rows and columns that the pool dropped get 0. With `divide` false each cell gets the whole gradient, as in the
    article's scripts.
    """
    batch, rows, columns = tf.shape(gradient)[0], gradient.shape[1], gradient.shape[2]
    channels = gradient.shape[3]
    if divide:
        gradient = gradient * tf.constant(1.0 / size**2, gradient.dtype)
    spread = tf.broadcast_to(
        gradient[:, :, tf.newaxis, :, tf.newaxis, :], [batch, rows, size, columns, size, channels]
    )
    spread = tf.reshape(spread, [batch, rows * size, columns * size, channels])
    if (rows * size, columns * size) == (height, width):
        return spread
    return tf.pad(spread, [[0, 0], [0, height - rows * size], [0, width - columns * size], [0, 0]])


def max_pool(y: Tensor, size: int) -> Tensor:
    """Maximum of each size x size window: [b, h, w, c] -> [b, h // size, w // size, c]."""
    return tf.nn.max_pool2d(y, size, size, "VALID")


def max_pool_adjoint(gradient: Tensor, size: int, y: Tensor, pooled: Tensor) -> Tensor:
    """Give the window's gradient to its maximum (the first of equals): [b, h // size, w // size, c] -> [b, h, w, c]."""
    window = [1, size, size, 1]
    return tf.raw_ops.MaxPoolGrad(
        orig_input=y, orig_output=pooled, grad=gradient, ksize=window, strides=window, padding="VALID"
    )
