from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.plan import LayerPlan
from celu_cli.case.schema import LayerSpec
from celu_cli.engine.layers import Layer
from celu_cli.engine.operations.convolution import Convolution
from celu_cli.engine.operations.operation import Context, find_operation
from tests.engine import numpy_reference, tape_reference
from tests.engine.compare import assert_close, relative_error
from tests.engine.small import Floats, uncompiled


def plan_layer(**changes: Any) -> LayerPlan:
    """A layer of 4 filters on 7 x 9 images of 3 channels; `changes` win."""
    values: dict[str, Any] = {
        "kernel": 3,
        "filters": 4,
        "activation": "celu",
        "alpha": 2.0,
        "pool": "average",
        "pool_size": 2,
        "residual": 0.0,
    }
    spec = LayerSpec(**(values | changes))
    assert spec.activation is not None
    assert spec.alpha is not None
    return LayerPlan(2, spec, spec.activation, spec.alpha, (7, 9, 3))


def build_layer(plan: LayerPlan, winograd: bool = False, **context: bool) -> Layer:
    """The layer of `plan`; `context` are fields of `Context`."""
    convolution, *others = plan.operations
    operations = (Convolution(convolution, winograd=winograd), *map(find_operation, others))
    return Layer(plan, operations, Context(**context))


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape)


LAYERS = {
    "plain": plan_layer(),
    "1 x 1": plan_layer(kernel=1),
    "even kernel": plan_layer(kernel=2),
    "large even kernel": plan_layer(kernel=4),
    "5 x 5": plan_layer(kernel=5),
    "no pool": plan_layer(pool="none"),
    "pool of 3": plan_layer(pool_size=3),
    "max pool": plan_layer(pool="max"),
    "max pool of 3": plan_layer(pool="max", pool_size=3),
    "residual": plan_layer(filters=3, residual=0.8),
    "negative residual": plan_layer(filters=3, residual=-1.5),
    "residual and max pool": plan_layer(filters=3, residual=0.8, pool="max"),
    "residual, input kept": plan_layer(filters=3, residual=0.8, pool="max", activation="silu"),
}


@pytest.mark.parametrize(
    ("plan", "winograd"),
    [(plan, False) for plan in LAYERS.values()]
    + [(plan, True) for plan in LAYERS.values() if plan.kernel == 3],
    ids=[*LAYERS, *(f"{name}, winograd" for name, plan in LAYERS.items() if plan.kernel == 3)],
)
def test_a_layer_and_both_of_its_gradients_are_the_tape_s(plan: LayerPlan, winograd: bool) -> None:
    x, weights = tf.constant(normal(2, *plan.input_shape)), tf.constant(normal(*plan.kernel_shape, seed=1))
    gradient = tf.constant(normal(2, *plan.output_shape, seed=2))
    with tf.GradientTape() as tape:
        tape.watch([x, weights])
        z = tf.nn.convolution(x, weights, padding="SAME")
        y = tape_reference.FORMULAS[plan.activation](z, plan.alpha)
        expected = tape_reference.pool(plan, y + plan.residual * x if plan.residual else y)
    expected_gradients = tape.gradient(expected, [weights, x], output_gradients=gradient)

    layer = build_layer(plan, winograd)
    with uncompiled():
        output, kept = layer.forward([weights], x)
        (of_weights,), of_input = layer.backward(kept, gradient)

    assert relative_error(output, expected) < 1e-12
    assert_close([of_weights, of_input], expected_gradients, 1e-12)


