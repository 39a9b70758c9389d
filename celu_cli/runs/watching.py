"""The runs of a directory as their files tell them now, read again and again while others write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from celu_cli.case.load import load_case
from celu_cli.errors import CeluError
from celu_cli.events import EpochMetrics
from celu_cli.runs.directory import runs_under
from celu_cli.runs.manifest import MANIFEST_NAME, Manifest, Status, read_manifest
from celu_cli.runs.metrics import METRICS_NAME, read_metrics
from celu_cli.runs.published import PublishedEpoch, read_published
from celu_cli.runs.run import CASE_NAME, Run

# A run that crashed longer ago is shown only where all runs are.
RECENT = timedelta(days=1)
_RECENT_EPOCHS = 5
_ATTEMPTS = 3

Content = TypeVar("Content")


@dataclass(frozen=True)
class View:
    """What is to be seen at one moment: `runs` by start, how many ended ones are left out or cannot be read."""

    now: datetime
    runs: tuple[Run, ...]
    left_out: int
    unreadable: int

    @property
    def running(self) -> int:
        return sum(run.status == "running" for run in self.runs)


class Watcher:
    """Reads the runs in `logs` whenever `look` is called; a file that did not change is not read again.

    A view has the runs that go on, those that went on at an earlier look, and those that crashed in the last
    day; with `everything` it has all runs.
    """

    def __init__(self, logs: Path, everything: bool = False) -> None:
        self._logs = logs
        self._everything = everything
        self._paths: list[Path] = []
        self._went_on: set[Path] = set()
        self._files: dict[Path, tuple[tuple[int, int], Any]] = {}

    @property
    def has_seen_running(self) -> bool:
        """Whether any run went on at any look."""
        return bool(self._went_on)

    def look(self, now: datetime) -> View:
        """The runs as they stand at `now`. One that appears, vanishes or is damaged meanwhile disturbs no other."""
        runs, left_out, unreadable = [], 0, 0
        for path in self._find():
            try:
                run = self._read(path, now)
            except (CeluError, OSError):
                unreadable += path.is_dir()  # one that has vanished is nothing to tell of
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
        manifest: Manifest = self._unless_known(path / MANIFEST_NAME, lambda _: read_manifest(path))
        status = manifest.status_at(now)
        if not self._is_shown(path, manifest, status, now):
            return None
        case = self._unless_known(path / CASE_NAME, lambda file: load_case(file, to_train=False))
        return Run(path, case, manifest, status, self._metrics(path))

    def _is_shown(self, path: Path, manifest: Manifest, status: Status, now: datetime) -> bool:
        if status == "running":
            self._went_on.add(path)
        recent = status == "crashed" and now - manifest.heartbeat < RECENT
        return self._everything or recent or path in self._went_on

    def _metrics(self, path: Path) -> tuple[EpochMetrics, ...]:
        file = path / METRICS_NAME
        if not file.exists():
            return ()
        return self._unless_known(file, lambda _: tuple(read_metrics(path)))

    def _unless_known(self, file: Path, read: Callable[[Path], Content]) -> Content:
        facts = file.stat()
        signature = (facts.st_mtime_ns, facts.st_size)
        known = self._files.get(file)
        if known is None or known[0] != signature:
            known = (signature, read(file))
            self._files[file] = known
        content: Content = known[1]
        return content


def elapsed_seconds(run: Run, now: datetime) -> float:
    """Wall time from the start to now, or to the end; of a crashed run to its last sign of life.

    The pauses of a resumed run, in which no process trained it, do not count.
    """
    manifest = run.manifest
    end = now if run.status == "running" else manifest.ended or manifest.heartbeat
    pauses = (later.time - later.stopped for later in manifest.resumed if later.stopped is not None)
    return max(0.0, (end - manifest.started - sum(pauses, timedelta(0))).total_seconds())


def remaining_seconds(run: Run, now: datetime) -> float | None:
    """Time left as the last epochs promise; None where nothing is known yet or nothing goes on."""
    if run.status != "running" or not run.metrics:
        return None
    recent = run.metrics[-_RECENT_EPOCHS:]
    an_epoch = sum(metrics.seconds for metrics in recent) / len(recent)
    left = run.case.epochs - run.metrics[-1].epoch
    spent = (now - _ended_at(run.metrics[-1], now)).total_seconds()
    # The epoch under way may take longer than promised; what is then left of it is not known, but not below 0.
    return max(0.0, an_epoch * left - min(max(0.0, spent), an_epoch))


def published_now(run: Run) -> PublishedEpoch | None:
    """What the article's log shows of the run's last epoch, or of the last before it that it shows.

    None where there is no such epoch, or no curve that can be read.
    """
    try:
        curve = read_published(run.case)
    except CeluError:
        return None
    done = run.metrics[-1].epoch if run.metrics else 0
    earlier = [epoch for epoch in curve.epochs if epoch.epoch <= done] if curve else []
    return earlier[-1] if earlier else None


def _ended_at(metrics: EpochMetrics, now: datetime) -> datetime:
    try:
        time = datetime.fromisoformat(metrics.time.replace("Z", "+00:00"))
    except ValueError:
        return now
    return time if time.tzinfo else now


def best_epoch(run: Run) -> EpochMetrics | None:
    """The finished epoch with the best test accuracy."""
    return max(run.metrics, key=lambda metrics: metrics.test_accuracy, default=None)
