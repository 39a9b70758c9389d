from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.operations import PoolPlan
from celu_cli.engine.operations.average_pool import AveragePool
from celu_cli.engine.operations.max_pool import MaxPool
from celu_cli.engine.operations.operation import Context
from tests.engine import numpy_reference
from tests.engine.small import Floats

# (size, height, width, filters): even, with rows dropped, with columns dropped, with a single window.
shapes = pytest.mark.parametrize(
    ("size", "height", "width", "filters"),
    [(2, 8, 8, 3), (2, 7, 7, 2), (2, 3, 3, 4), (3, 7, 9, 2), (3, 8, 8, 1), (2, 6, 5, 2), (7, 7, 7, 2)],
)


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape)


def average_pool(y: Floats, size: int) -> tf.Tensor:
    return AveragePool(PoolPlan("average_pool", y.shape[1:], size=size)).forward([], y, Context())[0]


def average_pool_adjoint(
    gradient: tf.Tensor, size: int, height: int, width: int, divide: bool = True
) -> tf.Tensor:
    plan = PoolPlan("average_pool", (height, width, gradient.shape[3]), size=size)
    return AveragePool(plan).adjoint([], [], gradient, Context(article=not divide))[1]


def max_pool(y: Floats, size: int) -> tf.Tensor:
    return MaxPool(PoolPlan("max_pool", y.shape[1:], size=size)).forward([], y, Context())[0]


def max_pool_adjoint(gradient: tf.Tensor, size: int, y: tf.Tensor, pooled: tf.Tensor) -> tf.Tensor:
    plan = PoolPlan("max_pool", tuple(y.shape[1:]), size=size)
    return MaxPool(plan).adjoint([], [y, pooled], gradient, Context())[1]


def windows(height: int, width: int, size: int) -> list[tuple[int, int]]:
    return [(row, column) for row in range(height // size) for column in range(width // size)]


@shapes
def test_average_pool_takes_the_mean_of_each_window(size: int, height: int, width: int, filters: int) -> None:
    y = normal(2, height, width, filters)
    np.testing.assert_allclose(average_pool(y, size), numpy_reference.average_pool(y, size), rtol=1e-13)


@shapes
def test_the_adjoint_of_average_pool_is_its_adjoint(size: int, height: int, width: int, filters: int) -> None:
    y = normal(2, height, width, filters)
    gradient = normal(2, height // size, width // size, filters, seed=1)
    forward = np.sum(average_pool(y, size) * gradient)
    backward = np.sum(y * average_pool_adjoint(tf.constant(gradient), size, height, width))
    np.testing.assert_allclose(forward, backward, rtol=1e-12)


@shapes
def test_rows_and_columns_a_pool_dropped_get_no_gradient(
    size: int, height: int, width: int, filters: int
) -> None:
    gradient = tf.ones([2, height // size, width // size, filters], tf.float64)
    spread = average_pool_adjoint(gradient, size, height, width).numpy()
    expected = np.zeros((2, height, width, filters))
    expected[:, : height // size * size, : width // size * size] = 1 / size**2
    np.testing.assert_array_equal(spread, expected)


@shapes
def test_undivided_each_cell_gets_the_whole_gradient(
    size: int, height: int, width: int, filters: int
) -> None:
    gradient = normal(2, height // size, width // size, filters)
    spread = average_pool_adjoint(tf.constant(gradient), size, height, width, divide=False)
    np.testing.assert_array_equal(spread, numpy_reference.repeat_up(gradient, size, height, width))


@shapes
def test_max_pool_takes_the_largest_and_hands_the_gradient_to_it(
    size: int, height: int, width: int, filters: int
) -> None:
    # Few different values: most windows have ties, where the first in reading order counts.
    y = np.random.default_rng(0).integers(-1, 2, (2, height, width, filters)).astype(np.float64)
    gradient = normal(2, height // size, width // size, filters, seed=1)
    pooled, expected = np.zeros_like(gradient), np.zeros_like(y)
    for image, filter_ in np.ndindex(2, filters):
        for row, column in windows(height, width, size):
            window = y[image, row * size : (row + 1) * size, column * size : (column + 1) * size, filter_]
            down, across = divmod(int(np.argmax(window)), size)
            pooled[image, row, column, filter_] = window[down, across]
            expected[image, row * size + down, column * size + across, filter_] = gradient[
                image, row, column, filter_
            ]
    np.testing.assert_array_equal(max_pool(y, size), pooled)
    np.testing.assert_array_equal(
        max_pool_adjoint(tf.constant(gradient), size, tf.constant(y), tf.constant(pooled)), expected
    )


@shapes
def test_the_adjoint_of_max_pool_is_the_tape_s(size: int, height: int, width: int, filters: int) -> None:
    y = tf.constant(normal(2, height, width, filters))
    gradient = tf.constant(normal(2, height // size, width // size, filters, seed=1))
    with tf.GradientTape() as tape:
        tape.watch(y)
        pooled = tf.nn.pool(y, [size, size], "MAX", strides=[size, size], padding="VALID")
    expected = tape.gradient(pooled, y, output_gradients=gradient)
    np.testing.assert_array_equal(max_pool_adjoint(gradient, size, y, pooled), expected)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_pools_and_adjoints_keep_the_dtype(dtype: tf.DType) -> None:
    y = tf.cast(normal(2, 7, 7, 2), dtype)
    pooled = max_pool(y, 2)
    assert average_pool(y, 2).dtype == pooled.dtype == dtype
    assert average_pool_adjoint(pooled, 2, 7, 7).dtype == dtype
    assert max_pool_adjoint(pooled, 2, y, pooled).dtype == dtype
