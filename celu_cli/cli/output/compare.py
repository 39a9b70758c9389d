"""What `celu compare` shows: a table that fits its terminal, or every column as JSON, CSV or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from celu_cli.analysis.compare.columns import Records, csv_text
from celu_cli.cli.output.tables import GAP, Column, fit, print_lines, table_lines, total_width
from celu_cli.text import json_text

FileFormat = Literal["json", "csv", "md"]

_SENTENCE_WIDTH = 100


def print_table(records: Records, console: Console, only_changed: bool = False) -> None:
    """Write `records`, at least one, as a table no wider than `console`, with sentences and notes below."""
    columns, shared = records.shown("terminal")
    if only_changed and len(records.rows) > 1:
        columns = columns[:1] + [column for column in columns[1:] if len(set(records.cells(column))) > 1]
        shared = []
    kept = [column.leaves is None or records.varies_within(columns[0], column) for column in columns]
    all_cells = [
        Column(column.heading, records.cells(column), column.number, None if stays else column.leaves)
        for column, stays in zip(columns, kept, strict=True)
    ]
    fitting = fit(all_cells, console.width)
    if total_width(fitting) <= console.width:
        print_lines(console, table_lines(fitting))
    else:
        console.print(_folded(fitting))
    for row in records.rows:
        if row.get("sentence"):
            for line in ["", *wrap(f"{row['sentence']}.", min(console.width, _SENTENCE_WIDTH))]:
                console.print(Text(line))
    if any(row.get("sentence") for row in records.rows):
        console.print()
    shown = [column for column, cells in zip(columns, all_cells, strict=True) if cells in fitting]
    hidden = [column.heading for column in columns if column not in shown]
    notes = [*shared, *records.notes(shown, "terminal")]
    if hidden:
        notes.append(f"too narrow for: {', '.join(hidden)} (--format csv has all)")
    for note in notes:
        console.print(Text(note, style="dim"))


def _folded(columns: Sequence[Column]) -> Table:
    """A table in which words go over several lines while numbers stay whole."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(
            column.heading,
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table


def print_records(records: Records, file_format: FileFormat, only_changed: bool) -> None:
    """Write `records`, at least one, to stdout."""
    rows = records.plain
    first, *names = rows[0]  # the first names the row
    if only_changed and len(rows) > 1:
        names = [name for name in names if len({row[name] for row in rows}) > 1]
    rows = [{name: row[name] for name in (first, *names)} for row in rows]
    match file_format:
        case "json":
            typer.echo(json_text(rows))
        case "csv":
            typer.echo(csv_text([first, *names], rows), nl=False)
        case "md":
            cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
            for line in ([first, *names], ["---"] * len(rows[0]), *cells):
                typer.echo("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |")
