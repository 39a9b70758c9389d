"""Ctrl-C and SIGTERM as a request that the training answers between two steps."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

from celu_cli.errors import ExitCode, InterruptedByUser

_EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class StopRequest:
    """While entered, the first signal is remembered; a second one acts as it would without celu.

    Call it to learn what was asked for: None, or the error to raise.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._previous: dict[int, Any] = {}

    def __call__(self) -> InterruptedByUser | None:
        if self._received is None:
            return None
        name = signal.Signals(self._received).name
        return InterruptedByUser(f"stopped by {name}", _EXIT_CODES[signal.Signals(self._received)])

    def __enter__(self) -> StopRequest:
        for number in _EXIT_CODES:
            self._previous[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _remember(self, number: int, _: FrameType | None) -> None:
        self._received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
