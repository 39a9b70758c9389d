"""What `celu why` prints: text that fits its terminal, Markdown or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Literal

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from celu_cli.analysis.why.changes import Change, Effect
from celu_cli.analysis.why.explain import Explanation
from celu_cli.analysis.why.proposals import Proposal
from celu_cli.analysis.why.results import MetricDifferences
from celu_cli.analysis.why.subject import Subject
from celu_cli.case.describe import describe_case
from celu_cli.cli.output.tables import GAP, print_prose, results_console
from celu_cli.text import counted, json_text, printable


def print_explanation(explanation: Explanation, file_format: Literal["text", "json", "md"]) -> None:
    """Write `explanation` to stdout."""
    match file_format:
        case "json":
            typer.echo(json_text(_values(explanation)))
        case "md":
            typer.echo("\n".join(_markdown(explanation)))
        case "text":
            _print_text(explanation, results_console())


def _print_text(explanation: Explanation, console: Console) -> None:
    for letter, subject in (("A", explanation.a), ("B", explanation.b)):
        _print_lines(console, [f"{letter}  {_describe_subject(subject)}"], 0)
    for heading, effect in _SECTIONS.items():
        changes = explanation.changes_of(effect)
        if changes:
            _print_heading(console, heading)
            _print_changes(console, changes)
    start, results = list(_start_lines(explanation)), list(_result_lines(explanation))
    for heading, lines in (("Start", start), ("Result", results), ("Verdict", explanation.verdict)):
        if lines:
            _print_heading(console, heading)
            _print_lines(console, lines)
    if explanation.proposals:
        _print_heading(console, "To separate them, change one thing at a time")
        _print_proposals(console, explanation.proposals)
    for hint in _hints(explanation):
        console.print()
        _print_lines(console, [hint], 0, "dim")


def _print_heading(console: Console, heading: str) -> None:
    console.print()
    _print_lines(console, [heading], 0, "bold cyan")


def _print_lines(console: Console, lines: Iterable[str], indent: int = 2, style: str = "") -> None:
    for line in lines:
        print_prose(console, line, style, indent=indent)


def _print_changes(console: Console, changes: list[Change]) -> None:
    cells = [row for change in changes for row in _rows(change)]
    widths = [max(cell_len(row[column]) for row in cells) for column in range(2)]
    for change in changes:
        bare = change.name == change.values[0].key
        if not bare:
            _print_lines(console, [change.name], style="bold")
        for row in _rows(change):
            _print_row(console, row, widths, 2 if bare else 4)
        _print_lines(console, [change.note] if change.note else [], 4, "italic")


def _print_row(console: Console, row: tuple[str, str, str], widths: list[int], indent: int) -> None:
    """Key and values side by side where the terminal has room for them, otherwise under each other."""
    key, a, b = row
    start = 4 + widths[0] + GAP
    if start + widths[1] + GAP + cell_len(b) <= console.width:
        first, second = set_cell_size(key, start - indent), set_cell_size(a, widths[1] + GAP)
        console.print(Text.assemble(" " * indent, (first, "dim"), second, b))
        return
    _print_lines(console, [key], indent, "dim")
    _print_lines(console, [f"A {a}", f"B {b}"], indent + 2)


def _print_proposals(console: Console, proposals: tuple[Proposal, ...]) -> None:
    for proposal in proposals:
        colon = ":" if proposal.command else ""
        _print_lines(console, [_describe_proposal(proposal) + colon])
        if proposal.command:
            # Never wrapped by celu: a command must survive being copied.
            console.print(Text(f"    {proposal.command}"), soft_wrap=True, style="cyan")


def _describe_proposal(proposal: Proposal) -> str:
    if proposal.command is None:
        return f"{proposal.change}: no valid case has it alone"
    return f"{proposal.change} alone, from {proposal.start}"


def _markdown(explanation: Explanation) -> Iterator[str]:
    for letter, subject in (("A", explanation.a), ("B", explanation.b)):
        yield f"- **{letter}**: {_escaped(_describe_subject(subject))}"
    yield from ("", "| difference | effect | key | A | B |", "| --- | --- | --- | --- | --- |")
    for change in explanation.changes:
        for row in _rows(change):
            cells = [change.name, change.effect, f"`{row[0]}`", row[1], row[2]]
            yield "| " + " | ".join(map(_escaped, cells)) + " |"
    for change in explanation.changes:
        if change.note:
            yield f"\n{change.name}: {_escaped(change.note)}."
    yield ""
    yield from (f"- {_escaped(line)}" for line in (*_start_lines(explanation), *_result_lines(explanation)))
    yield ""
    yield from map(_escaped, explanation.verdict)
    if explanation.proposals:
        yield ""
        for proposal in explanation.proposals:
            command = f": `{proposal.command}`" if proposal.command else ""
            yield f"- {_escaped(_describe_proposal(proposal))}{command}"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _values(explanation: Explanation) -> dict[str, Any]:
    return {
        "a": _subject(explanation.a),
        "b": _subject(explanation.b),
        "changes": [asdict(change) for change in explanation.changes],
        "same": list(explanation.same),
        "start": asdict(explanation.start),
        "metrics": asdict(explanation.metrics) if explanation.metrics else None,
        "published": explanation.published,
        "confounded": list(explanation.confounded),
        "verdict": list(explanation.verdict),
        "proposals": [asdict(proposal) for proposal in explanation.proposals],
    }


def _subject(subject: Subject) -> dict[str, Any]:
    run = subject.run
    return {
        "name": subject.name,
        "kind": "run" if run else "case",
        "status": run.status if run else None,
        "case": subject.case.model_dump(mode="json"),
        "run": run.manifest.model_dump(mode="json") if run else None,
    }


_SECTIONS: dict[str, Effect] = {
    "Can change the result": "result",
    "Changes only rounding": "rounding",
    "Changes only how long it trains": "length",
    "Cannot change the result": "none",
}


def _describe_subject(subject: Subject) -> str:
    kind = f"{subject.run.status} run" if subject.run else "case"
    return f"{subject.name} ({kind}): {printable(describe_case(subject.case))}"


def _hints(explanation: Explanation) -> Iterator[str]:
    """For a case that has runs, how to name one of those."""
    for name, runs in {one.name: one.runs for one in (explanation.a, explanation.b) if one.runs}.items():
        newest = f" (the newest of {len(runs)})" if len(runs) > 1 else ""
        yield f"{name} means the case; to compare a run of it, name the run: {runs[-1]}{newest}"


def _rows(change: Change) -> list[tuple[str, str, str]]:
    """Key and both values of everything that the change consists of."""
    return [(one.key, _cell(one.a, one.implied_a), _cell(one.b, one.implied_b)) for one in change.values]


def _start_lines(explanation: Explanation) -> Iterator[str]:
    """Whether weights and order of the images are the same, and what else is."""
    start = explanation.start
    by = "by the cases" if start.expected else "by their hashes"
    for what, same, reason in (
        ("initial weights", start.same_weights, start.weights_reason),
        ("order of images", start.same_order, start.order_reason),
    ):
        answer = "not known" if same is None else f"{'the same' if same else 'not the same'} {by}"
        yield f"{what}: {answer}" + (f" ({reason})" if reason else "")
    if explanation.same:
        yield f"the same: {', '.join(map(printable, explanation.same))}"


def _result_lines(explanation: Explanation) -> Iterator[str]:
    """How the results of both compare, as far as there are any."""
    if explanation.metrics is not None:
        yield from _metric_lines(explanation.metrics)
        yield from _end_lines(explanation)
    published = explanation.published
    if published is not None:
        points = 100 * (published["test_accuracy_b"] - published["test_accuracy_a"])
        yield (
            f"published: test accuracy {published['test_accuracy_a']:.4f} (epoch {published['epoch_a']}) and "
            f"{published['test_accuracy_b']:.4f} (epoch {published['epoch_b']}): {points:+.2f} points"
        )


def _metric_lines(metrics: MetricDifferences) -> Iterator[str]:
    if not metrics.common_epochs:
        yield "there is no epoch that both have finished"
    elif metrics.first_epoch is None:
        epochs = counted(metrics.common_epochs, "epoch")
        yield f"all metrics are equal in the {epochs} that both have"
    else:
        yield f"metrics first differ in epoch {metrics.first_epoch}, B minus A: {_differences(metrics.first)}"
        if metrics.last_epoch != metrics.first_epoch:
            yield f"in epoch {metrics.last_epoch}, the last that both have: {_differences(metrics.last)}"


def _end_lines(explanation: Explanation) -> Iterator[str]:
    for letter, one in (("A", explanation.a), ("B", explanation.b)):
        last, best = (one.run.metrics.last, one.run.metrics.best()) if one.run else (None, None)
        if last and best:
            yield (
                f"{letter} ends at test accuracy {last.test_accuracy:.4f} in epoch {last.epoch} of "
                f"{one.case.epochs}; best {best.test_accuracy:.4f} in epoch {best.epoch}"
            )


def _differences(values: dict[str, float]) -> str:
    parts = []
    for key, value in values.items():
        text = f"{100 * value:+.3g} points" if "accuracy" in key else f"{value:+.2g}"
        parts.append(f"{key.replace('_', ' ')} {text if math.isfinite(value) else 'not finite'}")
    return ", ".join(parts)


def _cell(value: Any, implied: bool = False) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:g}"
    text = printable(value) if value and isinstance(value, str) else json.dumps(value)
    return f"{text} (always)" if implied else text
