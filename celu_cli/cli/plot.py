"""`celu plot`: draw the plots of runs again from their metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from celu_cli.cli.options import DEFAULT_LOGS, Logs


def plot(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LOGS_DIR|CASE|RUN",
            help="Directory of runs, then cases or runs in it; all runs in --logs when nothing is named.",
        ),
    ] = None,
    logs: Logs = DEFAULT_LOGS,
    file_format: Annotated[Literal["png", "svg"], typer.Option("--format", help="Kind of file.")] = "png",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Directory to draw into, instead of each run's own plots/."),
    ] = None,
) -> None:
    """Draw runs again: accuracy and loss over epochs, with the published curve where there is one.

    Writes plots/train and plots/test of every run, and prints their paths.
    """
    from celu_cli.analysis.plots import draw_run
    from celu_cli.cli.targets import read_targets

    for run in read_targets(targets or (), logs):
        directory = run.path / "plots" if output is None else output / run.case.name / run.path.name
        paths = draw_run(run, directory, file_format)
        if not paths:
            typer.echo(f"{run.name} has no finished epoch to draw", err=True)
        for path in paths:
            typer.echo(path)
