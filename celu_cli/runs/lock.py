"""One process at a time trains in a run directory."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from celu_cli.errors import RunError

LOCK_NAME = ".lock"


def lock_run(run_path: Path) -> FileLock:
    """Hold the run for this process until the lock is released or the process ends, however it ends.

    Raises:
        RunError: another process holds it.
        OSError: the lock cannot be made.
    """
    lock = FileLock(run_path / LOCK_NAME, blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(f"another process is training the run {run_path}; wait for it or stop it") from error
    return lock
