"""`celu report`: one HTML page of all there is to say about runs."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from celu_cli.cli.options import (
    DEFAULT_LOGS,
    AtEpoch,
    Baseline,
    Logs,
    MetricOption,
    Runs,
    Unfinished,
    Where,
    output_option,
)


def report(
    targets: Runs = None,
    logs: Logs = DEFAULT_LOGS,
    where: Where = None,
    output: Annotated[Path, output_option("FILE", "The page, .html; an older one is replaced.")] = Path(
        "report.html"
    ),
    baseline: Baseline = None,
    metric: MetricOption = "test-accuracy",
    at_epoch: AtEpoch = None,
    include_unfinished: Unfinished = False,
    open_page: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
) -> None:
    """Write one HTML page that opens without a network: results, curves, gradients, cases and their origin.

    It compares as celu compare does. Tables can be sorted, curves zoomed, and both saved as CSV.

    A gradient check is shown for every run whose directory has it as check.json.
    """
    from celu_cli.analysis.compare.groups import Choice, check_epoch
    from celu_cli.analysis.report.build import build_report
    from celu_cli.analysis.report.page import check_target, write_page
    from celu_cli.cli.targets import find_targets
    from celu_cli.runs.manifest import utc_now
    from celu_cli.sweep.results import sweeps_of

    check_target(output)
    found = find_targets(targets or (), logs, where)
    check_epoch(at_epoch, found.runs)
    choice = Choice(metric, at_epoch, include_unfinished)
    sweeps, damaged = sweeps_of(found.runs, choice)
    built = build_report(found.runs, choice, baseline, [*found.problems, *damaged], utc_now(), sweeps)
    for problem in built.problems:
        typer.echo(f"left out: {problem}", err=True)
    size = write_page(built, output)
    typer.echo(f"{built.title}, {size / 1e6:.1f} MB", err=True)
    typer.echo(output)
    if open_page:
        webbrowser.open(output.resolve().as_uri())
