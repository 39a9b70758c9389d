"""Ctrl-C and SIGTERM: the first asks the training to stop, the second leaves at once."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from celu_cli.errors import ExitCode, InterruptedByUser

_EXIT_CODES = {int(signal.SIGINT): ExitCode.INTERRUPTED, int(signal.SIGTERM): ExitCode.TERMINATED}
_SHOW_CURSOR = b"\x1b[?25h\r\n"


class StopRequest:
    """While entered, the first signal is remembered and `heard` is called with its name; a second ends the process.

    Call it to learn what was asked for: None, or the error to raise. A thread of its own hears the signals: Python's
    handlers would wait for the step in hand, which may take seconds.
    """

    def __init__(self, heard: Callable[[str], None] = lambda _: None) -> None:
        self._heard = heard
        self._received: int | None = None
        self._previous: dict[int, Any] = {}

    def __call__(self) -> InterruptedByUser | None:
        if self._received is None:
            return None
        name = signal.Signals(self._received).name
        return InterruptedByUser(f"stopped by {name}", _EXIT_CODES[self._received])

    def __enter__(self) -> StopRequest:
        self._signalled, self._listening = socket.socketpair()
        self._signalled.setblocking(False)
        self._previous_descriptor = signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)
        for number in _EXIT_CODES:
            self._previous[number] = signal.signal(number, _do_nothing)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_descriptor)
        self._signalled.close()  # the listener reads the end of it
        self._listener.join()
        self._listening.close()

    def _listen(self) -> None:
        while received := self._listening.recv(1):
            number = received[0]
            if number not in _EXIT_CODES:
                continue
            if self._received is not None:
                _leave(_EXIT_CODES[number])
            self._received = number
            self._heard(signal.Signals(number).name)


def _do_nothing(_: int, __: FrameType | None) -> None:
    """Without a handler of Python's, the wake-up descriptor would receive nothing."""


def _leave(code: ExitCode) -> None:
    """End the process at once; files appear by rename, so none is left half-written."""
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(2, _SHOW_CURSOR)
    os._exit(code)
