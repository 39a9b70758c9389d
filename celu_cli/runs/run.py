"""A run, read from its directory or handed on by the process that trains it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from celu_cli import __version__
from celu_cli.case.cost import guessing_accuracy
from celu_cli.case.load import load_recorded_case
from celu_cli.case.schema import Case
from celu_cli.errors import CeluError, RunError
from celu_cli.events import Epochs
from celu_cli.files import append_text, read_file
from celu_cli.runs.manifest import Manifest, Status, read_manifest, utc_now
from celu_cli.runs.metrics import read_metrics

CASE_NAME = "case.yaml"
OVERRIDES_NAME = "overrides.txt"


@dataclass(frozen=True)
class Run:
    """One run at one moment; `status` is the status at that moment."""

    path: Path
    case: Case
    manifest: Manifest
    status: Status
    metrics: Epochs

    @property
    def name(self) -> str:
        """Its case and directory, which name it on the command line."""
        return f"{self.case.name}/{self.path.name}"

    @property
    def guesses(self) -> bool:
        """Whether its last test accuracy is none that guessing would not reach."""
        last = self.metrics.last
        return last is not None and last.test_accuracy <= guessing_accuracy(self.case)

    def elapsed_seconds(self, now: datetime) -> float:
        """Wall time from the start to now, or to the end; of a crashed run to its last heartbeat.

        The pauses of a resumed run, in which no process trained it, do not count.
        """
        manifest = self.manifest
        end = now if self.status == "running" else manifest.ended or manifest.heartbeat
        pauses = (later.time - later.stopped for later in manifest.resumed if later.stopped is not None)
        return max(0.0, (end - manifest.started - sum(pauses, timedelta(0))).total_seconds())

    def remaining_seconds(self, now: datetime) -> float | None:
        """Time left at the pace of the last epochs; None before the first is done and when the run is not running."""
        each, last = self.metrics.seconds_each, self.metrics.last
        if self.status != "running" or each is None or last is None:
            return None
        spent = (now - (last.ended or now)).total_seconds()
        # The epoch under way may take longer than expected; how much of it is left is not known, but not below 0.
        return max(0.0, each * (self.case.epochs - last.epoch) - min(max(0.0, spent), each))


def places_of(runs: Sequence[Run], directory: Path) -> list[Path]:
    """Where each run has its own place in `directory`: ``<case>/<run>``.

    Raises:
        RunError: two runs have one name.
    """
    repeated = [name for name, count in Counter(run.name for run in runs).items() if count > 1]
    if repeated:
        raise RunError(f"two runs are called {repeated[0]}; write them to different directories")
    return [directory / run.name for run in runs]


def read_overrides(run_path: Path) -> tuple[str, ...]:
    """What the run's case was changed with on the command line; nothing where that cannot be read.

    It explains how case.yaml came about and decides nothing.
    """
    try:
        text = read_file(run_path / OVERRIDES_NAME).decode("utf-8", "replace")
    except OSError:
        return ()
    lines = re.split(r"\n(?!\t)", text.removesuffix("\n"))
    return tuple(line.replace("\n\t", "\n") for line in lines) if text else ()


def append_overrides(run_path: Path, overrides: Iterable[str]) -> None:
    """Add a line for each of `overrides`; one with line breaks goes on in lines that begin with a tab.

    Raises:
        OSError: the file cannot be written.
    """
    lines = (override.replace("\n", "\n\t") for override in overrides)
    append_text(run_path / OVERRIDES_NAME, "".join(f"{line}\n" for line in lines))


def read_run(path: Path) -> Run:
    """Read the run in directory `path`.

    Raises:
        RunError: a file of it is missing or not what it should be; the text says so where another celu made it.
    """
    manifest = read_manifest(path)
    try:
        return Run(path, read_case(path), manifest, manifest.status_at(utc_now()), read_metrics(path))
    except RunError as error:
        made_by = manifest.versions.get("celu", __version__)
        if made_by == __version__:
            raise
        raise RunError(f"{error}\n  celu {made_by} made this run, and this is celu {__version__}") from error


def read_case(run_path: Path) -> Case:
    """Read case.yaml of the run in directory `run_path`.

    Raises:
        RunError: it is missing or no valid case.
    """
    try:
        return load_recorded_case(run_path / CASE_NAME)
    except CeluError as error:
        raise RunError(f"cannot read the case of the run {run_path}: {error}") from error
