"""Tables on stdout that fit their terminal, and stay whole where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from celu_cli.text import wrapped

GAP = 2
_UNLIMITED = 100_000


@dataclass(frozen=True)
class Column:
    """A heading and the cells under it; in a narrow terminal, columns leave in the order of `leaves`."""

    heading: str
    cells: Sequence[str]
    right: bool = False
    leaves: int | None = None

    @cached_property
    def width(self) -> int:
        return max(map(cell_len, (self.heading, *self.cells)))

    def fill(self, cell: str) -> str:
        """`cell` in the width of the column."""
        return " " * (self.width - cell_len(cell)) + cell if self.right else set_cell_size(cell, self.width)


def results_console() -> Console:
    """Stdout, with nothing in the text taken for markup; a file or a pipe is as wide as it needs to be."""
    unlimited = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=_UNLIMITED if unlimited else None, markup=False, highlight=False, emoji=False)


def progress_console() -> Console:
    """Stderr; FORCE_COLOR alone does not put moving bars into a file."""
    return Console(stderr=True, highlight=False, force_terminal=None if sys.stderr.isatty() else False)


def fit(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that `width` has room for: those that never leave, then the others, the last to leave first."""
    kept = [column for column in columns if column.leaves is None]
    leaving = [column for column in columns if column.leaves is not None]
    for column in sorted(leaving, key=lambda column: column.leaves or 0, reverse=True):
        if total_width([*kept, column]) <= width:
            kept.append(column)
    return [column for column in columns if column in kept]


def total_width(columns: Sequence[Column]) -> int:
    """How wide a table of `columns` is."""
    return sum(column.width + GAP for column in columns) - GAP


def table_lines(columns: Sequence[Column]) -> list[Text]:
    """The headings, then one line for each row of cells."""
    filled = [[column.fill(cell) for cell in (column.heading, *column.cells)] for column in columns]
    lines = [Text((" " * GAP).join(cells).rstrip()) for cells in zip(*filled, strict=True)]
    lines[0].stylize("dim")
    return lines


def print_whole(console: Console, lines: Iterable[Text]) -> None:
    """Print lines of which none is broken or cut, however narrow the terminal: what is copied from them is whole."""
    for line in lines:
        console.print(line, soft_wrap=True)


def print_prose(
    console: Console, text: str, style: str = "", *, indent: int = 0, most: int | None = None
) -> None:
    """Print `text` broken between words, in lines of at most `most` characters; commands and paths stay whole."""
    for line in wrapped(text, min(console.width, most or console.width) - indent):
        console.print(Text.assemble(" " * indent, (line, style)), soft_wrap=True)


def print_lines(console: Console, lines: Iterable[Text]) -> None:
    """Print lines of which none is ever wrapped: what does not fit ends in an ellipsis."""
    for line in lines:
        console.print(line, no_wrap=True, overflow="ellipsis")
