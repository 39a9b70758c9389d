"""Real runs of `celu` in processes of their own, in a terminal of their own, and what they took."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.turns import ROOT
from celu_cli.errors import CeluError

_TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}


class RunFailed(CeluError):  # noqa: N818 - reads as what it is
    """A command that was to be measured did not end well; the text holds its last words."""


@dataclass(frozen=True)
class Finished:
    """A process that is done: how long it took, its largest memory in bytes, and what a watched run stamped."""

    started: float
    seconds: float
    peak_memory: int
    stamps: list[dict[str, Any]]

    def first(self, event: str) -> float:
        """Seconds from the start of the process to the first such event."""
        return float(next(stamp["time"] for stamp in self.stamps if stamp["event"] == event) - self.started)


def watched_run(words: Sequence[str], steps: int = 0) -> Finished:
    """`celu WORDS` with live display and stamps; it ends after `steps` steps where they are not 0.

    Raises:
        RunFailed: it ended with another exit code than 0.
    """
    with tempfile.TemporaryDirectory() as directory:
        stamps = Path(directory) / "stamps.jsonl"
        logs = ["--logs", str(Path(directory) / "logs")]
        command = ["-m", "benchmarks.watched", str(stamps), str(steps), *words, *logs]
        done = run_process(command, directory=Path(directory))
        lines = stamps.read_text(encoding="utf-8").splitlines()
        return Finished(done.started, done.seconds, done.peak_memory, [json.loads(line) for line in lines])


def run_process(
    words: Sequence[str], *, directory: Path, changes: Mapping[str, str] | None = None
) -> Finished:
    """`python WORDS` in a terminal, as the user would run it.

    Its peak memory is never less than this process's own, which the system counts until it is replaced: keep it small.

    Raises:
        RunFailed: it ended with another exit code than 0.
    """
    reader, terminal = pty.openpty()
    shown: list[bytes] = []
    reading = threading.Thread(target=read_all, args=(reader, shown))
    reading.start()
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=directory,
        env=os.environ | _TERMINAL | {"PYTHONPATH": str(ROOT)} | dict(changes or {}),
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    reading.join()
    os.close(reader)
    if process.returncode != 0:
        words_shown = b"".join(shown).decode(errors="replace").split()
        raise RunFailed(f"{' '.join(words)} ended with {process.returncode}: {' '.join(words_shown)[-400:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Finished(started, seconds, used.ru_maxrss * unit, [])


def read_all(reader: int, shown: list[bytes]) -> None:
    """Keep what the terminal is sent until nobody can send more."""
    with suppress(OSError):  # Linux's way of saying so
        while chunk := os.read(reader, 65536):
            shown.append(chunk)
