"""An activation and its derivative over a range, and how far that derivative is from finite differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from celu_cli.check.measured import DIFFERENCES_TOLERANCE

Array: TypeAlias = NDArray[np.float64]

LOW, HIGH = -4.0, 4.0

_POINTS = 1601
_STEP = 1e-3
_BESIDE_ZERO = 1e-12
_JUMP = 1e-6
_KINK = 1e-6
# Below this part of the largest slope, an error is measured against that part: rounding is all that is left there.
_SMALL_SLOPE = 1e-3


@dataclass(frozen=True)
class ActivationCurve:
    """Values, derivatives and central differences of the values at `x`; the derivative left of 0, at 0, right of it.

    `error` is the largest relative error of the derivative against central differences of the value, found at
    `error_at`; None where there is a kink at every point. `not_finite_at` is the first x where value or derivative is
    NaN or infinite. `alpha` is None where the activation has none.
    """

    label: str
    alpha: float | None
    formula: str
    x: Array
    value: Array
    derivative: Array
    differences: Array
    left: float
    at_zero: float
    right: float
    error: float | None
    error_at: float | None
    not_finite_at: float | None

    @property
    def wrong(self) -> bool:
        """Whether the derivative is not that of the value, or one of the two is no number."""
        return self.not_finite_at is not None or self.contradicted

    @property
    def contradicted(self) -> bool:
        """Whether finite differences contradict a derivative that is finite everywhere, as the value is."""
        return self.not_finite_at is None and (self.error or 0.0) > DIFFERENCES_TOLERANCE

    @property
    def jumps(self) -> bool:
        """Whether the derivative is discontinuous at 0."""
        return abs(self.left - self.right) > _JUMP * max(1.0, abs(self.left), abs(self.right))


def measure_activation(
    label: str,
    alpha: float | None,
    formula: str,
    value: Callable[[Array], Array],
    derivative: Callable[[Array], Array],
) -> ActivationCurve:
    """Evaluate an activation, given as functions of arrays, between `LOW` and `HIGH`."""
    x = np.linspace(LOW, HIGH, _POINTS)
    left, at_zero, right = map(float, derivative(np.array([-_BESIDE_ZERO, 0.0, _BESIDE_ZERO])))
    found = derivative(x)
    # A small alpha squeezes what bends into a short stretch.
    step = _STEP * min(1.0, max(abs(alpha or 1.0), 1e-2))
    differences = _slope(value, x, step / 2)
    error, error_at = _largest_error(value, x, found, step)
    values = value(x)
    lost = x[~(np.isfinite(values) & np.isfinite(found))]
    not_finite_at = float(lost[0]) if lost.size else None
    beside_zero = (left, at_zero, right)
    return ActivationCurve(
        label, alpha, formula, x, values, found, differences, *beside_zero, error, error_at, not_finite_at
    )


def _largest_error(
    value: Callable[[Array], Array], x: Array, derivative: Array, step: float
) -> tuple[float | None, float | None]:
    """The largest relative error away from kinks, and where it is."""
    coarse, fine = _slope(value, x, step), _slope(value, x, step / 2)
    scale = float(np.max(np.abs(fine))) or 1.0
    # Near a kink two steps see different slopes; exactly on one, the bend does not shrink with the step.
    bends = np.abs(_bend(value, x, step) - 2.0 * _bend(value, x, step / 2))
    smooth = (np.abs(coarse - fine) <= _KINK * scale) & (bends <= _KINK * scale)
    if not smooth.any():
        return None, None
    errors = np.abs(derivative - fine) / np.maximum(np.abs(fine), _SMALL_SLOPE * scale)
    errors = np.where(smooth, np.nan_to_num(errors, nan=np.inf), -1.0)
    worst = int(np.argmax(errors))
    return float(errors[worst]), float(x[worst])


def _slope(value: Callable[[Array], Array], x: Array, h: float) -> Array:
    """The central difference over four points, whose error falls with the fourth power of h."""
    near = value(x + h) - value(x - h)
    far = value(x + 2 * h) - value(x - 2 * h)
    return (8.0 * near - far) / (12.0 * h)


def _bend(value: Callable[[Array], Array], x: Array, h: float) -> Array:
    """The slope to the right less the slope to the left."""
    return (value(x + h) - 2.0 * value(x) + value(x - h)) / h


@dataclass(frozen=True)
class PlainActivation:
    """`value(x, alpha)` and `derivative(x, alpha)` in NumPy, and the value in plain text.

    A report is read where there is no TensorFlow, so it cannot ask the engine; a test holds the two against each other.
    """

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
