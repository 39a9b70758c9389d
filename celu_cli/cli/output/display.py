"""What the displays of `celu run` and `celu sweep` share: frames in a terminal that can move, otherwise lines."""

from __future__ import annotations

from abc import ABC, abstractmethod

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text
from typing_extensions import Self

from celu_cli.cli.output.tables import progress_console


class Display(ABC):
    """A frame that is drawn again and again on stderr, for a class that says with `__rich__` what is in it.

    Use it as a context manager. The drawing takes time from what is shown: one or two frames a second are enough.
    """

    def __init__(self, console: Console | None, frames_a_second: float) -> None:
        self._console = console or progress_console()
        moving = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live = Live(self, console=self._console, refresh_per_second=frames_a_second) if moving else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._live is not None:
            self._live.stop()

    @abstractmethod
    def __rich__(self) -> RenderableType:
        """The frame as it stands now."""

    def _say(self, line: str) -> None:
        """Print a line that stays: above the frame, or past rich, which would wrap even what goes to a file."""
        if self._live is None:
            print(line, file=self._console.file, flush=True)
        else:
            self._console.print(Text(line), soft_wrap=True)
