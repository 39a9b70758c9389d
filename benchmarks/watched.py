"""`celu` itself, with one observer more: it writes when each event of the training came, and the memory in use then.

Usage: python -m benchmarks.watched STAMPS STEPS WORDS...

STAMPS is the file to write, STEPS how many steps to take before the process ends at once (0: run to the end), WORDS
what follows `celu`. Times are those of the system's monotonic clock, the same in all processes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO


class Stamps:
    """The observer: one JSON line an event."""

    def __init__(self, file: TextIO, last_step: int) -> None:
        self._file, self._last_step = file, last_step

    def __call__(self, event: Any) -> None:
        now = time.monotonic()
        name, step = type(event).__name__, getattr(event, "step", None)
        stamp = {"event": name, "time": now, "step": step, "memory": resident_memory()}
        self._file.write(json.dumps(stamp) + "\n")
        self._file.flush()
        if self._last_step and name == "StepsDone" and step >= self._last_step:
            os._exit(0)


def resident_memory() -> int | None:
    """Bytes of memory in use now; None where the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    path, steps, *words = sys.argv[1:]
    import celu_cli.execute as house
    from celu_cli.cli.app import main as celu

    plain = house.execute
    with Path(path).open("w", encoding="utf-8") as file:

        def execute(job: house.Job, observers: Any = (), *given: Any) -> Any:
            return plain(job, [*observers, Stamps(file, int(steps))], *given)

        house.execute = execute  # where the command finds it
        sys.argv = ["celu", *words]
        celu()


if __name__ == "__main__":
    main()
