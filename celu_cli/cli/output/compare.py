"""Runs of `celu compare` as a table that fits its terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.run_rows import Row
from celu_cli.text import duration

_GAP = 2


@dataclass(frozen=True)
class _Column:
    heading: str
    cell: Callable[[Row], str]
    # A setting that all rows share is said once, below the table, with these words.
    shared: Callable[[Row], str] | None = None
    # Where the terminal is narrow, the columns worth less are left out; None is never left out.
    worth: int | None = None
    left: bool = False


_COLUMNS = (
    _Column("case", lambda row: row.case, left=True),
    _Column("started", lambda row: row.started[5:19].replace("T", " "), left=True),
    _Column("dataset", lambda row: row.dataset, lambda row: row.dataset, worth=6, left=True),
    _Column("activation", lambda row: row.activation, lambda row: row.activation, worth=3, left=True),
    _Column("alpha", lambda row: _number(row.alpha), lambda row: f"alpha {_number(row.alpha)}", worth=7),
    _Column("backprop", lambda row: row.backprop, lambda row: f"{row.backprop} backprop", worth=5, left=True),
    _Column("optimizer", lambda row: row.optimizer, lambda row: row.optimizer, worth=4, left=True),
    _Column(
        "rate", lambda row: _number(row.learning_rate), lambda row: f"rate {row.learning_rate:g}", worth=2
    ),
    _Column("precision", lambda row: _unusual(row.precision), lambda row: row.precision, worth=5, left=True),
    _Column("seed", lambda row: str(row.seed), lambda row: f"seed {row.seed}"),
    _Column("epochs", lambda row: f"{row.epochs}/{row.epochs_asked}"),
    _Column("train", lambda row: _share(row.train_accuracy), worth=12),
    _Column("test", lambda row: _share(row.test_accuracy)),
    _Column("best train", lambda row: _share(row.best_train_accuracy), worth=1),
    _Column("best test", lambda row: _share(row.best_test_accuracy), worth=8),
    _Column("gap", lambda row: _points(row.gap, "{:.2f}"), worth=9),
    _Column("published", lambda row: _published(row), worth=13),
    _Column("points", lambda row: _points(row.published_difference, "{:+.2f}"), worth=14),
    _Column("cosine", lambda row: "" if row.mean_cosine is None else f"{row.mean_cosine:.4f}", worth=15),
    _Column("time", lambda row: duration(row.seconds), worth=10),
    _Column("status", lambda row: row.status, lambda row: row.status, worth=11, left=True),
)

_SETTINGS = tuple(column for column in _COLUMNS if column.shared is not None and column.heading != "status")


def print_table(
    rows: Sequence[Row], console: Console, only_changed: bool = False, metric: Metric = "test-accuracy"
) -> None:
    """Write `rows` as a table that is no wider than `console`, with notes below; a column where all agree may go."""
    columns, shared = _split_shared(rows, metric)
    if only_changed and len(rows) > 1:
        columns = columns[:1] + [
            column for column in columns[1:] if len({column.cell(row) for row in rows}) > 1
        ]
        shared = []
    shown = _fitting(columns, rows, console.width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for column in shown:
        # Where even these are too wide, words may go over two lines but numbers stay whole.
        table.add_column(
            column.heading,
            justify="left" if column.left else "right",
            no_wrap=not column.left,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(column.cell(row)) for column in shown))
    console.print(table)
    for line in _notes(rows, shared, shown, [column.heading for column in columns if column not in shown]):
        console.print(Text(line, style="dim"))


def _split_shared(rows: Sequence[Row], metric: Metric) -> tuple[list[_Column], list[str]]:
    """The columns worth showing, and in words the settings that every row shares."""
    columns, shared = [], []
    kinds = {(row.case, *(column.cell(row) for column in _SETTINGS)) for row in rows}
    for column in [*_COLUMNS, _loss_column(metric)] if is_loss(metric) else _COLUMNS:
        cells = {column.cell(row) for row in rows}
        if cells == {""} or (column.heading == "started" and len(kinds) == len(rows)):
            continue
        if column.shared is not None and len(cells) == 1:
            shared.append(column.shared(rows[0]))
        else:
            columns.append(column)
    return columns, shared


def _loss_column(metric: Metric) -> _Column:
    def cell(row: Row) -> str:
        return _share(getattr(row, metric.replace("-", "_")))

    return _Column(metric.replace("-", " "), cell)


def _fitting(columns: Sequence[_Column], rows: Sequence[Row], width: int) -> list[_Column]:
    """The columns that fit into `width`: those that must be there, then the others by their worth."""
    chosen = [column for column in columns if column.worth is None or _varies_within_a_case(column, rows)]
    for column in sorted(columns, key=lambda column: column.worth or 0, reverse=True):
        if column not in chosen and _width([*chosen, column], rows) <= width:
            chosen.append(column)
    return [column for column in columns if column in chosen]


def _varies_within_a_case(column: _Column, rows: Sequence[Row]) -> bool:
    """Whether two runs of one case differ in this setting, so that the case's name does not tell it."""
    return column in _SETTINGS and len({(row.case, column.cell(row)) for row in rows}) > len(
        {row.case for row in rows}
    )


def _width(columns: Sequence[_Column], rows: Sequence[Row]) -> int:
    widths = (max(len(column.heading), *(len(column.cell(row)) for row in rows)) for column in columns)
    return sum(widths) + _GAP * (len(columns) - 1)


def _notes(
    rows: Sequence[Row], shared: Sequence[str], shown: Sequence[_Column], hidden: Sequence[str]
) -> list[str]:
    notes = []
    if shared:
        notes.append(("all: " if len(rows) > 1 else "") + ", ".join(shared))
    headings = {column.heading for column in shown}
    if "gap" in headings:
        notes.append("gap: train minus test accuracy, in percentage points")
    if "points" in headings:
        notes.append("points: test accuracy minus the published one, in percentage points")
    if any("@" in _published(row) for row in rows):
        notes.append("@n: of epoch n, the last that the run and the published curve share")
    if hidden:
        notes.append(f"too narrow for: {', '.join(hidden)} (--format csv has all)")
    return notes


def _published(row: Row) -> str:
    if row.published_test_accuracy is None:
        return ""
    at = "" if row.published_epoch == row.epochs else f" @{row.published_epoch}"
    return _share(row.published_test_accuracy) + at


def _unusual(precision: str) -> str:
    return "" if precision == "float32" else precision


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _points(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
