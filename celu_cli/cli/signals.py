"""Ctrl-C and the other signals that ask for an end: the first stops the training, a second one leaves at once."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from celu_cli.errors import STOP_SIGNALS, ExitCode, InterruptedByUser

_ONE_REQUEST_SECONDS = 1.0  # a terminal and a wrapper both hand on one Ctrl-C
_SHOW_CURSOR = b"\x1b[?25h\r\n"


class StopRequest:
    """While entered, the first signal is remembered and `heard` is called with its name; a second ends the process.

    Signals within a second of the first are the same request. `parting` is what the user reads when a second one ends
    the process. Call it to learn what was asked for: None, or the error to raise. A thread of its own hears the
    signals: Python's handlers would wait for the step in hand, which may take seconds.
    """

    def __init__(self, heard: Callable[[str], None] = lambda _: None, parting: str = "") -> None:
        self._heard = heard
        self.parting = parting
        self._received: int | None = None
        self._previous: dict[int, Any] = {}

    def __call__(self) -> InterruptedByUser | None:
        if self._received is None:
            return None
        name = signal.Signals(self._received).name
        return InterruptedByUser(f"stopped by {name}", STOP_SIGNALS[self._received])

    def __enter__(self) -> StopRequest:
        self._signalled, self._listening = socket.socketpair()
        self._signalled.setblocking(False)
        self._previous_descriptor = signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            # `nohup` has SIGHUP ignored. A script's shell has SIGINT ignored in what it starts with `&`, which the
            # user's `kill -INT` is meant to reach all the same.
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
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
            if number not in STOP_SIGNALS:
                continue
            if self._received is None:
                self._received = number
                self._heard(signal.Signals(number).name)
                heard = time.monotonic()
            elif time.monotonic() - heard >= _ONE_REQUEST_SECONDS:
                _leave(STOP_SIGNALS[number], self.parting)


def _do_nothing(_: int, __: FrameType | None) -> None:
    """Without a handler of Python's, the wake-up descriptor would receive nothing."""


def _leave(code: ExitCode, parting: str) -> None:
    """End the process at once; files appear by rename, so none is left half-written."""
    with suppress(OSError):
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR)
        if parting:
            os.write(2, f"celu: {parting}\n".encode(errors="backslashreplace"))
    os._exit(code)
