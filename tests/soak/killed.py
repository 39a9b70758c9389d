"""`celu` in a process that kills itself in the middle of a write: python -m tests.soak.killed POINT WORDS...

At the POINT-th moment at which a file of the run is being written or renamed, SIGKILL ends the process: with the file
half there, whole but not renamed, or just renamed, in turn.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_RUN_FILES = ("checkpoint", "metrics.jsonl", ".part")


class Killer:
    """Counts the moments and ends the process at the one asked for."""

    def __init__(self, point: int) -> None:
        self._left = point
        self._sync, self._replace = os.fsync, Path.replace

    def install(self) -> None:
        os.fsync = self.fsync
        Path.replace = lambda path, target: self.replace(path, target)  # type: ignore[method-assign]

    def fsync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_file() and self._is_moment(path):
            # What a kill inside of write() would leave. Appended metrics lose only bytes of their last line.
            size = path.stat().st_size
            os.ftruncate(descriptor, size // 2 if path.suffix == ".part" else size - 9)
            _kill()
        self._sync(descriptor)

    def replace(self, path: Path, target: Path) -> Path:
        if self._is_moment(path):
            _kill()
        result = self._replace(path, target)
        if self._is_moment(path):
            _kill()
        return result

    def _is_moment(self, path: Path) -> bool:
        if any(name in str(path) for name in _RUN_FILES):
            self._left -= 1
        return self._left == 0


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Killer(int(sys.argv[1])).install()
    sys.argv = ["celu", *sys.argv[2:]]
    from celu_cli.cli.app import main

    main()
