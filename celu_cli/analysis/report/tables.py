"""Tables of the report: what is shown of each row, and every field of it for sorting and for CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from math import isfinite
from typing import Any

from celu_cli.text import finite

_DIGITS = 6  # as many as the published logs have


@dataclass(frozen=True)
class Column:
    """A heading, the field of the rows that it is sorted by, and the text of a row's cell.

    `shared` says in words what all rows have in common, where that is worth no column; numbers stand to the right.
    """

    heading: str
    field: str
    cell: Callable[[Any], str]
    shared: str | None = None
    number: bool = False


@dataclass(frozen=True)
class Strip:
    """Where the values of a group lie, from 0 (left) to 1: its seeds, their mean, and mean ± deviation."""

    values: tuple[float, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Table:
    """Rows of one kind of dataclass with the columns to show; the first column names the row.

    `key` names the table in the page and its CSV. `strips` has a picture for each row, or is empty.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Any, ...]
    notes: tuple[str, ...] = ()
    strips: tuple[Strip | None, ...] = ()

    @property
    def cells(self) -> list[list[str]]:
        """The texts, row by row."""
        return [[column.cell(row) for column in self.columns] for row in self.rows]

    @property
    def records(self) -> dict[str, Any]:
        """Every field of every row, as JSON has it."""
        names = [field.name for field in fields(self.rows[0])] if self.rows else []
        return {"columns": names, "rows": [[plain(value) for value in astuple(row)] for row in self.rows]}


def make_table(
    key: str,
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Any],
    notes: Iterable[str] = (),
    strips: Iterable[Strip | None] = (),
) -> Table:
    """A table of `rows` without the columns that are empty or, but for the first, say the same in every row."""
    rows = tuple(rows)
    kept, shared = [], []
    for number, column in enumerate(columns):
        cells = {column.cell(row) for row in rows}
        if number and cells <= {""}:
            continue
        if column.shared is not None and len(cells) == 1:
            shared.append(column.shared.format(cells.pop()))
        else:
            kept.append(column)
    if shared:
        notes = [f"{'all: ' if len(rows) > 1 else ''}{', '.join(shared)}", *notes]
    return Table(key, caption, tuple(kept), rows, tuple(notes), tuple(strips))


def number(field: str, form: str = "{:.4f}") -> Callable[[Any], str]:
    """The text of a field that may be None or no finite number."""

    def cell(row: Any) -> str:
        value = getattr(row, field)
        if value is None:
            return ""
        return form.format(value) if isfinite(value) else "not finite"

    return cell


def text(field: str) -> Callable[[Any], str]:
    """A field as it is; empty where it is None."""

    def cell(row: Any) -> str:
        value = getattr(row, field)
        return "" if value is None else str(value)

    return cell


def plain(value: Any) -> Any:
    """A value as JSON has it: six digits behind the point, and null for what is no finite number."""
    return finite(round(value, _DIGITS)) if isinstance(value, float) else value
