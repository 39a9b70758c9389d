"""Activations and their derivatives as functions of NumPy arrays, for pictures that must not wait for TensorFlow.

What trains is in `celu_cli.engine.activations`; a test holds the two against each other, value and derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

_SELU_SCALE = 1.0507009873554805  # Klambauer et al. 2017, arXiv:1706.02515
_SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True)
class PlainActivation:
    """`value(x, alpha)` and `derivative(x, alpha)`, and the value in plain text."""

    value: Callable[[Array, float], Array]
    derivative: Callable[[Array, float], Array]
    formula: str


def _below(x: Array) -> Array:
    """`x` where it is negative, so that no exponential of the other side overflows."""
    return np.asarray(np.minimum(x, 0.0))


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def _normal_distribution(x: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def _gelu_derivative(x: Array, _: float) -> Array:
    density = np.asarray(np.exp(-0.5 * x * x)) / sqrt(2 * pi)
    return _normal_distribution(x) + x * density


def _silu_derivative(x: Array, _: float) -> Array:
    return _sigmoid(x) * (1.0 + x * (1.0 - _sigmoid(x)))


PLAIN_ACTIVATIONS: dict[str, PlainActivation] = {
    "celu": PlainActivation(
        lambda x, alpha: np.where(x >= 0, x, alpha * np.expm1(_below(x) / alpha)),
        lambda x, alpha: np.exp(_below(x) / alpha),
        "x for x >= 0, alpha (exp(x / alpha) - 1) for x < 0",
    ),
    "elu": PlainActivation(
        lambda x, alpha: np.where(x >= 0, x, alpha * np.expm1(_below(x))),
        lambda x, alpha: np.where(x >= 0, 1.0, alpha * np.exp(_below(x))),
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
        lambda x, _: _SELU_SCALE * np.where(x >= 0, x, _SELU_ALPHA * np.expm1(_below(x))),
        lambda x, _: _SELU_SCALE * np.where(x >= 0, 1.0, _SELU_ALPHA * np.exp(_below(x))),
        "1.0507 x for x >= 0, 1.7581 (exp(x) - 1) for x < 0",
    ),
    "gelu": PlainActivation(
        lambda x, _: x * _normal_distribution(x), _gelu_derivative, "x Phi(x), Phi the normal distribution"
    ),
    "silu": PlainActivation(lambda x, _: x * _sigmoid(x), _silu_derivative, "x sigmoid(x)"),
    "softplus": PlainActivation(
        lambda x, _: np.logaddexp(0.0, x), lambda x, _: _sigmoid(x), "log(1 + exp(x))"
    ),
    "tanh": PlainActivation(lambda x, _: np.tanh(x), lambda x, _: 1.0 - np.tanh(x) ** 2, "tanh(x)"),
    "identity": PlainActivation(lambda x, _: x, lambda x, _: np.ones_like(x), "x"),
}
