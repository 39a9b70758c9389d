"""A run as its directory tells it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from celu_cli.case.load import load_recorded_case
from celu_cli.case.schema import Case
from celu_cli.errors import CeluError, RunError
from celu_cli.events import EpochMetrics
from celu_cli.runs.manifest import Manifest, Status, read_manifest, utc_now
from celu_cli.runs.metrics import read_metrics

CASE_NAME = "case.yaml"
OVERRIDES_NAME = "overrides.txt"


@dataclass(frozen=True)
class Run:
    """One run, read at one moment; `status` is the status at that moment."""

    path: Path
    case: Case
    manifest: Manifest
    status: Status
    metrics: tuple[EpochMetrics, ...]

    @property
    def name(self) -> str:
        """Its case and directory, as one may name it on the command line."""
        return f"{self.case.name}/{self.path.name}"


def read_run(path: Path) -> Run:
    """Read the run in directory `path`.

    Raises:
        RunError: a file of it is missing or not what it should be.
    """
    manifest = read_manifest(path)
    try:
        case = load_recorded_case(path / CASE_NAME)
    except CeluError as error:
        raise RunError(f"cannot read the case of the run {path}: {error}") from error
    return Run(path, case, manifest, manifest.status_at(utc_now()), tuple(read_metrics(path)))
