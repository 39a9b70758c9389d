"""Groups of `celu compare` as a table that fits its terminal, with a sentence for each difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from celu_cli.analysis.compare.group_rows import GroupRow, notes_of
from celu_cli.cli.output.tables import Column, fit, print_lines, table_lines
from celu_cli.text import duration

_SENTENCE_WIDTH = 100

# Heading, cell, how it is said below the table when all rows share it, and the rank in which it leaves a narrow one.
_SETTINGS: tuple[tuple[str, Callable[[GroupRow], str], str, int], ...] = (
    ("dataset", lambda row: row.dataset, "{}", 6),
    ("activation", lambda row: row.activation, "{}", 4),
    ("alpha", lambda row: "" if row.alpha is None else f"{row.alpha:g}", "alpha {}", 5),
    ("backprop", lambda row: row.backprop, "{} backprop", 3),
    ("optimizer", lambda row: row.optimizer, "{}", 2),
    ("rate", lambda row: f"{row.learning_rate:g}", "rate {}", 1),
    ("epochs", lambda row: "" if row.epochs is None else str(row.epochs), "{} epochs", 10),
)


def print_groups(rows: Sequence[GroupRow], console: Console, only_changed: bool) -> None:
    """Write `rows` as a table that is no wider than `console`, with sentences and notes below."""
    settings, shared = _settings(rows)
    columns = [Column("case", [row.group for row in rows]), *settings, *_numbers(rows)]
    columns = [column for column in columns if any(column.cells)]
    if only_changed and len(rows) > 1:
        columns = columns[:1] + [column for column in columns[1:] if len(set(column.cells)) > 1]
    shown = fit(columns, console.width)
    print_lines(console, table_lines(shown))
    width = min(console.width, _SENTENCE_WIDTH)
    for row in rows:
        if row.sentence:
            console.print()
            for line in wrap(row.sentence + ".", width):
                console.print(Text(line))
    if any(row.sentence for row in rows):
        console.print()
    hidden = [column.heading for column in columns if column not in shown]
    for note in _notes(rows, [] if only_changed else shared, hidden):
        for line in wrap(note, console.width):
            console.print(Text(line, style="dim"))


def _settings(rows: Sequence[GroupRow]) -> tuple[list[Column], list[str]]:
    columns, shared = [], []
    for heading, cell, words, leaves in _SETTINGS:
        cells = [cell(row) for row in rows]
        if len(set(cells)) > 1:
            columns.append(Column(heading, cells, heading in ("alpha", "rate", "epochs"), leaves))
        elif cells[0]:
            shared.append(words.format(cells[0]))
    return columns, shared


def _numbers(rows: Sequence[GroupRow]) -> Iterator[Column]:
    points = "{:+.4f}" if rows[0].metric.endswith("loss") else "{:+.2f}"
    yield Column(rows[0].metric.replace("-", " "), [_number(row.mean) for row in rows], right=True)
    yield Column("± sd", [_number(row.deviation) for row in rows], right=True)
    yield Column("n", [str(row.n) for row in rows], right=True)
    yield Column("published", [_number(row.published) for row in rows], right=True, leaves=11)
    yield Column("points", [_number(row.published_difference, points) for row in rows], right=True, leaves=12)
    yield Column("difference", [_number(row.difference, points) for row in rows], right=True)
    yield Column("95 % interval", [_interval(row, points) for row in rows], right=True, leaves=14)
    yield Column("p", [_number(row.p, "{:.3f}") for row in rows], right=True, leaves=8)
    yield Column("Holm", [_number(row.p_corrected, "{:.3f}") for row in rows], right=True, leaves=13)
    yield Column("time", ["" if row.seconds is None else duration(row.seconds) for row in rows], True, 7)
    yield Column("left out", [row.left_out for row in rows], leaves=9)


def _interval(row: GroupRow, form: str) -> str:
    return f"{_number(row.low, form)} to {_number(row.high, form)}" if row.low is not None else ""


def _number(value: float | None, form: str = "{:.4f}") -> str:
    if value is None:
        return ""
    text = form.format(value)
    return text if float(text) else form.format(0.0)  # not -0.00


def _notes(rows: Sequence[GroupRow], shared: Sequence[str], hidden: Sequence[str]) -> Iterator[str]:
    if shared:
        yield ("all: " if len(rows) > 1 else "") + ", ".join(shared)
    first, *others = notes_of(rows)
    yield f"{first}; --runs shows each run"
    yield from others
    if hidden:
        yield f"too narrow for: {', '.join(hidden)} (--format csv has all)"
