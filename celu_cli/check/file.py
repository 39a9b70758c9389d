"""check.json: what ``celu check --json`` wrote about a run's case, where somebody put it into the run's directory."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from celu_cli.errors import RunError
from celu_cli.text import finite

if TYPE_CHECKING:
    from celu_cli.check.measured import GradientCheck
    from celu_cli.check.verdict import Verdict


CHECK_NAME = "check.json"


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class WrittenDeviation(_Written):
    """How far a gradient is from its reference; None stands for what is infinite or not a number."""

    relative_error: float | None
    cosine: float | None
    norm_ratio: float | None


class WrittenPlan(_Written):
    """Which layer it is, counted from 1."""

    number: int


class WrittenLayer(_Written):
    """The comparisons of one layer, as `celu_cli.check.measured.LayerCheck` explains them."""

    plan: WrittenPlan
    exact_weights: WrittenDeviation
    exact_output: WrittenDeviation
    declared_weights: WrittenDeviation
    declared_output: WrittenDeviation
    trained_weights: WrittenDeviation
    trained_output: WrittenDeviation
    weights_differences: float | None
    output_differences: float | None


class WrittenCheck(_Written):
    """A gradient check with its verdict."""

    verdict: Literal["right", "biased", "wrong"]
    findings: tuple[str, ...]
    case_name: str
    method: str
    rule: str
    precision: str
    batch: int
    layers: tuple[WrittenLayer, ...]


def read_check(run_path: Path) -> WrittenCheck | None:
    """The check in a run's directory; None where there is none.

    Raises:
        RunError: the file cannot be read or is no check.
    """
    path = run_path / CHECK_NAME
    try:
        return WrittenCheck.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(
            f"{path} is not what celu check --json writes: {where + ': ' if where else ''}{first['msg']}"
        ) from error


def values_of(measured: GradientCheck, verdict: Verdict) -> dict[str, Any]:
    """Everything that was measured and what it means, as JSON has it; null for what is infinite or not a number."""
    return {
        "verdict": verdict.kind,
        "faults": [asdict(fault) for fault in verdict.faults],
        "findings": list(verdict.findings),
        **finite(asdict(measured)),
    }
