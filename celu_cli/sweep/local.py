"""Workers on this machine: processes pinned to disjoint cores, each of which trains many cells."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue

from celu_cli.errors import STOP_SIGNALS
from celu_cli.events import Event, RunOpened
from celu_cli.execute import Job, Workshop
from celu_cli.machine import usable_cores
from celu_cli.sweep.cores import split_cores
from celu_cli.sweep.worker import Outcome, prepare_worker, train_cell

_STOP = "stop"
_END_SECONDS = 10.0

Message = tuple[int, Event | Outcome]
"""A worker's number, and what happened there: an event of its training, or how the training ended."""


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    busy: bool = False


class LocalWorkers:
    """`count` worker processes, started when they get their first cell, and started again after one was killed.

    They share the cores of this process, or have `cores_each` that no other process's workers hold. A launcher as
    `celu_cli.sweep.conduct` needs it.
    """

    def __init__(self, count: int, cores_each: int | None = None) -> None:
        self._cores: list[list[int] | int] = (
            [*split_cores(count, usable_cores())] if cores_each is None else [cores_each] * count
        )
        self.count = count
        self._workers: list[_Worker | None] = [None] * count

    def idle(self) -> list[int]:
        """The numbers of the workers that wait for a cell."""
        return [number for number, worker in enumerate(self._workers) if worker is None or not worker.busy]

    def pids(self, number: int) -> tuple[int, ...]:
        """The process of a worker, which is started where there is none."""
        worker = self._workers[number] or self._start(number)
        return (worker.process.pid,) if worker.process.pid else ()

    def submit(self, number: int, job: Job) -> None:
        """Have the worker train `job`."""
        worker = self._workers[number] or self._start(number)
        worker.busy = True
        with suppress(OSError):  # it has just died, which `poll` reports
            worker.connection.send(job)

    def poll(self, seconds: float) -> Iterator[Message]:
        """What the workers have said; waits for it `seconds` at most."""
        workers = {worker.connection: (n, worker) for n, worker in enumerate(self._workers) if worker}
        if not workers:
            time.sleep(seconds)
        for connection in wait(list(workers), seconds):
            assert isinstance(connection, Connection)
            number, worker = workers[connection]
            try:
                while connection.poll():
                    message = connection.recv()
                    if isinstance(message, Outcome):
                        worker.busy = False
                        if message.retry:
                            # run.json may still say that this process trains the run, which lasts until it is gone.
                            self._end(number, kill=True)
                            yield number, message
                            break
                    yield number, message
            except (EOFError, OSError):
                yield from self._bury(number)

    def stop(self) -> None:
        """Ask every worker to write a checkpoint and end its cell; `poll` reports when it has."""
        for worker in filter(None, self._workers):
            with suppress(OSError):
                worker.connection.send(_STOP)

    def close(self) -> None:
        """End the workers, which must be idle: a busy one checkpoints first, but nobody hears of it."""
        for worker in filter(None, self._workers):
            worker.connection.close()
        for worker in filter(None, self._workers):
            worker.process.join(_END_SECONDS)
            worker.process.kill()
        self._workers = [None] * len(self._workers)

    def _start(self, number: int) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._cores[number]), daemon=True)
        process.start()
        theirs.close()
        worker = self._workers[number] = _Worker(process, ours)
        return worker

    def _end(self, number: int, kill: bool = False) -> _Worker:
        worker = self._workers[number]
        assert worker is not None
        self._workers[number] = None
        worker.connection.close()
        if kill:
            worker.process.kill()
        worker.process.join()
        return worker

    def _bury(self, number: int) -> Iterator[Message]:
        worker = self._end(number)
        if worker.busy:
            code = worker.process.exitcode or 0
            reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            yield number, Outcome("lost", f"its worker process ended ({reason})", retry=True, exit_code=1)


def _work(connection: Connection, cores: list[int] | int) -> None:
    """The life of a worker process: one job after another until the sweep that started it closes the connection."""
    # Ctrl-C reaches the whole process group; the sweep decides what it means, and says so over the connection.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    prepare_worker(cores)
    worker, workshop = _Listener(connection), Workshop()
    while (job := worker.jobs.get()) is not None:
        worker.opened.clear()
        outcome = train_cell(job, worker.send, worker.stopping.is_set, workshop)
        gc.collect()  # graphs of cells that no other cell shares
        worker.send(outcome)


class _Listener:
    """Hears the sweep while the worker trains. When the sweep is gone, the cell is ended with a checkpoint."""

    def __init__(self, connection: Connection) -> None:
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.stopping = threading.Event()
        self.opened = threading.Event()
        self._connection = connection
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: Event | Outcome) -> None:
        if isinstance(message, RunOpened):
            self.opened.set()
        try:
            self._connection.send(message)
        except OSError:
            self.stopping.set()

    def _listen(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                self.stopping.set()
                if not self.opened.is_set():
                    os._exit(1)  # nothing to checkpoint yet, and a run begun now would be nobody's
                self.jobs.put(None)
                return
            if message == _STOP:
                self.stopping.set()
            else:
                self.jobs.put(message)
