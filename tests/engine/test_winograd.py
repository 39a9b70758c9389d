from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from celu_cli.case.operations import ConvolutionPlan
from celu_cli.engine import winograd
from tests.engine.compare import assert_same, relative_error
from tests.engine.small import Floats, uncompiled


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape)


def convolve_and_back(x: tf.Tensor, weights: tf.Tensor, gradient: tf.Tensor) -> list[tf.Tensor]:
    """The convolution, the gradient of the weights and that of x."""
    filters = winograd.transform_filters(weights)
    transposed = winograd.transform_filters(winograd.transposed(weights))
    of_filters, of_x = winograd.convolve_adjoint(x, transposed, gradient)
    return [winograd.convolve(x, filters), winograd.transform_filters_adjoint(of_filters), of_x]


def check_convolution(
    batch: int, height: int, width: int, channels: int, filters: int, dtype: tf.DType
) -> float:
    """The largest error of the convolution and its two gradients against TensorFlow's in float64."""
    x = tf.cast(normal(batch, height, width, channels), dtype)
    weights = tf.cast(normal(3, 3, channels, filters, seed=1), dtype)
    gradient = tf.cast(normal(batch, height, width, filters, seed=2), dtype)
    exact_x, exact_weights = tf.cast(x, tf.float64), tf.cast(weights, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch([exact_x, exact_weights])
        expected = tf.nn.conv2d(exact_x, exact_weights, 1, "SAME")
    expected_gradients = tape.gradient(
        expected, [exact_weights, exact_x], output_gradients=tf.cast(gradient, tf.float64)
    )

    actual = convolve_and_back(x, weights, gradient)

    assert {tensor.dtype for tensor in actual} == {dtype}
    exact = [expected, *expected_gradients]
    return max(relative_error(one, other) for one, other in zip(actual, exact, strict=True))


@settings(deadline=None, max_examples=25)
@given(
    batch=st.integers(1, 3),
    height=st.integers(1, 14),
    width=st.integers(1, 14),
    channels=st.integers(1, 5),
    filters=st.integers(1, 5),
)
@example(1, 1, 1, 1, 1)
@example(2, 4, 4, 1, 2)
@example(2, 5, 4, 3, 2)
@example(1, 7, 9, 2, 3)
@example(1, 8, 3, 2, 3)
def test_it_is_tensorflow_s_convolution_with_both_gradients_whatever_the_shape(
    batch: int, height: int, width: int, channels: int, filters: int
) -> None:
    with uncompiled():
        assert check_convolution(batch, height, width, channels, filters, tf.float64) < 1e-12


@pytest.mark.parametrize(("height", "width"), [(32, 32), (7, 7), (14, 10)])
def test_float32_rounds_little(height: int, width: int) -> None:
    with uncompiled():
        assert check_convolution(2, height, width, 64, 72, tf.float32) < 1e-4


def test_a_tape_takes_the_adjoint_written_here() -> None:
    x, weights = tf.constant(normal(2, 7, 9, 3)), tf.constant(normal(3, 3, 3, 2, seed=1))
    gradient = tf.constant(normal(2, 7, 9, 2, seed=2))
    with uncompiled():
        with tf.GradientTape() as tape:
            tape.watch([x, weights])
            taped = winograd.differentiable_convolve(x, weights)
        gradients = tape.gradient(taped, [weights, x], output_gradients=gradient)
        assert_same([taped, *gradients], convolve_and_back(x, weights, gradient))


def test_a_tape_in_bfloat16_goes_forward_directly_and_back_with_float32_s_digits() -> None:
    x, weights, gradient = (
        tf.cast(normal(*shape, seed=seed), tf.bfloat16)
        for seed, shape in enumerate([(2, 7, 9, 3), (3, 3, 3, 2), (2, 7, 9, 2)])
    )
    with uncompiled():
        with tf.GradientTape() as tape:
            tape.watch([x, weights])
            taped = winograd.differentiable_convolve(x, weights)
        gradients = tape.gradient(taped, [weights, x], output_gradients=gradient)

    wide = [tf.cast(tensor, tf.float64) for tensor in (x, weights, gradient)]
    with tf.GradientTape() as tape:
        tape.watch(wide[:2])
        expected = tf.nn.conv2d(wide[0], wide[1], 1, "SAME")
    exact = tape.gradient(expected, [wide[1], wide[0]], output_gradients=wide[2])
    np.testing.assert_array_equal(taped, tf.nn.conv2d(x, weights, 1, "SAME"))
    for found, right in zip(gradients, exact, strict=True):
        assert found.dtype == tf.bfloat16
        difference = np.abs(np.asarray(found, np.float64) - right)
        assert np.all(difference <= 2.0**-8 * np.abs(right) + 1e-5 * np.abs(right).max())


def test_compiled_for_a_batch_unknown_at_trace_time_it_is_the_same() -> None:
    weights = tf.constant(normal(3, 3, 2, 3, seed=1))

    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec(None, tf.float64), tf.TensorSpec(None, tf.float64)],
    )
    def run(x: tf.Tensor, gradient: tf.Tensor) -> list[tf.Tensor]:
        x, gradient = tf.ensure_shape(x, [None, 6, 5, 2]), tf.ensure_shape(gradient, [None, 6, 5, 3])
        results = convolve_and_back(x, weights, gradient)
        assert results[0].shape.as_list() == [None, 6, 5, 3]
        return results

    for batch in (3, 1):
        x, gradient = tf.constant(normal(batch, 6, 5, 2)), tf.constant(normal(batch, 6, 5, 3, seed=2))
        with tf.GradientTape() as tape:
            tape.watch([x, weights])
            expected = tf.nn.conv2d(x, weights, 1, "SAME")
        gradients = tape.gradient(expected, [weights, x], output_gradients=gradient)
        for actual, exact in zip(run(x, gradient), [expected, *gradients], strict=True):
            assert relative_error(actual, exact) < 1e-12


