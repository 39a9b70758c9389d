"""A launcher without processes: it writes real run directories from made-up events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from celu_cli.errors import DivergedError, InterruptedByUser
from celu_cli.events import Event
from celu_cli.execute import Job
from celu_cli.runs.recorder import RunRecorder
from celu_cli.sweep.worker import Outcome
from tests.runs.fakes import make_events

Fate = Callable[[Job, int], str]


def always_completed(_: Job, __: int) -> str:
    return "completed"


class FakeLauncher:
    """Ends its jobs whenever it is polled; `fate` says how, from the job and how many times its cell was tried."""

    def __init__(self, workers: int = 2, fate: Fate = always_completed) -> None:
        self._jobs: dict[int, Job | None] = dict.fromkeys(range(workers))
        self._fate = fate
        self._tried: dict[str, int] = {}
        self.jobs: list[Job] = []
        self.most_at_once = 0
        self.stopped = self.closed = False

    def idle(self) -> list[int]:
        return [number for number, job in self._jobs.items() if job is None]

    def pids(self, _: int) -> tuple[int, ...]:
        return ()

    def submit(self, number: int, job: Job) -> None:
        self._jobs[number] = job
        self.jobs.append(job)
        self.most_at_once = max(self.most_at_once, sum(job is not None for job in self._jobs.values()))

    def poll(self, _: float) -> Iterator[tuple[int, Event | Outcome]]:
        for number, job in self._jobs.items():
            if job is not None and (self.stopped or self._fate(job, 1) != "busy"):
                self._jobs[number] = None
                yield number, self._end(job)

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True

    def _end(self, job: Job) -> Outcome:
        cell = job.case.model_dump_json()
        self._tried[cell] = self._tried.get(cell, 0) + 1
        fate = "interrupted" if self.stopped else self._fate(job, self._tried[cell])
        if fate in ("unopened", "unresumable"):
            return Outcome("failed", "no run was begun", fate == "unresumable", fate == "unresumable", 2)
        recorder = (
            RunRecorder.reopen(job.resume, job.case) if job.resume else RunRecorder.open(job.logs, job.case)
        )
        errors = {
            "diverged": DivergedError("NaN"),
            "interrupted": InterruptedByUser("stopped"),
            "bug": ValueError("x"),
        }
        done = None if fate == "completed" else 0  # no epoch, as this writes no checkpoint
        events = list(make_events(job.case.epochs, done=done))
        with suppress(DivergedError, InterruptedByUser, ValueError, OSError), recorder:
            for event in events:
                recorder(event)
            if fate != "completed":
                raise errors.get(fate, OSError("disk full"))
        if fate in ("completed", "diverged", "interrupted"):
            return Outcome(fate)  # type: ignore[arg-type]
        return Outcome("failed", fate, retry=fate == "full", exit_code=1)


def runs_in(logs: Path) -> list[Path]:
    return sorted(path.parent for path in logs.glob("*/*/run.json"))
