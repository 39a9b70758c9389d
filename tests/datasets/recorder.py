"""A reporter that remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class RecordingReporter:
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.titles: list[str] = []
        self.totals: list[int | None] = []
        self.received: list[int] = []

    def message(self, text: str) -> None:
        self.messages.append(text)

    @contextmanager
    def progress(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        self.totals.append(total)
        self.titles.append(text)
        self.received.append(0)

        def advance(count: int) -> None:
            self.received[-1] += count

        yield advance
