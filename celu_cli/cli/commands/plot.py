"""`celu plot`: draw the plots of runs again from their metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from celu_cli.cli.options import DEFAULT_LOGS, Logs, Runs, Where, output_option

if TYPE_CHECKING:
    from celu_cli.runs.run import Run


def plot(
    targets: Runs = None,
    logs: Logs = DEFAULT_LOGS,
    where: Where = None,
    file_format: Annotated[
        Literal["png", "svg", "pdf"], typer.Option("--format", help="Kind of file.")
    ] = "png",
    output: Annotated[
        Path | None, output_option("PATH", "Directory to draw into, instead of each run's own plots/.")
    ] = None,
    normalised: Annotated[
        bool,
        typer.Option(
            "--normalised",
            help="Draw accuracy and loss on one axis from 0 to 1, the loss divided by its maximum, as in the article.",
        ),
    ] = False,
    terminal: Annotated[
        bool,
        typer.Option("--terminal", help="Draw the test accuracies here, mean over seeds, and write no file."),
    ] = False,
) -> None:
    """Draw runs again: accuracy and loss over epochs, with the published curve where there is one.

    Writes plots/train and plots/test of every run, and prints their paths.
    """
    from celu_cli.analysis.plots.run_plots import draw_run
    from celu_cli.cli.targets import read_targets
    from celu_cli.runs.run import places_of

    runs = read_targets(targets or (), logs, where)
    if terminal:
        _print(runs)
        return
    own = [run.path / "plots" for run in runs]
    for run, directory in zip(runs, own if output is None else places_of(runs, output), strict=True):
        paths = draw_run(run, directory, file_format, normalised)
        if not paths:
            _say_empty(run)
        for path in paths:
            typer.echo(path)


def _print(runs: Sequence[Run]) -> None:
    from celu_cli.analysis.compare.groups import Choice, group_runs
    from celu_cli.analysis.plots.overlay import overlay_chart
    from celu_cli.cli.output.plot import print_chart
    from celu_cli.cli.output.tables import results_console

    for run in runs:
        if not run.metrics:
            _say_empty(run)
    chart = overlay_chart(group_runs(runs, Choice()), "accuracy", band="none")
    if chart.panels[0].curves:
        print_chart(chart, results_console())


def _say_empty(run: Run) -> None:
    typer.echo(f"{run.name} has no finished epoch to draw", err=True)
