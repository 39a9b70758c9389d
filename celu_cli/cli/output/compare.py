"""What `celu compare` shows: a table that fits its terminal, or every column as JSON, CSV or Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Literal

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from celu_cli.analysis.compare.columns import Records, csv_text
from celu_cli.cli.output.tables import GAP, Column, fit, print_lines, print_prose, table_lines, total_width
from celu_cli.text import json_text

FileFormat = Literal["json", "csv", "md", "latex"]

_SENTENCE_WIDTH = 100
_MOST_OF_A_WORD = 20  # that stays in one piece


def print_table(
    records: Records, console: Console, only_changed: bool = False, all_keys: bool = False
) -> None:
    """Write `records`, at least one, as a table no wider than `console`, with sentences and notes below.

    With `all_keys` no column of a key is left out, however narrow the terminal.
    """
    columns, shared = records.shown("terminal")
    if only_changed and len(records.rows) > 1:
        columns = columns[:1] + [column for column in columns[1:] if len(set(records.cells(column))) > 1]
        shared = []
    kept = [
        column.leaves is None or bool(all_keys and column.keys) or records.varies_within(columns[0], column)
        for column in columns
    ]
    all_cells = [
        Column(column.heading, records.cells(column), column.number, None if stays else column.leaves)
        for column, stays in zip(columns, kept, strict=True)
    ]
    fitting = fit(all_cells, console.width)
    if total_width(fitting) <= console.width:
        print_lines(console, table_lines(fitting))
    else:
        console.print(_folded(fitting, console.width), crop=False, no_wrap=True)
    for said in records.said:
        console.print()
        print_prose(console, said, most=_SENTENCE_WIDTH)
    if records.said:
        console.print()
    shown = [column for column, cells in zip(columns, all_cells, strict=True) if cells in fitting]
    notes = [*shared, *records.notes(shown, "terminal")]
    hidden = [column for column in columns if column not in shown]
    if keys := [column.heading for column in hidden if column.keys]:
        notes.insert(len(shared), f"they differ in {', '.join(keys)} too: --all-keys")
    if others := [column.heading for column in hidden if not column.keys]:
        notes.append(f"too narrow for: {', '.join(others)} (--format csv has all)")
    for note in notes:
        print_prose(console, note, "dim")


def _folded(columns: Sequence[Column], width: int) -> Table:
    """A table in which words go over several lines while numbers stay whole, wider than `width` without room."""
    least = [_least_width(column) for column in columns]
    narrowest = sum(least) + GAP * len(least)
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, GAP, 0, 0),
        header_style="dim",
        width=narrowest if narrowest > width else None,
    )
    for column, width_of_words in zip(columns, least, strict=True):
        table.add_column(
            "\n".join(wrap(column.heading, width_of_words)),
            justify="right" if column.right else "left",
            no_wrap=column.right,
            min_width=width_of_words,
            overflow="fold",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _least_width(column: Column) -> int:
    """That of its longest word, and in a column of words no more than fills a good part of a line."""
    longest = max(cell_len(word) for cell in (column.heading, *column.cells) for word in cell.split() or [""])
    return longest if column.right else min(longest, _MOST_OF_A_WORD)


def print_records(records: Records, file_format: FileFormat, only_changed: bool, everything: bool) -> None:
    """Write `records`, at least one, to stdout: what a table prints, or `everything`; JSON has everything anyway."""
    if everything or file_format == "json":
        first, *columns = records.columns
        notes: list[str] = []
    elif file_format == "csv":
        first, *columns = records.printed
    else:
        (first, *columns), shared = records.shown("terminal")
        notes = [*records.said, *shared, *records.notes([first, *columns], "terminal")]
    rows = records.plain
    if only_changed and len(rows) > 1:
        columns = [column for column in columns if len({row[column.name] for row in rows}) > 1]
    columns = [first, *columns]
    names = [column.name for column in columns]
    if file_format == "json":
        typer.echo(json_text([{name: row[name] for name in names} for row in rows]))
    elif file_format == "csv":
        typer.echo(csv_text(names, rows), nl=False)
    else:
        headings = names if everything else [column.heading for column in columns]
        cells = [
            ["" if row[name] is None else str(row[name]) for name in names]
            if everything
            else [column.cell(record) for column in columns]
            for row, record in zip(rows, records.rows, strict=True)
        ]
        lines = markdown if file_format == "md" else latex
        for line in lines(headings, cells, [column.number for column in columns], notes):
            typer.echo(line)


def markdown(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], notes: Sequence[str]
) -> Iterator[str]:
    """A table as GitHub reads it, each note a paragraph below it."""
    rules = ["---:" if number else "---" for number in right]
    for cells in (headings, rules, *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    for note in notes:
        yield from ("", note)


def latex(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], notes: Sequence[str]
) -> Iterator[str]:
    """A tabular with the rules of the package booktabs, each note a comment below it."""
    yield f"\\begin{{tabular}}{{{''.join('r' if number else 'l' for number in right)}}}"
    for before, cells in zip(("\\toprule", "\\midrule", *[""] * len(rows)), (headings, *rows), strict=False):
        if before:
            yield before
        yield " & ".join(cell.translate(_LATEX) for cell in cells) + r" \\"
    yield from ("\\bottomrule", "\\end{tabular}")
    yield from (f"% {note}" for note in notes)


_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)
