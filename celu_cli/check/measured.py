"""What a gradient check measured: values that the engine's check fills, the command shows and check.json holds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import nan
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from celu_cli.case.plan import LayerPlan

# Relative errors above these are deviations.
DERIVATION_TOLERANCE = 1e-9
DIFFERENCES_TOLERANCE = 1e-4
# In the precision of the training, a gradient may be off by this much, or by so many times the tape's own error in
# that precision: only rounding is judged here, as the algorithms have been proved in float64 by then.
PRECISION_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.1}
# The gradient of the loss alone comes of a few operations, so that it may be off by its own rounding only.
LOSS_TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2}
ROUNDING_MARGIN = 4.0

FORWARD = "forward pass"
POOL = "pool"
POSITIVE = "activation (x > 0)"
NEGATIVE = "activation (x < 0)"
FILTER = "filter gradient"
INPUT = "input gradient"
RESIDUAL = "residual sum"
WHOLE_WEIGHTS = "weights' gradient, put together"
WHOLE_INPUT = "input's gradient, put together"
# What is put together of all parts but these.
NO_SHARE_IN = {WHOLE_WEIGHTS: {INPUT, RESIDUAL, WHOLE_INPUT}, WHOLE_INPUT: {FILTER, WHOLE_WEIGHTS}}
_OF: tuple[Literal["weights"], Literal["output"]] = ("weights", "output")
Kind = Literal["exact", "declared", "trained", "differences"]
# JSON has neither infinity nor NaN: check.json has null for both.
Measured = Annotated[float, BeforeValidator(lambda value: nan if value is None else value)]


@dataclass(frozen=True)
class CheckedLayer:
    """The layer that was checked, counted from 1, as its plan has it."""

    number: int
    input_shape: tuple[int, int, int]
    kernel: int
    filters: int
    activation: str
    alpha: float
    pool: str
    pool_size: int
    residual: float

    @classmethod
    def of(cls, plan: LayerPlan) -> CheckedLayer:
        """What a check keeps of `plan`."""
        return cls(**{field.name: getattr(plan, field.name) for field in fields(cls)})


@dataclass(frozen=True)
class Deviation:
    """How far a gradient a is from its reference b.

    |a - b| / |b|, the cosine between them, |a| / |b|, and where |a - b| is largest. `factor` is the number by which b
    is multiplied in a, everywhere alike; None where there is no such number.
    """

    relative_error: Measured
    cosine: Measured
    norm_ratio: Measured
    factor: float | None
    worst_index: tuple[int, ...]
    worst_value: Measured
    worst_reference: Measured


@dataclass(frozen=True)
class PartCheck:
    """One part of a layer, or the gradient of the loss, tried alone on true inputs in float64.

    `exact` compares with the true one, `declared` with what the case's rule says that the part computes.
    """

    part: str
    exact: Deviation
    declared: Deviation

    @property
    def right(self) -> bool:
        return self.declared.relative_error <= DERIVATION_TOLERANCE


@dataclass(frozen=True)
class LayerCheck:
    """The gradients of a layer: of its weights, and of its output, which the layer above (or the loss) passes down.

    `exact`: the method in float64 against the true gradient. `declared`: against what the method says it computes.
    `trained`: the method in the precision of the training against itself in float64; `tape_rounding`: the relative
    error of the tape's gradients in that precision, the larger of weights' and output's. The differences are the
    largest relative errors of the true gradient against finite differences, None where none could be measured. Where
    the tape is the method, the activation alone is tried. `reading` is the relative error of the layer's output against
    what a second reading of the case makes of its input, None where that does not know the layer; `not_finite` names
    the first operation that makes NaN or infinity of finite numbers. `value_at` and `derivative_at` are the places of
    an activation of the user's own.
    """

    plan: CheckedLayer
    winograd: bool
    exact_weights: Deviation
    exact_output: Deviation
    declared_weights: Deviation
    declared_output: Deviation
    trained_weights: Deviation
    trained_output: Deviation
    tape_rounding: Measured
    weights_differences: float | None
    output_differences: float | None
    parts: tuple[PartCheck, ...]
    reading: float | None = None
    not_finite: str = ""
    value_at: str = ""
    derivative_at: str = ""

    @property
    def number(self) -> int:
        return self.plan.number

    def error(self, kind: Kind, of: Literal["weights", "output"]) -> float | None:
        """The relative error of one comparison; None where nothing was measured."""
        if kind == "differences":
            return self.weights_differences if of == "weights" else self.output_differences
        found: Deviation = getattr(self, f"{kind}_{of}")
        return found.relative_error


@dataclass(frozen=True)
class GradientCheck:
    """All that a check measured on one batch at the initial weights; `dilated_layers` is empty without skip gradients.

    `scale` is the alpha that was folded out of the layers, 1 where none was. `trained_loss` is the relative error of
    the gradient of the loss alone in the precision of the training, `dilated_rates` that of the rates of all epochs
    against a second reading of the case.
    """

    case_name: str
    method: str
    rule: str
    precision: str
    batch: int
    rate: float
    dilated_layers: tuple[int, ...]
    scale: float
    loss: PartCheck
    layers: tuple[LayerCheck, ...]
    trained_loss: Measured = 0.0
    dilated_rates: Measured = 0.0

    @property
    def declares_bias(self) -> bool:
        """Whether the case asks for something other than the true gradient."""
        return self.rule == "article" or bool(self.dilated_layers)

    def errors(self, kind: Kind) -> list[float]:
        """The relative errors of all weights and outputs, as far as they were measured."""
        found = [layer.error(kind, of) for layer in self.layers for of in _OF]
        return [error for error in found if error is not None]


@np.errstate(invalid="ignore", over="ignore")
def deviation(value: NDArray[np.generic], reference: NDArray[np.generic]) -> Deviation:
    """Compare two arrays of one shape, in float64. Two zero arrays agree; nothing agrees with what is not finite."""
    a, b = np.asarray(value, np.float64), np.asarray(reference, np.float64)
    difference = np.abs(a - b)
    worst = np.unravel_index(int(np.argmax(np.nan_to_num(difference, nan=np.inf))), a.shape)
    norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    same = not difference.any()
    return Deviation(
        relative_error=0.0 if same else _ratio(float(np.linalg.norm(difference)), norm_b),
        cosine=1.0 if same else _ratio(float(np.vdot(a, b)), norm_a * norm_b, otherwise=0.0),
        norm_ratio=1.0 if same else _ratio(norm_a, norm_b),
        factor=1.0 if same else _factor(a, b),
        worst_index=tuple(int(index) for index in worst),
        worst_value=float(a[worst]),
        worst_reference=float(b[worst]),
    )


def part_check(
    part: str,
    value: NDArray[np.generic],
    exact: NDArray[np.generic],
    declared: NDArray[np.generic] | None = None,
) -> PartCheck:
    """Compare a part's result with the true one, and with what is declared where that is something else."""
    against_exact = deviation(value, exact)
    return PartCheck(part, against_exact, against_exact if declared is None else deviation(value, declared))


def _factor(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    squares = float(np.vdot(b, b))
    if not squares > 0.0:
        return None
    factor = float(np.vdot(a, b)) / squares
    rest = float(np.linalg.norm(a - factor * b))
    return factor if rest <= DERIVATION_TOLERANCE * abs(factor) * squares**0.5 else None


def _ratio(numerator: float, denominator: float, otherwise: float = float("inf")) -> float:
    return numerator / denominator if denominator != 0.0 else otherwise


@dataclass(frozen=True)
class Station:
    """A stop on the gradient's way down: the loss (`layer` is None) or a layer, and the layer it passes down to."""

    layer: LayerCheck | None
    below: LayerCheck | None

    def errors(self, kind: Kind) -> list[float]:
        """The errors of the layer's weights and of what it passes down, as far as they were measured."""
        found = (
            self.layer.error(kind, "weights") if self.layer else None,
            self.below.error(kind, "output") if self.below else None,
        )
        return [error for error in found if error is not None]


def stations(check: GradientCheck) -> list[Station]:
    """The stops of the gradient's way, from the loss down to the first layer."""
    downwards = [*reversed(check.layers)]
    return [
        Station(layer, below) for layer, below in zip([None, *downwards], [*downwards, None], strict=True)
    ]
