"""`celu cases`: the cases that can be called by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from celu_cli.case.catalog import CaseEntry, find_cases
from celu_cli.cli.options import AsJson
from celu_cli.errors import CaseError
from celu_cli.text import json_text, shown

if TYPE_CHECKING:
    from celu_cli.case.schema import Case


@dataclass(frozen=True)
class _Listed:
    """A case file with what is in it, or why that cannot be read."""

    entry: CaseEntry
    case: Case | None
    problem: str = ""


def cases(as_json: AsJson = False) -> None:
    """List the cases in ./cases and those shipped with celu."""
    listed = [_read(entry) for entry in find_cases()]
    if as_json:
        typer.echo(json_text([_values(one) for one in listed]))
    else:
        _print_table(listed)


def _read(entry: CaseEntry) -> _Listed:
    from celu_cli.case.load import resolve_case

    try:
        return _Listed(entry, resolve_case(entry.path).case)
    except CaseError as error:
        return _Listed(entry, None, str(error))


def _values(listed: _Listed) -> dict[str, Any]:
    entry = listed.entry
    place = {"name": entry.name, "path": shown(entry.path), "local": entry.local, "shadowed": entry.shadowed}
    if listed.case is None:
        return {**place, "error": listed.problem}
    return {**place, "case": listed.case.model_dump(mode="json")}


def _print_table(listed: list[_Listed]) -> None:
    from rich.text import Text

    from celu_cli.case.describe import describe_backprop, describe_dataset, describe_optimizer
    from celu_cli.case.settings import alpha_of
    from celu_cli.cli.output.tables import Column, fit, print_lines, print_whole, results_console, table_lines
    from celu_cli.text import celu_command, printable

    visible = [one for one in listed if not one.entry.shadowed]
    found = [one.case for one in visible]
    alphas = [alpha_of(case) if case else None for case in found]
    columns = [
        Column("case", [one.entry.name for one in visible]),
        Column("dataset", [describe_dataset(case) if case else "not valid" for case in found]),
        Column("backprop", [describe_backprop(case) if case else "" for case in found], leaves=2),
        Column("optimizer", [describe_optimizer(case) if case else "" for case in found], leaves=1),
        Column("alpha", ["" if alpha is None else f"{alpha:g}" for alpha in alphas], right=True, leaves=4),
        Column("epochs", [str(case.epochs) if case else "" for case in found], right=True, leaves=3),
    ]
    if any(one.entry.local for one in visible):
        columns.insert(
            1, Column("from", ["./cases" if one.entry.local else "shipped" for one in visible], leaves=5)
        )
    notes = [
        printable(one.case.description)
        if one.case
        else f"{celu_command('show', one.entry.name)} says what is wrong"
        for one in visible
    ]
    console = results_console()
    described = [*columns, Column("description", notes, leaves=0)]
    if len(fit(described, console.width)) == len(described):
        print_lines(console, table_lines(described))
        return
    heading, *lines = table_lines(fit(columns, console.width))
    print_lines(console, [heading])
    for line, note, one in zip(lines, notes, visible, strict=True):
        print_lines(console, [line])
        # A description may be cut, a command to be copied may not.
        (print_lines if one.case else print_whole)(console, [Text(f"  {note}", style="dim")])
