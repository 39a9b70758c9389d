"""Rows of a table that are measured in several processes, one step at a time, A B C A B C.

Two engines in one process would share its memory settings and quarrel over threads; one after the other, a machine that
gets busier would slow one of them alone. So each engine has a process, and the parent gives each its turn.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from celu_cli.errors import CeluError
from celu_cli.machine import cpu_threads
from celu_cli.timing import Progress, Turns, take_turns

ROOT = Path(__file__).resolve().parents[1]
LONGEST_SECONDS = 1800.0  # of one step; one that compiles takes minutes where all goes well
Group = Literal["celu", "tensorflow", "tuned", "torch"]


class WorkerError(CeluError):
    """A row cannot be measured; the text says why."""


@dataclass(frozen=True)
class Row:
    """A row of a table: the process it belongs to, and what to do there.

    The group `celu` has celu's settings of memory and oneDNN, `tensorflow` its own alone, `tuned` celu's again but in
    another process, `torch` as many threads as the others. `kind` is celu, floor, limit, article, keras or torch;
    `options` are its peer's. A call takes `count` steps and its time is divided by them.
    """

    name: str
    group: Group
    kind: str
    case: str
    overrides: tuple[str, ...] = ()
    count: int = 1
    options: dict[str, Any] = field(default_factory=dict)


class Worker:
    """The parent's end of one process."""

    def __init__(self, group: str, threads: int) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed below
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", group],
            cwd=ROOT,
            env=environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def take(self, row: Row) -> float:
        """Milliseconds of one step of `row`.

        Raises:
            WorkerError: the row fails, its process has ended, or it does not answer.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(asdict(row)) + "\n")
            self._process.stdin.flush()
            answered, _, _ = select.select([self._process.stdout], [], [], LONGEST_SECONDS)
            if not answered:
                self._process.kill()
                raise WorkerError(f"it did not answer in {LONGEST_SECONDS:.0f} s; its process was ended")
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"its process ended with {self._process.wait()}: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return float(answer["milliseconds"])

    def close(self) -> None:
        """End the process and wait for it."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing, like a process that the system killed for its memory"


def environment(threads: int) -> dict[str, str]:
    """The surroundings of a process that may use `threads` threads, and is quiet about itself."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return os.environ | dict.fromkeys(names, str(threads)) | {"TF_CPP_MIN_LOG_LEVEL": "3"}


@contextmanager
def workers(groups: Sequence[str], threads: int) -> Iterator[dict[str, Worker]]:
    """A process for each group, ended however the block ends."""
    with ExitStack() as stack:
        found = {}
        for group in dict.fromkeys(groups):
            found[group] = Worker(group, threads)
            stack.callback(found[group].close)
        yield found


def measure_rows(
    rows: Sequence[Row],
    repeats: int,
    *,
    threads: int | None = None,
    seconds_each: float = 60.0,
    progress: Progress = lambda _: None,
) -> Turns:
    """Milliseconds of every row that can be measured, and why the others cannot.

    Where another process had the turn before, a row is called once more without counting: the caches are the other's
    then, and its threads may still wait for work at full speed.
    """
    called: list[Row] = []

    def take(row: Row, worker: Worker) -> float:
        if row in called and row.group != called[-1].group:
            worker.take(row)
        called.append(row)
        return worker.take(row)

    with workers([row.group for row in rows], threads or cpu_threads()) as found:
        ways = {row.name: lambda row=row: take(row, found[row.group]) for row in rows}
        return take_turns(ways, repeats, seconds_each=seconds_each, progress=progress)
