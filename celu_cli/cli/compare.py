"""`celu compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from celu_cli.cli.options import DEFAULT_LOGS, Logs


def compare(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CASE|RUN",
            help="Cases, runs or directories of runs; all runs when none is named.",
        ),
    ] = None,
    logs: Logs = DEFAULT_LOGS,
    newest: Annotated[
        bool, typer.Option("--newest", help="Only the newest run of each case and seed.")
    ] = False,
    file_format: Annotated[
        Literal["table", "json", "csv", "md"],
        typer.Option("--format", help="The table fits the terminal; the others carry every column."),
    ] = "table",
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Also draw the test accuracies into this file (.png or .svg)."),
    ] = None,
) -> None:
    """Compare runs: accuracies, gap, difference to the published value, time and status."""
    from celu_cli.analysis.compare import compare_runs, newest_runs
    from celu_cli.cli.compare_output import print_rows
    from celu_cli.cli.targets import read_targets

    suffix = _checked_suffix(plot)
    runs = read_targets(targets or (), logs)
    if newest:
        runs = newest_runs(runs)
    print_rows(compare_runs(runs), file_format)
    if plot is not None:
        from celu_cli.analysis.plots import draw_overlay

        draw_overlay(runs, plot, suffix)
        typer.echo(f"drawn {plot}", err=True)


def _checked_suffix(plot: Path | None) -> str:
    from celu_cli.analysis.chart import FORMATS
    from celu_cli.errors import UsageError

    suffix = plot.suffix.lstrip(".").lower() if plot else ""
    if plot and suffix not in FORMATS:
        raise UsageError(f"--plot {plot}: the name must end in .png or .svg")
    return suffix
