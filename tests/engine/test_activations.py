from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from celu_cli.case.activations import ALPHA
from celu_cli.engine.activations import ACTIVATIONS
from tests.engine.small import ALPHAS, Floats

POINTS = np.concatenate([np.linspace(-6.0, 6.0, 49), [-1e-3, 1e-3, -30.0, 30.0, -600.0, 600.0]])
# Where a derivative jumps, or for CELU its own derivative: no finite difference holds across it.
KINKS = {"celu", "elu", "relu", "leaky_relu", "selu"}

all_activations = pytest.mark.parametrize("name", list(ACTIVATIONS))


def _phi(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


# Python's own mathematics: no NumPy, no TensorFlow.
BY_HAND: dict[str, Callable[[float, float], float]] = {
    "celu": lambda x, a: x if x >= 0 else a * math.expm1(x / a),
    "elu": lambda x, a: x if x >= 0 else a * math.expm1(x),
    "relu": lambda x, _: max(x, 0.0),
    "leaky_relu": lambda x, a: x if x >= 0 else a * x,
    "selu": lambda x, _: 1.0507009873554805 * (x if x >= 0 else 1.6732632423543772 * math.expm1(x)),
    "gelu": lambda x, _: x * _phi(x),
    "silu": lambda x, _: x / (1 + math.exp(-x)),
    "softplus": lambda x, _: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    "tanh": lambda x, _: math.tanh(x),
    "identity": lambda x, _: x,
}

KERAS: dict[str, Callable[[Any, float], Any]] = {
    "celu": lambda x, a: keras.activations.celu(x, alpha=a),
    "elu": lambda x, a: keras.activations.elu(x, alpha=a),
    "relu": lambda x, _: keras.activations.relu(x),
    "leaky_relu": lambda x, a: keras.activations.leaky_relu(x, negative_slope=a),
    "selu": lambda x, _: keras.activations.selu(x),
    "gelu": lambda x, _: keras.activations.gelu(x, approximate=False),
    "silu": lambda x, _: keras.activations.silu(x),
    "softplus": lambda x, _: keras.activations.softplus(x),
    "tanh": lambda x, _: keras.activations.tanh(x),
    "identity": lambda x, _: keras.activations.linear(x),
}


def alphas_of(name: str) -> list[float]:
    """Some alphas that the activation takes; any where it has none, as it must not matter."""
    rule = ALPHA[name]
    return [0.3, 1.0, 2.0, 7.5] if rule is None or rule.at_most > 1 else [0.01, 0.3, 1.0]


def value(name: str, x: Any, alpha: float) -> Any:
    return ACTIVATIONS[name].value(tf.convert_to_tensor(x), alpha)


def kept(name: str, x: Any, alpha: float) -> Any:
    """What the forward pass keeps for the derivative."""
    return value(name, x, alpha) if ACTIVATIONS[name].keeps == "output" else tf.convert_to_tensor(x)


def derivative(name: str, x: Any, alpha: float) -> Any:
    return ACTIVATIONS[name].derivative(kept(name, x, alpha), alpha)


def away_from_kinks(name: str) -> Floats:
    return POINTS[np.abs(POINTS) > 1e-4] if name in KINKS else POINTS


def test_the_table_has_the_vocabulary_s_names() -> None:
    assert set(ACTIVATIONS) == set(ALPHA) == set(ALPHAS)


@all_activations
def test_a_value_is_the_formula_s(name: str) -> None:
    for alpha in alphas_of(name):
        expected = [BY_HAND[name](float(x), alpha) for x in POINTS]
        np.testing.assert_allclose(value(name, POINTS, alpha), expected, rtol=1e-12, atol=1e-14 * alpha)


@all_activations
def test_a_value_is_keras_s(name: str) -> None:
    x = POINTS.astype(np.float32)
    for alpha in alphas_of(name):
        expected = KERAS[name](tf.constant(x), alpha)
        np.testing.assert_allclose(value(name, x, alpha), expected, rtol=2e-6, atol=1e-6 * alpha)


@all_activations
def test_a_derivative_is_the_slope_of_the_formula(name: str) -> None:
    x, h = away_from_kinks(name), 1e-5
    for alpha in alphas_of(name):
        slopes = [(BY_HAND[name](p + h, alpha) - BY_HAND[name](p - h, alpha)) / (2 * h) for p in x]
        np.testing.assert_allclose(derivative(name, x, alpha), slopes, rtol=1e-7, atol=1e-8)


@all_activations
def test_a_derivative_is_the_tape_s(name: str) -> None:
    x = tf.constant(away_from_kinks(name))
    for alpha in alphas_of(name):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = value(name, x, alpha)
        np.testing.assert_allclose(derivative(name, x, alpha), tape.gradient(y, x), rtol=1e-12, atol=1e-13)


@all_activations
def test_backward_is_gradient_times_derivative(name: str) -> None:
    gradient = np.random.default_rng(0).normal(size=POINTS.shape)
    for alpha in alphas_of(name):
        backward = ACTIVATIONS[name].backward(tf.constant(gradient), kept(name, POINTS, alpha), alpha)
        expected = gradient * derivative(name, POINTS, alpha)
        np.testing.assert_allclose(backward, expected, rtol=1e-12, atol=1e-13)


@all_activations
def test_bfloat16_stays_bfloat16_and_close(name: str) -> None:
    alpha = ALPHAS[name] or 1.0
    x = tf.cast(np.linspace(-4.0, 4.0, 33), tf.bfloat16)
    wide = tf.cast(x, tf.float64)
    gradient = ACTIVATIONS[name].backward(tf.ones_like(x), kept(name, x, alpha), alpha)
    for narrow, exact in (
        (value(name, x, alpha), value(name, wide, alpha)),
        (gradient, derivative(name, wide, alpha)),
    ):
        assert narrow.dtype == tf.bfloat16
        np.testing.assert_allclose(tf.cast(narrow, tf.float64), exact, rtol=0.02, atol=0.02)


@all_activations
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_value_and_derivative_stay_finite_for_extreme_inputs(name: str, data: st.DataObject) -> None:
    alpha = data.draw(st.floats(1e-3, 1.0 if name == "leaky_relu" else 1e3), "alpha")
    drawn = data.draw(st.lists(st.floats(-1e3, 1e3, width=32), max_size=20), "x")
    x = tf.constant([-1e3, -100.0, -0.0, 0.0, 100.0, 1e3, *drawn], tf.float32)
    gradient = ACTIVATIONS[name].backward(tf.ones_like(x), kept(name, x, alpha), alpha)
    for result in (value(name, x, alpha), derivative(name, x, alpha), gradient):
        assert np.isfinite(result).all()
        assert result.dtype == tf.float32


moderate = st.floats(-50.0, 50.0)


@settings(deadline=None)
@given(x=moderate, alpha=st.floats(0.01, 100.0))
@example(x=0.0, alpha=2.0)
def test_celu_is_alpha_times_elu_of_x_over_alpha(x: float, alpha: float) -> None:
    elu = value("elu", np.array([x / alpha]), 1.0)
    np.testing.assert_allclose(value("celu", np.array([x]), alpha), alpha * elu, rtol=1e-12, atol=1e-12)


@settings(deadline=None)
@given(x=moderate, alpha=st.floats(0.01, 100.0))
def test_the_slope_of_celu_is_between_0_and_1(x: float, alpha: float) -> None:
    (slope,) = derivative("celu", np.array([x]), alpha)
    assert -1e-15 <= slope <= 1
    assert slope == 1 or x < 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("alpha", [1e2, 1e4, 1e6, 1e8, 1e12])
def test_celu_of_a_large_alpha_approaches_the_identity(alpha: float, dtype: str) -> None:
    x = np.array([-3.0, -1.0, -0.5, -1e-3, 0.0, 1e-3, 2.0], dtype)
    # CELU(x, a) = x + x^2 / (2 a) + ... on the negative side
    expected = np.where(x < 0, x + x**2 / (2 * alpha) + x**3 / (6 * alpha**2), x)
    np.testing.assert_allclose(value("celu", x, alpha), expected, rtol=1e-5)
    np.testing.assert_allclose(derivative("celu", x, alpha), np.exp(np.minimum(x, 0) / alpha), rtol=1e-6)


@pytest.mark.parametrize("alpha", [1e-2, 1e-4, 1e-8, 1e-20])
def test_celu_of_a_small_alpha_approaches_relu(alpha: float) -> None:
    x = np.array([-3.0, -1.0, -0.5, 0.0, 1e-3, 2.0], np.float32)
    np.testing.assert_allclose(value("celu", x, alpha), np.maximum(x, 0.0), atol=1.001 * alpha)
    np.testing.assert_allclose(derivative("celu", x, alpha), x >= 0, atol=1e-6)
