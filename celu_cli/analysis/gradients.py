"""What a gradient check measured, as plain values: `celu_cli.engine.gradcheck` fills them, the command shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Relative errors above these are deviations.
DERIVATION_TOLERANCE = 1e-9
DIFFERENCES_TOLERANCE = 1e-5
PRECISION_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.3}


@dataclass(frozen=True)
class Deviation:
    """How far a gradient a is from its reference b.

    |a - b| / |b|, the cosine between them, |a| / |b|, and where |a - b| is largest.
    """

    relative_error: float
    cosine: float
    norm_ratio: float
    worst_index: tuple[int, ...]
    worst_value: float
    worst_reference: float


@dataclass(frozen=True)
class PartCheck:
    """One part of the backward pass tried alone, on true inputs, in float64.

    `part` is one of loss, pool, activation (x >= 0), activation (x < 0), filter gradient, input gradient, layer.
    `factor` is the number by which the part is off everywhere alike, 1 where it is right, None where there is no such
    number.
    """

    part: str
    deviation: Deviation
    factor: float | None

    @property
    def right(self) -> bool:
        return self.deviation.relative_error <= DERIVATION_TOLERANCE


@dataclass(frozen=True)
class LayerCheck:
    """The gradients of a layer (`number` from 1): of its weights, and of its output, which the layer above passes down.

    `exact`: the method in float64 against the true gradient. `declared`: against what the method says it computes,
    where that is not the true gradient (dilated backprop), else None. `trained`: the method in the precision and with
    the algorithms of the training against itself in float64. The last two compare the true gradient with finite
    differences at sampled coordinates: the largest relative error, None where each lay at a kink.
    """

    number: int
    exact_weights: Deviation
    exact_output: Deviation
    declared_weights: Deviation | None
    declared_output: Deviation | None
    trained_weights: Deviation
    trained_output: Deviation
    weights_differences: float | None
    output_differences: float | None
    parts: tuple[PartCheck, ...]


@dataclass(frozen=True)
class GradientCheck:
    """All that a check measured on one batch at the initial weights."""

    case_name: str
    method: str
    rule: str
    precision: str
    batch: int
    loss: PartCheck
    layers: tuple[LayerCheck, ...]


def deviation(value: NDArray[np.generic], reference: NDArray[np.generic]) -> Deviation:
    """Compare two arrays of one shape, in float64. Two zero arrays agree."""
    a, b = np.asarray(value, np.float64), np.asarray(reference, np.float64)
    difference = np.abs(a - b)
    worst = np.unravel_index(int(np.argmax(np.nan_to_num(difference, nan=np.inf))), a.shape)
    norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    same = not difference.any()
    return Deviation(
        relative_error=0.0 if same else _ratio(float(np.linalg.norm(difference)), norm_b),
        cosine=1.0 if same else _ratio(float(np.vdot(a, b)), norm_a * norm_b),
        norm_ratio=1.0 if same else _ratio(norm_a, norm_b),
        worst_index=tuple(int(index) for index in worst),
        worst_value=float(a[worst]),
        worst_reference=float(b[worst]),
    )


def part_check(part: str, value: NDArray[np.generic], reference: NDArray[np.generic]) -> PartCheck:
    """Compare a part's result with the true one and find the factor between them, if there is one."""
    a, b = np.asarray(value, np.float64), np.asarray(reference, np.float64)
    squares = float(np.vdot(b, b))
    factor = float(np.vdot(a, b)) / squares if squares > 0.0 else 1.0
    exact = np.linalg.norm(a - factor * b) <= DERIVATION_TOLERANCE * abs(factor) * np.sqrt(squares)
    return PartCheck(part, deviation(a, b), factor if exact else None)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0.0 else float("inf")
