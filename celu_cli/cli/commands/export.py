"""`celu export`: runs for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from celu_cli.cli.options import DEFAULT_LOGS, Logs, Runs, Where
from celu_cli.errors import UsageError
from celu_cli.files import path_with_home


def export(
    file_format: Annotated[
        Literal["csv", "tensorboard"],
        typer.Option("--to", help="One table with a row an epoch, or event files for TensorBoard."),
    ],
    targets: Runs = None,
    logs: Logs = DEFAULT_LOGS,
    where: Where = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            parser=path_with_home,
            help="CSV file (default: stdout), or directory for TensorBoard; what celu exported there before is "
            "replaced.",
        ),
    ] = None,
) -> None:
    """Export runs: one tidy CSV with a row for each run and epoch, or event files for TensorBoard.

    Prints the paths of what it wrote. What a run measured of its layers goes to TensorBoard only.
    """
    from celu_cli.analysis.compare.epoch_columns import epochs_csv
    from celu_cli.cli.targets import read_targets
    from celu_cli.files import write_result
    from celu_cli.runs.tensorboard.event_files import require_tensorboard
    from celu_cli.runs.tensorboard.export import export_events

    if file_format == "tensorboard":
        if output is None:
            raise UsageError("--to tensorboard needs a directory to write to: -o DIRECTORY")
        require_tensorboard("--to tensorboard")
        for path in export_events(read_targets(targets or (), logs, where), output):
            typer.echo(path)
        return
    text = epochs_csv(read_targets(targets or (), logs, where))
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_result(output, text)
        typer.echo(output)
