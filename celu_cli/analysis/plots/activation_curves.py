"""An activation and its derivative over a range, and how far that derivative is from finite differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from celu_cli.check.activations import Array
from celu_cli.check.measured import DIFFERENCES_TOLERANCE

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
