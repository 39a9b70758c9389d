"""Claims: a cell is trained by one worker at a time, whichever process or machine asks.

A claim is a directory made under the logs, which of two that try one gets. Its owner touches it every
`HEARTBEAT_SECONDS`; one that its dead owner left behind is taken over under a lock.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from celu_cli.files import write_whole
from celu_cli.processes import Process, lock_file
from celu_cli.runs.manifest import HEARTBEAT_SECONDS, STALE_SECONDS

CLAIMS_NAME = "claims"
_OWNER = "owner.json"
_SETTLED_SECONDS = 0.5


class Claims:
    """The claims of this process in `directory`; use it as a context manager, which keeps their hearts beating.

    A claim is given up as dead when its processes are gone from this machine or, where they cannot be looked up, when
    it did not beat for `stale_seconds` of this process's own clock: clocks of two machines are never compared.
    """

    def __init__(self, directory: Path, stale_seconds: float = STALE_SECONDS) -> None:
        self._directory = directory
        self._stale_seconds = stale_seconds
        self._token = uuid4().hex
        self._held: set[Path] = set()
        self._seen: dict[Path, tuple[int, float]] = {}
        self._stop = threading.Event()
        self._pulse = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Claims:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._pulse.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pulse.join()
        for name in [path.name for path in self._held]:
            self.release(name)

    def take(self, name: str, pids: tuple[int, ...] = ()) -> bool:
        """Whether the cell `name` is now this process's; `pids` are the processes that work for it.

        Raises:
            OSError: the directory cannot be written.
        """
        path = self._directory / name
        try:
            path.mkdir()
        except FileExistsError:
            if not self._is_dead(path):
                return False
            lock = lock_file(self._directory / ".takeover.lock", seconds=-1)
            try:
                if not self._is_dead(path):  # another one has taken it over meanwhile
                    return False
                self._sign(path, pids)
                if lock is None:  # of two that sign at once, the last has it
                    time.sleep(_SETTLED_SECONDS)
                    if self._owner(path).get("token") != self._token:
                        return False
            finally:
                if lock is not None:
                    lock.release()
        else:
            self._sign(path, pids)
        self._held.add(path)
        return True

    def release(self, name: str) -> None:
        """Give the cell `name` back, unless it has been taken over."""
        path = self._directory / name
        self._held.discard(path)
        if self._owner(path).get("token") == self._token:
            shutil.rmtree(path, ignore_errors=True)

    def _sign(self, path: Path, pids: tuple[int, ...]) -> None:
        owner = {"token": self._token, "processes": [Process.find(pid) for pid in (os.getpid(), *pids)]}
        write_whole(path / _OWNER, json.dumps(owner))
        self._seen.pop(path, None)

    def _owner(self, path: Path) -> dict[str, Any]:
        try:
            owner = json.loads((path / _OWNER).read_bytes())
        except (OSError, ValueError):  # not signed yet, or just released
            return {}
        return owner if isinstance(owner, dict) else {}

    def _is_dead(self, path: Path) -> bool:
        try:
            lives = {Process(*process).life() for process in self._owner(path)["processes"]}
        except (KeyError, TypeError):  # not signed yet, or by an older celu
            lives = {"unknown"}
        if lives <= {"gone"}:
            return True
        if lives & {"alive", "suspended"}:
            return False
        try:
            beat = max(file.stat().st_mtime_ns for file in (path, path / _OWNER) if file.exists())
        except (OSError, ValueError):
            return False  # released: the next attempt can claim it
        now = time.monotonic()
        before, since = self._seen.get(path, (0, now))
        if before != beat:
            self._seen[path] = beat, now
            return False
        return now - since > self._stale_seconds

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            for path in tuple(self._held):
                with suppress(OSError):
                    os.utime(path / _OWNER)
