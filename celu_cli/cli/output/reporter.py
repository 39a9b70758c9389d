"""The progress of downloads on stderr: a bar where the terminal can show one, otherwise plain lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal

from celu_cli.cli.output.tables import progress_console


class RichReporter:
    """The `celu_cli.datasets.Reporter` of the command line."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or progress_console()

    def message(self, text: str) -> None:
        """Print one line, which rich neither wraps nor reads as markup."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def progress(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A bar with size, speed and time left, removed at the end; elsewhere one line at the start."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            self.message(f"{text}, {decimal(total) if total is not None else 'size unknown'}")
            yield lambda _: None
            return
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as TimeLeft
        from rich.progress import TransferSpeedColumn as Speed

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            Speed(),
            TimeLeft(),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(text, total=total)
            yield lambda count: bar.advance(task, count)
