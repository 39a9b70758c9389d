"""How the library reports slow work without printing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[int], None]
"""Called with the number of bytes that have just arrived."""


class Reporter(Protocol):
    """What the command line passes in to be informed about slow or unexpected things."""

    def message(self, text: str) -> None:
        """Show the user one line: what is about to happen, or what went differently than expected."""

    def progress(self, text: str, total: int | None) -> AbstractContextManager[Advance]:
        """Show the progress of `total` bytes (None when unknown); the value is called as bytes arrive."""


class SilentReporter:
    """A reporter for programs: it says nothing."""

    def message(self, text: str) -> None:
        """Drop the text."""

    def progress(self, text: str, total: int | None) -> AbstractContextManager[Advance]:  # noqa: ARG002 - the protocol's names
        """Count nothing."""
        return nullcontext(lambda _: None)
