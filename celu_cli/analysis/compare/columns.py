"""One description of each column, for tables on the terminal and in the report and for CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from math import isfinite
from typing import Any, Literal

from celu_cli.errors import UsageError
from celu_cli.text import did_you_mean, finite

View = Literal["terminal", "report"]
Record = Mapping[str, Any]  # the values of one run, group, epoch, ... by the names of their columns
Note = Callable[[Sequence[Record], View], Iterable[str]]

_DIGITS = 6  # as many as the published logs have


@dataclass(frozen=True)
class Column:
    """One value of whatever a table has a row for.

    Files carry every column under its `name`. Tables show those with a `heading`, or in one view `only`, as `form`
    writes the value, or as `text` makes it of the whole record; a `number` stands to the right.

    A `shared` value is no column where all rows agree, but said once below the table as these words or function have
    its text. On a narrow
    terminal the columns with the smallest number in `leaves` go first; one without a number stays, and so does one
    of a case's `keys` that runs of one name differ in. A `tiebreak` is shown only where rows agree in name and
    settings. `parts` are columns whose values its `text` has too. `note` stands below the tables that show the column.
    """

    name: str
    value: Callable[[Any], Any]
    heading: str = ""
    form: str | Callable[[Any], str] = "{}"
    _: KW_ONLY
    text: Callable[[Record], str] | None = None
    number: bool = False
    shared: str | Callable[[str], str] | None = None
    leaves: int | None = None
    keys: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
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
    """Rows with their columns in the order of files; tables have the columns `first` and `last` at their ends.

    `given` is what all rows were given besides their cases, `remarks` what is to be known of all; `chosen` says that
    the columns are those that the user asked for.
    """

    columns: tuple[Column, ...]
    rows: tuple[Record, ...]
    first: Mapping[View, Sequence[str]] = field(default_factory=dict)
    last: Sequence[str] = ()
    given: Sequence[str] = ()
    remarks: Sequence[str] = ()
    chosen: bool = False

    @property
    def plain(self) -> list[dict[str, Any]]:
        """Every value as files have it: floats with six decimals, None for what is not a finite number."""
        return [
            {
                name: finite(round(value, _DIGITS)) if isinstance(value, float) else value
                for name, value in row.items()
            }
            for row in self.rows
        ]

    @property
    def verdicts(self) -> list[str]:
        """What can be said of all rows of a dataset together."""
        return [*dict.fromkeys(row["verdict"] for row in self.rows if row.get("verdict"))]

    @property
    def said(self) -> list[str]:
        """The verdicts, then the sentence on each row and its baseline, which of two rows says it all."""
        sentences = [f"{row['sentence']}." for row in self.rows if row.get("sentence")]
        return sentences if sentences and len(self.rows) == 2 else [*self.verdicts, *sentences]

    def cells(self, column: Column) -> list[str]:
        """What a table has in `column`."""
        return [column.cell(row) for row in self.rows]

    def shown(self, view: View) -> tuple[list[Column], list[str]]:
        """The columns that a table has use for, its first always among them, and in words what all rows share."""
        if self.chosen:
            return list(self.columns), []
        kept: list[Column] = []
        shared = []
        for column in self._arranged(view):
            cells = set(self.cells(column))
            if kept and (cells <= {""} or (column.tiebreak and self._differ(kept[0]))):
                continue
            if kept and column.shared is not None and len(cells) == 1:
                say = column.shared.format if isinstance(column.shared, str) else column.shared
                shared.append(say(cells.pop()))
            else:
                kept.append(column)
        shared += self.given
        return kept, [f"{'all: ' if len(self.rows) > 1 else ''}{', '.join(shared)}"] if shared else []

    def notes(self, columns: Iterable[Column], view: View) -> Iterator[str]:
        """What explains `columns` and the rows below the table."""
        yield from (note for column in columns for note in column.notes(self.rows, view))
        yield from self.remarks

    @property
    def printed(self) -> list[Column]:
        """The columns that hold what a table shows and what it says of all rows, and the one that names a row."""
        if self.chosen:
            return list(self.columns)
        shown, _ = self.shown("terminal")
        parts = {part for column in shown for part in column.parts}
        return [
            column
            for column in self.columns
            if column in (self.columns[0], *shown)
            or column.name in parts
            or column.keys
            or (column.shared and column.heading)
        ]

    def with_columns(self, names: Sequence[str]) -> Records:
        """The columns `names` alone, in that order, behind the one that names the row.

        Raises:
            UsageError: there is no such column; the text lists them.
        """
        first = self.shown("terminal")[0][0]
        found = dict.fromkeys([first.name, *(self._named("--columns", name).name for name in names)])
        columns = {column.name: column for column in self.columns}
        chosen = [_in_sight(columns[name]) for name in found]
        headings = Counter(column.heading for column in chosen)
        by_name = [
            replace(column, heading=_words(column.name)) if headings[column.heading] > 1 else column
            for column in chosen
        ]
        return replace(self, columns=tuple(by_name), chosen=True)

    def varies_within(self, name: Column, column: Column) -> bool:
        """Whether rows of one `name` differ in the setting `column`, so that the name does not say it."""
        pairs = set(zip(self.cells(name), self.cells(column), strict=True))
        return bool(column.keys) and len(pairs) > len(set(self.cells(name)))

    def sorted_by(self, column: str, *, reverse: bool = False) -> Records:
        """The rows, at least one, from the best or smallest value of `column`; those without a value come last.

        Raises:
            UsageError: there is no such column; the text lists them.
        """
        found = self._named("--sort-by", column)
        name = found.name
        known = [row for row in self.rows if finite(row[name]) is not None]
        unknown = [row for row in self.rows if finite(row[name]) is None]
        known.sort(key=lambda row: row[name], reverse=found.largest_first != reverse)
        return replace(self, rows=(*known, *unknown))

    def _named(self, option: str, wanted: str) -> Column:
        columns = {each.name: each for each in self.columns}
        name = wanted.replace("-", "_").replace(" ", "_")
        if name not in columns:
            meant = did_you_mean(name, columns)
            raise UsageError(f"{option} {wanted}: no such column{meant}; accepted: {', '.join(columns)}")
        return columns[name]

    def _arranged(self, view: View) -> list[Column]:
        first = self.first.get(view, ())
        ends = [*first, *self.last]
        places = {name: place - (len(first) if place < len(first) else -1) for place, name in enumerate(ends)}
        columns = [column for column in self.columns if column.heading and column.only in (None, view)]
        return sorted(columns, key=lambda column: places.get(column.name, 0))

    def _differ(self, name: Column) -> bool:
        """Whether name and settings distinguish all rows."""
        settings = [name, *(column for column in self.columns if column.keys)]
        return len({tuple(column.cell(row) for column in settings) for row in self.rows}) == len(self.rows)


def _in_sight(column: Column) -> Column:
    """`column` for a table that has to show it: by its own value where it has no heading."""
    heading = column.heading or _words(column.name)
    return replace(column, heading=heading, text=column.text if column.heading else None, leaves=None)


def _words(name: str) -> str:
    return name.replace("_", " ")


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
