"""What `celu check` prints: the gradient's way from the loss down, and what it means."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from celu_cli.case.describe import describe_activation, describe_backprop
from celu_cli.case.schema import Case
from celu_cli.check.combinations import Combination
from celu_cli.check.faults import deviates
from celu_cli.check.measured import Deviation, GradientCheck, Kind, Station, stations
from celu_cli.check.text import cosine_text, error_text, short_number
from celu_cli.check.verdict import Verdict
from celu_cli.cli.output.tables import Column, fit, print_lines, print_prose, results_console, table_lines
from celu_cli.datasets.registry import DATASETS
from celu_cli.text import wrapped

_VERDICT_STYLES = {"right": "green", "biased": "yellow", "wrong": "bold red"}
_GAP = 2


def print_check(case: Case, check: GradientCheck, verdict: Verdict) -> None:
    """Write title, table and verdict to stdout."""
    console = results_console()
    summary = (
        f"{case.name}: {describe_backprop(case)}, {describe_activation(case)}, {case.precision}; {check.batch} "
        f"images of {DATASETS[case.dataset.name].title}, initial weights of seed {case.seed}"
    )
    title, *more = (Text(line) for line in wrapped(summary, console.width))
    title.stylize("bold", 0, len(case.name))
    print_lines(console, [title, *more])
    meanings = [Text(line, style="dim") for line in wrapped(_meanings(check), console.width)]
    print_lines(console, [Text(), *_table(check, console.width), Text(), *meanings, Text()])
    for number, finding in enumerate(verdict.findings):
        print_prose(console, finding, "" if number else _VERDICT_STYLES[verdict.kind])


def _largest(station: Station, kind: Kind) -> str:
    return max(((error, error_text(error)) for error in station.errors(kind)), default=(0, "-"))[1]


def _is_off(station: Station) -> bool:
    return (station.layer is not None and deviates(station.layer.declared_weights.relative_error)) or (
        station.below is not None and deviates(station.below.declared_output.relative_error)
    )


def _table(check: GradientCheck, width: int) -> list[Text]:
    """A row for each station, from the loss down."""
    stops = stations(check)
    names = Column("layer", [str(one.layer.number) if one.layer else "loss" for one in stops], right=True)
    weights = _comparison([one.layer.exact_weights if one.layer else None for one in stops])
    passed_down = _comparison([one.below.exact_output if one.below else None for one in stops])
    kept = fit([names, *weights, *passed_down, *_proofs(check, stops)], width)
    lines = table_lines(kept)
    for line, station in zip(lines[1:], stops, strict=True):
        if _is_off(station):
            line.stylize("red")
    return [_group_line({"weights": weights[0], "passed down": passed_down[0]}, kept), *lines]


def _group_line(groups: dict[str, Column], kept: Sequence[Column]) -> Text:
    """The name of each group above its first column."""
    line, position = "", 0
    for column in kept:
        name = next((name for name, first in groups.items() if first is column), "")
        line = line.ljust(position) + name if name else line
        position += column.width + _GAP
    return Text(line, style="dim")


def _meanings(check: GradientCheck) -> str:
    """What the columns show."""
    declared = "declared: against what the case declares; " if check.declares_bias else ""
    return (
        "error: how far the gradient is from the true one, relative; cosine between the two; ratio of their sizes; all "
        f"in float64, of the layer's weights and of what it passes down. {declared}finite: of the true one against "
        f"finite differences of the loss; {check.precision}: as trained, against float64."
    )


def _comparison(found: Sequence[Deviation | None]) -> list[Column]:
    return [
        Column("error", [error_text(one.relative_error) if one else "" for one in found], right=True),
        Column("cosine", [cosine_text(one.cosine) if one else "" for one in found], right=True, leaves=2),
        Column("ratio", [short_number(one.norm_ratio) if one else "" for one in found], right=True, leaves=1),
    ]


def _proofs(check: GradientCheck, stops: Sequence[Station]) -> list[Column]:
    kinds: dict[str, Kind] = {"declared": "declared", "finite": "differences", check.precision: "trained"}
    return [
        Column(heading, [_largest(one, kind) for one in stops], right=True)
        for heading, kind in kinds.items()
        if kind != "declared" or check.declares_bias
    ]


class MatrixTable:
    """The rows of `celu check --all`, each printed when it is known."""

    def __init__(self, chosen: Sequence[Combination]) -> None:
        self._console = results_console()
        self._columns = [
            Column("network", [one.name for one in chosen]),
            Column("activation", [describe_activation(one.case) for one in chosen]),
            Column("backprop", [describe_backprop(one.case) for one in chosen]),
            Column("precision", [one.case.precision for one in chosen]),
            Column("error", ["1e-300"], right=True),
            Column("cosine", [">0.9999"], right=True),
            Column("verdict", ["biased"]),
        ]
        headings = [column.fill(column.heading) for column in self._columns]
        print_lines(self._console, [Text((" " * _GAP).join(headings), style="dim")])

    def print_row(self, combination: Combination, check: GradientCheck, verdict: Verdict) -> None:
        """`error` is against what is declared, `cosine` the smallest of the weights' against the true gradient."""
        case = combination.case
        cosine = min(layer.exact_weights.cosine for layer in check.layers)
        cells = [
            combination.name,
            describe_activation(case),
            describe_backprop(case),
            case.precision,
            error_text(max(check.errors("declared"))),
            cosine_text(cosine),
        ]
        filled = [column.fill(cell) for column, cell in zip(self._columns, cells, strict=False)]
        row = Text.assemble(
            (" " * _GAP).join(filled), " " * _GAP, (verdict.kind, _VERDICT_STYLES[verdict.kind])
        )
        print_lines(self._console, [row])
        if verdict.faults:
            print_lines(self._console, [Text(f"  {verdict.faults[0].text}", style="red")])
