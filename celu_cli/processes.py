"""Processes: who one is, whether it lives, and locks that end with it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from filelock import BaseFileLock

Life = Literal["alive", "suspended", "gone", "unknown"]


class Process(NamedTuple):
    """A process, so that another can find out later whether it still lives.

    `pid` means nothing beyond `space`, the boot of a machine and the pid namespace in it, and is given to another
    process in time; `started`, in clock ticks after the boot, is not. Both are None where the system does not say.
    """

    pid: int
    host: str
    space: str | None = None
    started: int | None = None

    @classmethod
    def find(cls, pid: int | None = None) -> Process:
        """The process of this machine with the number `pid`; without one, this process."""
        pid = os.getpid() if pid is None else pid
        return cls(pid, platform.node(), _pid_space(), _state_and_start(pid)[1])

    @property
    def is_local(self) -> bool:
        """Whether `pid` is a number of this machine and, as far as is known, of this container."""
        return self.space == _pid_space() if self.space else self.host == platform.node()

    def life(self) -> Life:
        """Whether the process lives; *unknown* where it cannot be looked up, as on another machine."""
        if not self.is_local or os.name != "posix":  # on Windows os.kill(pid, 0) would end it
            return "unknown"
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return "gone"
        except OSError:
            pass  # it belongs to somebody else, so it exists
        state, started = _state_and_start(self.pid)
        if None in (started, self.started):
            return "unknown"  # the number may be another process's by now
        if state in ("Z", "X") or started != self.started:
            return "gone"
        return "suspended" if state in ("T", "t") else "alive"


def lock_file(path: Path, seconds: float = 0.0) -> BaseFileLock | None:
    """Hold the file `path` until the lock is released or this process ends, however it ends; waits `seconds` for it.

    None where the filesystem has no such locks, as some that many machines share.

    Raises:
        filelock.Timeout: another process holds it.
        OSError: the file cannot be made.
    """
    from filelock import FileLock  # who only reads holds nothing

    if not _has_locks(path.parent):
        return None
    held = FileLock(path, thread_local=False)
    held.acquire(timeout=seconds)
    return held


def _has_locks(directory: Path) -> bool:
    """Asked with a file that nobody else has: of one that is held, a refusal may come with any error number."""
    try:
        import fcntl
    except ImportError:
        return True  # Windows has locks of its own
    with TemporaryFile(dir=directory) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _pid_space() -> str | None:
    """The boot and the pid namespace that /proc shows, where those are this process's own."""
    try:
        if Path("/proc/self").readlink() != Path(str(os.getpid())):
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _state_and_start(pid: int) -> tuple[str | None, int | None]:
    """The letter of the process's state and when it started, as /proc says."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()  # the name before may have spaces and brackets
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return None, None
