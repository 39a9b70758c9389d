"""The activations a second time, in NumPy, each beside its derivative.

`celu check` holds the engine's values to these, and `celu report` draws them where there is no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class PlainActivation:
    """`value(x, alpha)`, `derivative(x, alpha)`, and the value in plain text."""

    value: Callable[[Array, float], Array]
    derivative: Callable[[Array, float], Array]
    formula: str


def _exponential(x: Array, height: float, width: float) -> Array:
    """x for x >= 0, height (exp(x / width) - 1) for x < 0; the minimum keeps the other side from overflowing."""
    return np.where(x >= 0, x, height * np.expm1(np.minimum(x, 0.0) / width))


def _exponential_slope(x: Array, height: float, width: float) -> Array:
    return np.where(x >= 0, 1.0, height / width * np.exp(np.minimum(x, 0.0) / width))


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def _normal_distribution(x: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017, arXiv:1706.02515

PLAIN_ACTIVATIONS: dict[str, PlainActivation] = {
    "celu": PlainActivation(
        lambda x, alpha: _exponential(x, alpha, alpha),
        lambda x, alpha: _exponential_slope(x, alpha, alpha),
        "x for x >= 0, alpha (exp(x / alpha) - 1) for x < 0",
    ),
    "elu": PlainActivation(
        lambda x, alpha: _exponential(x, alpha, 1.0),
        lambda x, alpha: _exponential_slope(x, alpha, 1.0),
        "x for x >= 0, alpha (exp(x) - 1) for x < 0",
    ),
    "relu": PlainActivation(
        lambda x, _: np.maximum(x, 0.0), lambda x, _: np.where(x > 0, 1.0, 0.0), "max(x, 0)"
    ),
    "leaky_relu": PlainActivation(
        lambda x, alpha: np.where(x > 0, x, alpha * x),
        lambda x, alpha: np.where(x > 0, 1.0, alpha),
        "x for x >= 0, alpha x for x < 0",
    ),
    "selu": PlainActivation(
        lambda x, _: _SELU_SCALE * _exponential(x, _SELU_ALPHA, 1.0),
        lambda x, _: _SELU_SCALE * _exponential_slope(x, _SELU_ALPHA, 1.0),
        "1.0507 x for x >= 0, 1.7581 (exp(x) - 1) for x < 0",
    ),
    "gelu": PlainActivation(
        lambda x, _: x * _normal_distribution(x),
        lambda x, _: _normal_distribution(x) + x * np.exp(-0.5 * x * x) / sqrt(2 * pi),
        "x Phi(x), Phi the normal distribution",
    ),
    "silu": PlainActivation(
        lambda x, _: x * _sigmoid(x),
        lambda x, _: _sigmoid(x) * (1.0 + x * (1.0 - _sigmoid(x))),
        "x sigmoid(x)",
    ),
    "softplus": PlainActivation(
        lambda x, _: np.logaddexp(0.0, x), lambda x, _: _sigmoid(x), "log(1 + exp(x))"
    ),
    "tanh": PlainActivation(lambda x, _: np.tanh(x), lambda x, _: 1.0 - np.tanh(x) ** 2, "tanh(x)"),
    "identity": PlainActivation(lambda x, _: x, lambda x, _: np.ones_like(x), "x"),
}
