"""`celu cases`: the cases that can be called by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from celu_cli.case.catalog import CaseEntry, find_cases
from celu_cli.cli.options import AsJson
from celu_cli.errors import CaseError
from celu_cli.text import json_text, shown

if TYPE_CHECKING:
    from celu_cli.case.schema import Case


def cases(as_json: AsJson = False) -> None:
    """List the cases in ./cases and those shipped with celu."""
    listed = [(entry, _read(entry)) for entry in find_cases()]
    if as_json:
        typer.echo(json_text([_values(entry, case) for entry, case in listed]))
    else:
        _print_table([(entry, case) for entry, case in listed if not entry.shadowed])


def _read(entry: CaseEntry) -> Case | str:
    """The case in the file, or why that cannot be read."""
    from celu_cli.case.load import resolve_case

    try:
        return resolve_case(entry.path).case
    except CaseError as error:
        return str(error)


def _values(entry: CaseEntry, case: Case | str) -> dict[str, Any]:
    found = {"error": case} if isinstance(case, str) else {"case": case.model_dump(mode="json")}
    place = {"name": entry.name, "path": shown(entry.path), "local": entry.local, "shadowed": entry.shadowed}
    return {**place, **found}


def _print_table(listed: list[tuple[CaseEntry, Case | str]]) -> None:
    from rich.text import Text

    from celu_cli.case.describe import describe_backprop, describe_dataset, describe_optimizer
    from celu_cli.case.settings import alpha_of
    from celu_cli.cli.output.tables import Column, fit, print_lines, print_whole, results_console, table_lines
    from celu_cli.text import celu_command, printable

    entries = [entry for entry, _ in listed]
    found = [None if isinstance(case, str) else case for _, case in listed]
    alphas = [alpha_of(case) if case else None for case in found]
    columns = [
        Column("case", [entry.name for entry in entries]),
        Column("dataset", [describe_dataset(case) if case else "not valid" for case in found]),
        Column("backprop", [describe_backprop(case) if case else "" for case in found], leaves=2),
        Column("optimizer", [describe_optimizer(case) if case else "" for case in found], leaves=1),
        Column("alpha", ["" if alpha is None else f"{alpha:g}" for alpha in alphas], right=True, leaves=4),
        Column("epochs", [str(case.epochs) if case else "" for case in found], right=True, leaves=3),
    ]
    if any(entry.local for entry in entries):
        places = ["./cases" if entry.local else "shipped" for entry in entries]
        columns.insert(1, Column("from", places, leaves=5))
    notes = [
        printable(case.description) if case else f"{celu_command('show', entry.name)} says what is wrong"
        for entry, case in zip(entries, found, strict=True)
    ]
    console = results_console()
    described = [*columns, Column("description", notes, leaves=0)]
    if len(fit(described, console.width)) == len(described):
        print_lines(console, table_lines(described))
        return
    heading, *lines = table_lines(fit(columns, console.width))
    print_lines(console, [heading])
    for line, note, case in zip(lines, notes, found, strict=True):
        print_lines(console, [line])
        # A description may be cut, a command to be copied may not.
        (print_lines if case else print_whole)(console, [Text(f"  {note}", style="dim")])
