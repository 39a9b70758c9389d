"""What `celu why` prints: text that fits its terminal, Markdown or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from textwrap import wrap
from typing import Any, Literal

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from celu_cli.analysis.changes import Change
from celu_cli.analysis.separate import Proposal
from celu_cli.analysis.sides import Side
from celu_cli.analysis.why import Explanation
from celu_cli.cli.tables import results_console
from celu_cli.cli.why_words import SECTIONS, hints, result_lines, rows, side_words, start_lines

_GAP = 2


def print_explanation(explanation: Explanation, file_format: Literal["text", "json", "md"]) -> None:
    """Write `explanation` to stdout."""
    match file_format:
        case "json":
            typer.echo(json.dumps(_values(explanation), indent=2, allow_nan=False))
        case "md":
            typer.echo("\n".join(_markdown(explanation)))
        case "text":
            _print_text(explanation, results_console())


def _print_text(explanation: Explanation, console: Console) -> None:
    for letter, side in (("A", explanation.a), ("B", explanation.b)):
        _print_lines(console, [f"{letter}  {side_words(side)}"], 0)
    for heading, effects in SECTIONS:
        changes = explanation.changes_of(*effects)
        if changes:
            _print_heading(console, heading)
            _print_changes(console, changes)
    _print_heading(console, "Start")
    _print_lines(console, start_lines(explanation))
    results = list(result_lines(explanation))
    if results:
        _print_heading(console, "Result")
        _print_lines(console, results)
    _print_heading(console, "Verdict")
    _print_lines(console, explanation.verdict)
    if explanation.proposals:
        _print_heading(console, "To separate them, change one thing at a time")
        _print_proposals(console, explanation.proposals)
    for hint in hints(explanation):
        console.print()
        _print_lines(console, [hint], 0, "dim")


def _print_heading(console: Console, heading: str) -> None:
    console.print()
    _print_lines(console, [heading], 0, "bold cyan")


def _print_lines(console: Console, lines: Iterable[str], indent: int = 2, style: str = "") -> None:
    """Each line broken between words, with `indent` spaces before it."""
    for line in lines:
        for part in wrap(line, max(20, console.width - indent), break_on_hyphens=False):
            console.print(Text.assemble(" " * indent, (part, style)))


def _print_changes(console: Console, changes: list[Change]) -> None:
    cells = [row for change in changes for row in rows(change)]
    widths = [max(cell_len(row[column]) for row in cells) for column in range(2)]
    for change in changes:
        bare = change.name == change.values[0].key
        if not bare:
            _print_lines(console, [change.name], style="bold")
        for row in rows(change):
            _print_row(console, row, widths, 2 if bare else 4)
        _print_lines(console, [change.note] if change.note else [], 4, "italic")


def _print_row(console: Console, row: tuple[str, str, str], widths: list[int], indent: int) -> None:
    """Key and values side by side where the terminal has room for them, else under each other."""
    key, a, b = row
    start = 4 + widths[0] + _GAP
    if start + widths[1] + _GAP + cell_len(b) <= console.width:
        first, second = set_cell_size(key, start - indent), set_cell_size(a, widths[1] + _GAP)
        console.print(Text.assemble(" " * indent, (first, "dim"), second, b))
        return
    _print_lines(console, [key], indent, "dim")
    _print_lines(console, [f"A {a}", f"B {b}"], indent + 2)


def _print_proposals(console: Console, proposals: tuple[Proposal, ...]) -> None:
    for proposal in proposals:
        colon = ":" if proposal.command else ""
        _print_lines(console, [_proposal_words(proposal) + colon])
        if proposal.command:
            # Never wrapped by celu: a command must survive being copied.
            console.print(Text(f"    {proposal.command}"), soft_wrap=True, style="cyan")


def _proposal_words(proposal: Proposal) -> str:
    if proposal.command is None:
        return f"{proposal.change}: no valid case has it alone"
    return f"{proposal.change} alone, from {proposal.start}"


def _markdown(explanation: Explanation) -> Iterator[str]:
    for letter, side in (("A", explanation.a), ("B", explanation.b)):
        yield f"- **{letter}**: {_escaped(side_words(side))}"
    yield from ("", "| difference | effect | key | A | B |", "| --- | --- | --- | --- | --- |")
    for change in explanation.changes:
        for row in rows(change):
            cells = [change.name, change.effect, f"`{row[0]}`", row[1], row[2]]
            yield "| " + " | ".join(map(_escaped, cells)) + " |"
    for change in explanation.changes:
        if change.note:
            yield f"\n{change.name}: {_escaped(change.note)}."
    yield ""
    yield from (f"- {_escaped(line)}" for line in (*start_lines(explanation), *result_lines(explanation)))
    yield ""
    yield from map(_escaped, explanation.verdict)
    if explanation.proposals:
        yield ""
        for proposal in explanation.proposals:
            command = f": `{proposal.command}`" if proposal.command else ""
            yield f"- {_escaped(_proposal_words(proposal))}{command}"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _values(explanation: Explanation) -> dict[str, Any]:
    values = {
        "a": _side(explanation.a),
        "b": _side(explanation.b),
        "changes": [asdict(change) for change in explanation.changes],
        "same": list(explanation.same),
        "start": asdict(explanation.start),
        "metrics": asdict(explanation.parting) if explanation.parting else None,
        "published": asdict(explanation.published) if explanation.published else None,
        "confounded": list(explanation.confounded),
        "verdict": list(explanation.verdict),
        "proposals": [asdict(proposal) for proposal in explanation.proposals],
    }
    finite = _finite(values)
    assert isinstance(finite, dict)
    return finite


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "kind": "run" if side.run else "case",
        "status": side.run.status if side.run else None,
        "case": side.case.model_dump(mode="json"),
        "run": side.run.manifest.model_dump(mode="json") if side.run else None,
    }


def _finite(value: Any) -> Any:
    """JSON has no NaN: null stands for it."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
