"""Tables of the report: what is shown of each row, and every value of it for sorting and for CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from celu_cli.analysis.compare.columns import Column, Records


@dataclass(frozen=True)
class Strip:
    """Where the values of a group lie, from 0 (left) to 1: its seeds, their mean, and mean ± deviation."""

    values: tuple[float, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Table:
    """Records with the columns to show; the first column names the row.

    `key` names the table in the page and its CSV. `strips` has a picture for each row, or is empty; `scale` is what
    their ends stand for, where it is one for all, and `of_strips` explains them. `marks` has a word for some rows, by
    their place.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    records: Records
    notes: tuple[str, ...]
    strips: tuple[Strip | None, ...] = ()
    scale: tuple[str, str] | None = None
    of_strips: str = ""
    marks: Mapping[int, str] = field(default_factory=dict)

    @property
    def cells(self) -> list[list[str]]:
        """The texts, row by row."""
        return [[column.cell(row) for column in self.columns] for row in self.records.rows]

    @property
    def data(self) -> dict[str, Any]:
        """Every value of every row, as JSON has it."""
        names = [column.name for column in self.records.columns]
        return {"columns": names, "rows": [list(record.values()) for record in self.records.plain]}


def make_table(
    key: str,
    caption: str,
    records: Records,
    notes: Iterable[str] = (),
    **more: Any,
) -> Table:
    """A table of `records`; `notes` stand behind those of the columns, `more` is as in `Table`."""
    columns, shared = records.shown("report")
    of_columns = records.notes(columns, "report") if records.rows else ()
    return Table(key, caption, tuple(columns), records, (*shared, *of_columns, *notes), **more)
