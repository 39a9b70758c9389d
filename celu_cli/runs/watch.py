"""The runs of a directory, read again and again while others write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from celu_cli.errors import CeluError
from celu_cli.events import Epochs
from celu_cli.runs.directory import runs_under
from celu_cli.runs.manifest import MANIFEST_NAME, Manifest, Status, read_manifest
from celu_cli.runs.metrics import METRICS_NAME, read_metrics
from celu_cli.runs.run import CASE_NAME, Run, read_case

# A run that crashed longer ago is shown only where all runs are.
RECENT = timedelta(days=1)
_ATTEMPTS = 3

Content = TypeVar("Content")


@dataclass(frozen=True)
class View:
    """What there is to see at one moment: `runs` by start, and how many are left out or cannot be read."""

    now: datetime
    runs: tuple[Run, ...]
    left_out: int
    unreadable: int

    @property
    def running(self) -> int:
        return sum(run.status == "running" for run in self.runs)


class Watcher:
    """Reads the runs in `logs` whenever `look` is called; a file that did not change is not read again.

    A view has the runs that are running, those that were at an earlier look, and those that crashed in the last
    day; with `everything` it has all runs.
    """

    def __init__(self, logs: Path, everything: bool = False) -> None:
        self._logs = logs
        self._everything = everything
        self._paths: list[Path] = []
        self._seen_running: set[Path] = set()
        self._files: dict[Path, tuple[tuple[int, int], Any]] = {}

    @property
    def has_seen_running(self) -> bool:
        """Whether any run was running at any look."""
        return bool(self._seen_running)

    def look(self, now: datetime) -> View:
        """The runs as they stand at `now`. One that appears, vanishes or is damaged meanwhile disturbs no other."""
        runs, left_out, unreadable = [], 0, 0
        for path in self._find():
            try:
                run = self._read(path, now)
            except (CeluError, OSError):
                unreadable += path.is_dir()  # one that has vanished is no longer a run
                continue
            if run is None:
                left_out += 1
            else:
                runs.append(run)
        runs.sort(key=lambda run: (run.manifest.started, run.path))
        return View(now, tuple(runs), left_out, unreadable)

    def _find(self) -> list[Path]:
        for _ in range(_ATTEMPTS):
            try:
                self._paths = runs_under(self._logs)
                break
            except OSError:
                continue  # a directory vanished while it was listed
        return self._paths

    def _read(self, path: Path, now: datetime) -> Run | None:
        """The run, or None where it is not to be shown.

        Raises:
            CeluError: a file of it cannot be read.
            OSError: it has vanished.
        """
        manifest = self._unless_known(path / MANIFEST_NAME, read_manifest)
        status = manifest.status_at(now)
        if not self._is_shown(path, manifest, status, now):
            return None
        case = self._unless_known(path / CASE_NAME, read_case)
        metrics = path / METRICS_NAME
        epochs = self._unless_known(metrics, read_metrics) if metrics.exists() else Epochs()
        return Run(path, case, manifest, status, epochs)

    def _is_shown(self, path: Path, manifest: Manifest, status: Status, now: datetime) -> bool:
        if status in ("running", "suspended"):
            self._seen_running.add(path)
        recent = status == "crashed" and now - manifest.heartbeat < RECENT
        return self._everything or recent or path in self._seen_running

    def _unless_known(self, file: Path, read: Callable[[Path], Content]) -> Content:
        """What `read` makes of the run directory that `file` is in, called again only when `file` has changed."""
        found = file.stat()
        signature = (found.st_mtime_ns, found.st_size)
        known = self._files.get(file)
        if known is None or known[0] != signature:
            known = self._files[file] = (signature, read(file.parent))
        content: Content = known[1]
        return content
