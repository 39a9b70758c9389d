"""One description of each column, for tables on the terminal and in the report and for CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from math import isfinite
from typing import Any, Literal

from celu_cli.case.describe import describe_backprop, describe_dataset, describe_optimizer
from celu_cli.case.schema import Case
from celu_cli.case.settings import alpha_of
from celu_cli.errors import UsageError
from celu_cli.text import finite, nearest_word

View = Literal["terminal", "report"]
Record = Mapping[str, Any]  # the values of one run, group, epoch, ... by the names of their columns
Note = Callable[[Sequence[Record], View], Iterable[str]]

_DIGITS = 6  # as many as the published logs have


@dataclass(frozen=True)
class Column:
    """One value of whatever a table has a row for.

    Files carry every column under its `name`. Tables show those with a `heading`, or in one view `only`, as `form`
    writes the value, or as `text` makes it of the whole record; a `number` stands to the right.

    A `shared` value is no column where all rows agree, but said once below the table in these words. On a narrow
    terminal the columns with the smallest number in `leaves` go first; one without a number stays, and so does a
    `setting` that runs of one name differ in. A `tiebreak` is shown only where rows agree in name and settings.
    `note` stands below the tables that show the column.
    """

    name: str
    value: Callable[[Any], Any]
    heading: str = ""
    form: str | Callable[[Any], str] = "{}"
    _: KW_ONLY
    text: Callable[[Record], str] | None = None
    number: bool = False
    shared: str | None = None
    leaves: int | None = None
    setting: bool = False
    tiebreak: bool = False
    only: View | None = None
    largest_first: bool = False
    note: str | Note = ""

    def cell(self, record: Record) -> str:
        """What a table says of `record`; nothing where it has no value."""
        value = record[self.name]
        if self.text is not None:
            return self.text(record)
        if value is None:
            return ""
        if not isinstance(value, float):
            return self.form.format(value) if isinstance(self.form, str) else self.form(value)
        if not isfinite(value):
            return "not finite"
        if not isinstance(self.form, str):
            return self.form(value)
        cell = self.form.format(value)
        return cell if float(cell) else self.form.format(0.0)  # not -0.00

    def notes(self, rows: Sequence[Record], view: View) -> Iterable[str]:
        """What explains the column below a table of `rows`."""
        return self.note(rows, view) if callable(self.note) else filter(None, [self.note])


@dataclass(frozen=True)
class Records:
    """Rows with their columns in the order of files; tables have the columns `first` and `last` at their ends."""

    columns: tuple[Column, ...]
    rows: tuple[Record, ...]
    first: Mapping[View, Sequence[str]] = field(default_factory=dict)
    last: Sequence[str] = ()

    @property
    def plain(self) -> list[dict[str, Any]]:
        """Every value as files have it: floats with six decimals, None for what is no finite number."""
        return [
            {
                name: finite(round(value, _DIGITS)) if isinstance(value, float) else value
                for name, value in row.items()
            }
            for row in self.rows
        ]

    def cells(self, column: Column) -> list[str]:
        """What a table has in `column`."""
        return [column.cell(row) for row in self.rows]

    def shown(self, view: View) -> tuple[list[Column], list[str]]:
        """The columns that a table has use for, its first always among them, and in words what all rows share."""
        kept: list[Column] = []
        shared = []
        for column in self._arranged(view):
            cells = set(self.cells(column))
            if kept and (cells <= {""} or (column.tiebreak and self._differ(kept[0]))):
                continue
            if kept and column.shared is not None and len(cells) == 1:
                shared.append(column.shared.format(cells.pop()))
            else:
                kept.append(column)
        return kept, [f"{'all: ' if len(self.rows) > 1 else ''}{', '.join(shared)}"] if shared else []

    def notes(self, columns: Iterable[Column], view: View) -> Iterator[str]:
        """What explains `columns` below the table."""
        return (note for column in columns for note in column.notes(self.rows, view))

    def varies_within(self, name: Column, column: Column) -> bool:
        """Whether rows of one `name` differ in the setting `column`, so that the name does not say it."""
        pairs = set(zip(self.cells(name), self.cells(column), strict=True))
        return column.setting and len(pairs) > len(set(self.cells(name)))

    def sorted_by(self, column: str, *, reverse: bool = False) -> Records:
        """The rows, at least one, from the best or smallest value of `column`; those without a value come last.

        Raises:
            UsageError: there is no such column; the text lists them.
        """
        columns = {each.name: each for each in self.columns}
        name = column.replace("-", "_").replace(" ", "_")
        if name not in columns:
            near = nearest_word(name, columns)
            meant = f"; did you mean {near}?" if near else ""
            raise UsageError(f"--sort-by {column}: no such column{meant}; accepted: {', '.join(columns)}")
        known = [row for row in self.rows if finite(row[name]) is not None]
        unknown = [row for row in self.rows if finite(row[name]) is None]
        known.sort(key=lambda row: row[name], reverse=columns[name].largest_first != reverse)
        return replace(self, rows=(*known, *unknown))

    def _arranged(self, view: View) -> list[Column]:
        first = self.first.get(view, ())
        ends = [*first, *self.last]
        places = {name: place - (len(first) if place < len(first) else -1) for place, name in enumerate(ends)}
        columns = [column for column in self.columns if column.heading and column.only in (None, view)]
        return sorted(columns, key=lambda column: places.get(column.name, 0))

    def _differ(self, name: Column) -> bool:
        """Whether name and settings tell all rows apart."""
        settings = [name, *(column for column in self.columns if column.setting)]
        return len({tuple(column.cell(row) for column in settings) for row in self.rows}) == len(self.rows)


def records_of(columns: Sequence[Column], subjects: Iterable[Any]) -> tuple[Record, ...]:
    """The values of `columns` for each of `subjects`."""
    return tuple({column.name: column.value(subject) for column in columns} for subject in subjects)


def csv_text(names: Sequence[str], rows: Iterable[Record]) -> str:
    """`rows` as CSV with a line of names; nothing where a row has None or NaN, which a metric that is not known is."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow("" if row[name] != row[name] else row[name] for name in names)
    return text.getvalue()


def _setting(name: str, read: Callable[[Case], Any], shared: str, leaves: int, **more: Any) -> Column:
    return Column(name, lambda of: read(of.case), shared=shared, leaves=leaves, setting=True, **more)


def _learning_rate(case: Case) -> float:
    return case.optimizer.learning_rate


def _unless_usual(precision: str) -> str:
    return "" if precision == "float32" else precision


# What a table says of the case of a run, of a group or of an epoch.
SETTINGS = (
    _setting("dataset", describe_dataset, "{}", 6, heading="dataset"),
    _setting("activation", lambda case: case.activation, "{}", 3, heading="activation"),
    _setting("alpha", alpha_of, "alpha {}", 7, heading="alpha", form="{:g}", number=True),
    _setting("backprop", describe_backprop, "{} backprop", 5, heading="backprop"),
    _setting("optimizer", describe_optimizer, "{}", 4, heading="optimizer"),
    _setting("learning_rate", _learning_rate, "rate {}", 2, heading="rate", form="{:g}", number=True),
    _setting("precision", lambda case: case.precision, "{}", 5, heading="precision", form=_unless_usual),
)