@pytest.mark.parametrize("plan", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("winograd", [False, True], ids=["direct", "winograd"])
def test_a_widened_layer_rounds_to_bfloat16_what_it_takes_keeps_and_returns_and_nothing_else(
    plan: LayerPlan, winograd: bool
) -> None:
    x = tf.cast(normal(2, *plan.input_shape), tf.bfloat16)
    weights = tf.cast(normal(*plan.kernel_shape, seed=1), tf.bfloat16)
    gradient = tf.cast(normal(2, *plan.output_shape, seed=2), tf.bfloat16)
    wide, narrow = build_layer(plan), build_layer(plan, winograd and plan.kernel == 3, widened=True)

    with uncompiled():
        exact, exact_kept = wide.forward([tf.cast(weights, tf.float32)], tf.cast(x, tf.float32))
        output, kept = narrow.forward([weights], x)
        # The backward pass starts from what was kept, rounded.
        rounded = tf.nest.map_structure(lambda tensor: tf.cast(tensor, tf.float32), kept.tensors)
        expected, expected_below = wide.backward(
            exact_kept._replace(tensors=rounded), tf.cast(gradient, tf.float32)
        )
        (of_weights,), of_input = narrow.backward(kept, gradient)

    taken = [output, of_input, kept.x, kept.activated, *tf.nest.flatten(kept.tensors)]
    assert {tensor.dtype for tensor in taken} == {tf.bfloat16}
    assert of_weights.dtype == tf.float32
    assert relative_error(of_weights, expected[0]) < 1e-5
    half_a_digit = 2.0**-8
    for rounded, whole in ((output, exact), (of_input, expected_below)):
        difference = np.abs(np.asarray(rounded, np.float64) - whole)
        assert np.all(difference <= half_a_digit * np.abs(whole) + 1e-5 * np.abs(whole).max())


@pytest.mark.parametrize("plan", LAYERS.values(), ids=LAYERS)
def test_a_native_layer_goes_forward_in_bfloat16_and_back_as_if_widened(plan: LayerPlan) -> None:
    x = tf.cast(normal(2, *plan.input_shape), tf.bfloat16)
    weights = tf.cast(normal(*plan.kernel_shape, seed=1), tf.bfloat16)
    gradient = tf.cast(normal(2, *plan.output_shape, seed=2), tf.bfloat16)
    widened, native = (
        build_layer(plan, plan.kernel == 3, widened=True, native=native) for native in (False, True)
    )

    with uncompiled():
        expected, expected_kept = build_layer(plan).forward([weights], x)
        output, kept = native.forward([weights], x)
        parameters = widened.forward([weights], x)[1].parameters
        by_float32 = widened.backward(expected_kept._replace(parameters=parameters), gradient)
        gradients = native.backward(kept, gradient)

    np.testing.assert_array_equal(output, expected)
    for found, right in zip(tf.nest.flatten(gradients), tf.nest.flatten(by_float32), strict=True):
        assert found.dtype == right.dtype
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("winograd", [False, True], ids=["direct", "winograd"])
def test_the_first_layer_is_spared_its_input_s_gradient(winograd: bool) -> None:
    plan = plan_layer(filters=3, residual=0.8)
    layer = build_layer(plan, winograd)
    weights = tf.constant(normal(*plan.kernel_shape))
    gradient = tf.constant(normal(2, *plan.output_shape, seed=2))
    with uncompiled():
        _, kept = layer.forward([weights], tf.constant(normal(2, *plan.input_shape)))
        both = layer.backward(kept, gradient)
        (weights_gradient,), input_gradient = layer.backward(kept, gradient, pass_down=False)

    assert input_gradient is None
    np.testing.assert_array_equal(weights_gradient, both[0][0])


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_the_article_s_derivative_is_2_above_zero_and_its_pool_gradient_undivided(alpha: float) -> None:
    plan = plan_layer(alpha=alpha)
    x, weights = normal(2, *plan.input_shape), normal(*plan.kernel_shape, seed=1)
    x[0] = 0.0  # where z is 0 the derivative is 2 as well
    gradient = normal(2, *plan.output_shape, seed=2)
    z = numpy_reference.convolve(x, weights)
    slope = np.where(z >= 0, 2.0, np.exp(np.minimum(z, 0) / alpha))
    gz = numpy_reference.repeat_up(gradient, 2, 7, 9) * slope

    layer = build_layer(plan, article=True)
    _, kept = layer.forward([tf.constant(weights)], tf.constant(x))
    (of_weights,), of_input = layer.backward(kept, tf.constant(gradient))

    assert_close([of_weights, of_input], numpy_reference.convolve_adjoint(x, weights, gz), 1e-12)
