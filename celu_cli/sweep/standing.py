"""How the cells of a sweep stand, as the run directories show it: no list of what is done could be wrong then."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from celu_cli.case.identity import identity
from celu_cli.errors import CeluError, ExitCode
from celu_cli.runs.manifest import MANIFEST_NAME, Manifest, Status, read_manifest, utc_now
from celu_cli.runs.run import read_case

Standing = Literal["completed", "diverged", "training", "to resume", "to train"]
_ENDED = ("completed", "diverged")
_STANDINGS: dict[Status, Standing] = {
    "completed": "completed",
    "running": "training",
    "suspended": "training",
}
_BEST_FIRST: tuple[Standing, ...] = ("completed", "diverged", "training", "to resume")


@dataclass(frozen=True)
class CellState:
    """How a cell stands, with the run that says so; None where there is none."""

    standing: Standing
    run: Path | None = None

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to train: a diverged run is a result."""
        return self.standing in _ENDED


class Standings:
    """Knows the runs in `logs` by what they train; reads a run again only while it is not at its end."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._changed: dict[str, int] = {}
        self._known: set[str] = set()
        self._runs: dict[str, list[Path]] = {}
        self._ended: dict[Path, Standing] = {}

    def state(self, cell: str) -> CellState:
        """How the cell with the identity `cell` stands now; of its runs the one nearest to a result counts."""
        self._look_for_new_runs()
        states = [
            CellState(standing, path) for path in self._runs.get(cell, ()) if (standing := self._of(path))
        ]
        nearest = min(reversed(states), key=lambda state: _BEST_FIRST.index(state.standing), default=None)
        return nearest or CellState("to train")

    def _of(self, path: Path) -> Standing | None:
        if path in self._ended:
            return self._ended[path]
        try:
            standing = standing_of(read_manifest(path))
        except CeluError:
            return None
        if standing in _ENDED:
            self._ended[path] = standing
        return standing

    def _look_for_new_runs(self) -> None:
        """Read the directories that have changed since the last look."""
        for folder in _folders(self._logs):
            changed = folder.stat().st_mtime_ns
            if self._changed.get(folder.path) == changed:
                continue
            complete = True
            for run in _folders(Path(folder.path)):
                if run.path not in self._known:
                    complete &= self._add(Path(run.path))
            if complete:  # a directory without run.json may become a run without any trace in its parent
                self._changed[folder.path] = changed

    def _add(self, path: Path) -> bool:
        if not (path / MANIFEST_NAME).is_file():
            return False
        self._known.add(str(path))
        try:
            manifest = read_manifest(path)
            cell = manifest.identity or identity(read_case(path), manifest.code.values())
        except CeluError:
            return True  # unreadable: no cell's run
        self._runs.setdefault(cell, []).append(path)
        if (standing := standing_of(manifest)) in _ENDED:
            self._ended[path] = standing
        return True


def standing_of(manifest: Manifest) -> Standing:
    """What a run means for its cell."""
    status = manifest.status_at(utc_now())
    if status == "failed" and manifest.exit_code == ExitCode.DIVERGED:
        return "diverged"
    return _STANDINGS.get(status, "to resume")


def _folders(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return sorted(
                (entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")),
                key=lambda entry: entry.name,
            )
    except OSError:
        return []