def test_each_transform_has_its_adjoint() -> None:
    """<T a, b> = <a, T* b> for the transforms of filters, inputs and outputs."""
    height, width, tiles = 7, 9, 2 * 2 * 3
    weights, x, gradient = normal(3, 3, 2, 4), normal(2, height, width, 2), normal(2, height, width, 4)
    of_filters = [normal(2, 4, seed=10 + i) for i in range(36)]
    of_inputs = [normal(tiles, 2, seed=50 + i) for i in range(36)]
    of_outputs = [normal(tiles, 4, seed=90 + i) for i in range(36)]
    with uncompiled():
        pairs = [
            (
                np.sum(
                    [*map(np.asarray, winograd.transform_filters(tf.constant(weights)))]
                    * np.array(of_filters)
                ),
                np.sum(weights * winograd.transform_filters_adjoint([*map(tf.constant, of_filters)])),
            ),
            (
                np.sum([*map(np.asarray, winograd.transform_inputs(tf.constant(x)))] * np.array(of_inputs)),
                np.sum(x * winograd.transform_inputs_adjoint([*map(tf.constant, of_inputs)], height, width)),
            ),
            (
                np.sum(winograd.transform_outputs([*map(tf.constant, of_outputs)], height, width) * gradient),
                np.sum(np.array(winograd.transform_outputs_adjoint(tf.constant(gradient))) * of_outputs),
            ),
        ]
    for forward, backward in pairs:
        np.testing.assert_allclose(forward, backward, rtol=1e-11)


def plan_convolution(
    kernel: int = 3, filters: int = 64, size: int = 8, channels: int = 64, width: int = 8
) -> ConvolutionPlan:
    return ConvolutionPlan("convolution", (size, width, channels), kernel=kernel, filters=filters)


@pytest.mark.parametrize(
    "plan", [plan_convolution(), plan_convolution(size=7), plan_convolution(filters=200, width=32)]
)
def test_it_pays_off_for_large_3_x_3_layers_but_not_in_float64(plan: ConvolutionPlan) -> None:
    assert winograd.pays_off(plan, tf.float32)
    assert winograd.pays_off(plan, tf.bfloat16)
    assert not winograd.pays_off(plan, tf.float64)


@pytest.mark.parametrize(
    "plan",
    [
        plan_convolution(kernel=5),
        plan_convolution(kernel=1),
        plan_convolution(size=6),
        plan_convolution(width=6),
        plan_convolution(channels=3),
        plan_convolution(filters=63),
    ],
)
def test_it_does_not_pay_off_for_small_or_other_layers(plan: ConvolutionPlan) -> None:
    assert not winograd.pays_off(plan, tf.float32)
