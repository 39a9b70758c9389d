"""Bring cells and workers together: claim, train, retry, go on past failures, stop when the user says so."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from celu_cli.errors import InterruptedByUser
from celu_cli.events import Event
from celu_cli.execute import Job
from celu_cli.runs.run import read_case
from celu_cli.sweep.claims import CLAIMS_NAME, Claims
from celu_cli.sweep.plan import SWEEPS_NAME, Cell, Plan
from celu_cli.sweep.standing import Standings
from celu_cli.sweep.worker import Outcome

_ATTEMPTS = 3
_POLL_SECONDS = 0.25
_ELSEWHERE_SECONDS = 2.0
_RETRY_SECONDS = 1.0


class Launcher(Protocol):
    """Where cells are trained: workers, by number, that take one job at a time.

    `poll` reports events of the trainings and, once for each job, its `Outcome`.
    """

    def idle(self) -> list[int]: ...
    def pids(self, number: int) -> tuple[int, ...]: ...
    def submit(self, number: int, job: Job) -> None: ...
    def poll(self, seconds: float) -> Iterable[tuple[int, Event | Outcome]]: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class CellStarted:
    """A worker begins a cell, or goes on with the run `resumed`."""

    worker: int
    cell: Cell
    resumed: Path | None


@dataclass(frozen=True)
class CellProgress:
    """An event of the training that a worker is at."""

    worker: int
    event: Event


@dataclass(frozen=True)
class CellEnded:
    """A worker has done with a cell; `again` says that it is tried again later."""

    worker: int
    cell: Cell
    outcome: Outcome
    again: bool


@dataclass(frozen=True)
class CellElsewhere:
    """A cell that another sweep or `celu run` has finished meanwhile."""

    cell: Cell


SweepEvent = CellStarted | CellProgress | CellEnded | CellElsewhere


@dataclass
class Result:
    """How the cells stand when the sweep ends; `failed` has the last outcome of each cell that failed.

    Of the `unfinished` ones some may be trained by other sweeps, where this one did not wait for them.
    """

    completed: int = 0
    diverged: int = 0
    failed: list[tuple[Cell, Outcome]] = field(default_factory=list)
    unfinished: int = 0
    stopped: InterruptedByUser | None = None


@dataclass
class _Task:
    cell: Cell
    not_before: float = 0.0
    attempts: int = 0
    fresh: bool = False  # its earlier run cannot go on


class Conductor:
    """Trains the cells of a plan with the workers of a launcher; `result` grows while it does.

    When every cell left is trained by other sweeps, it waits for them for `patience` seconds, ready to take over.
    """

    def __init__(
        self,
        plan: Plan,
        logs: Path,
        launcher: Launcher,
        standings: Standings,
        *,
        data_directory: Path | None = None,
        fail_fast: bool = False,
        patience: float = float("inf"),
    ) -> None:
        self._patience = patience
        self._busy = time.monotonic()
        self._logs = logs
        self._launcher = launcher
        self._observe: Callable[[SweepEvent], None] = lambda _: None
        self._standings = standings
        self._data_directory = data_directory
        self._fail_fast = fail_fast
        self.result = Result()
        self._waiting: deque[_Task] = deque()
        self._training: dict[int, _Task] = {}
        self._claims = Claims(logs / SWEEPS_NAME / CLAIMS_NAME)
        for cell in plan.cells:
            state = standings.state(cell.identity)
            if state.has_ended:
                self._count(state.standing)
            else:
                self._waiting.append(_Task(cell))

    def left(self) -> list[Cell]:
        """The cells that have not ended, in the order of training."""
        return [task.cell for task in self._waiting]

    def conduct(
        self,
        observer: Callable[[SweepEvent], None] = lambda _: None,
        stop: Callable[[], InterruptedByUser | None] = lambda: None,
    ) -> Result:
        """Train every cell that has not ended, until all have or `stop` says that the user wants to; close the workers.

        Raises:
            OSError: the claims cannot be written.
        """
        self._observe = observer
        try:
            with self._claims:
                while (self._waiting or self._training) and not self._must_stop(stop):
                    self._give_work()
                    self._hear()
                if self._training:
                    self._launcher.stop()
                while self._training:
                    self._hear()
        finally:
            self._launcher.close()
        self.result.unfinished += len(self._waiting)
        return self.result

    def _must_stop(self, stop: Callable[[], InterruptedByUser | None]) -> bool:
        self.result.stopped = stop()
        now = time.monotonic()
        if self._training or any(task.attempts for task in self._waiting):
            self._busy = now
        idle = now - self._busy > self._patience
        return self.result.stopped is not None or (self._fail_fast and bool(self.result.failed)) or idle

    def _give_work(self) -> None:
        for number in self._launcher.idle():
            chosen = self._claim_next(number)
            if chosen is None:
                return
            task, run = chosen
            self._training[number] = task
            case = task.cell.case if run is None else read_case(run)
            overrides = task.cell.overrides if run is None else ()
            self._observe(CellStarted(number, task.cell, run))
            # Drawing takes as long as some cells do; `celu plot` draws what is wanted later.
            job = Job(case, self._logs, overrides, self._data_directory, resume=run, plots=False)
            self._launcher.submit(number, job)

    def _claim_next(self, number: int) -> tuple[_Task, Path | None] | None:
        """The next cell that nobody else trains, now claimed, with the run that it goes on from."""
        for _ in range(len(self._waiting)):
            task = self._waiting.popleft()
            name = task.cell.identity
            if task.not_before > time.monotonic():
                self._waiting.append(task)
                continue
            if self._claims.take(name, self._launcher.pids(number)):
                # Only now: another sweep may have finished it between the last look and the claim.
                state = self._standings.state(name)
                if state.standing == "to train":
                    return task, None
                if state.standing == "to resume":
                    return task, None if task.fresh else state.run
                self._claims.release(name)
                if state.has_ended:
                    self._count(state.standing)
                    self._observe(CellElsewhere(task.cell))
                    continue
            task.not_before = time.monotonic() + _ELSEWHERE_SECONDS
            self._waiting.append(task)
        return None

    def _hear(self) -> None:
        for number, message in self._launcher.poll(_POLL_SECONDS):
            if isinstance(message, Outcome):
                self._end(number, message)
            else:
                self._observe(CellProgress(number, message))

    def _end(self, number: int, outcome: Outcome) -> None:
        task = self._training.pop(number)
        self._claims.release(task.cell.identity)
        task.attempts += 1
        task.fresh |= outcome.cannot_resume
        again = outcome.retry and task.attempts < _ATTEMPTS
        if again:
            task.not_before = time.monotonic() + task.attempts * _RETRY_SECONDS
            self._waiting.append(task)
        elif outcome.status == "interrupted":
            self.result.unfinished += 1
        elif outcome.status in ("completed", "diverged"):
            self._count(outcome.status)
        else:
            self.result.failed.append((task.cell, outcome))
        self._observe(CellEnded(number, task.cell, outcome, again))

    def _count(self, ended: str) -> None:
        if ended == "completed":
            self.result.completed += 1
        else:
            self.result.diverged += 1
