"""`celu export`: runs and trained networks for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from celu_cli.cli.options import DEFAULT_LOGS, Logs, Runs, Where, output_option
from celu_cli.errors import UsageError

if TYPE_CHECKING:
    from celu_cli.trained.export import ModelFormat


def export(
    file_format: Annotated[
        Literal["csv", "tensorboard", "keras", "savedmodel", "onnx", "npz"],
        typer.Option(
            "--to",
            help="Of runs: one table with a row for each epoch, or event files for TensorBoard. Of one run's trained "
            "network: a Keras model, a SavedModel, an ONNX graph, or the weights as NumPy arrays.",
        ),
    ],
    targets: Runs = None,
    logs: Logs = DEFAULT_LOGS,
    where: Where = None,
    output: Annotated[
        Path | None,
        output_option(
            "PATH",
            "File to write (CSV: stdout by default), or directory for TensorBoard, where what celu exported "
            "before is replaced; for a SavedModel a new directory.",
        ),
    ] = None,
) -> None:
    """Export runs: one tidy CSV with a row for each run and epoch, or event files for TensorBoard.

    Or the trained network of one run, the newest where a case is named: a model takes pixels 0 to 255, float32
    [b, h, w, c], and gives logits. Prints the paths of what it wrote. What a run measured of its layers goes to
    TensorBoard only.
    """
    from celu_cli.cli.targets import read_targets

    if file_format == "csv":
        from celu_cli.analysis.compare.epoch_columns import epochs_csv
        from celu_cli.files import write_result

        text = epochs_csv(read_targets(targets or (), logs, where))
        if output is None:
            typer.echo(text, nl=False)
        else:
            write_result(output, text)
            typer.echo(output)
    elif output is None:
        kind = "directory" if file_format in ("tensorboard", "savedmodel") else "file"
        raise UsageError(f"--to {file_format} needs a {kind} to write to: -o {kind.upper()}")
    elif file_format == "tensorboard":
        from celu_cli.runs.tensorboard.event_files import require_tensorboard
        from celu_cli.runs.tensorboard.export import export_events

        runs = read_targets(targets or (), logs, where)
        require_tensorboard("--to tensorboard")
        for path in export_events(runs, output):
            typer.echo(path)
    else:
        _export_network(targets or (), logs, where, file_format, output)


def _export_network(
    targets: Sequence[str], logs: Path, where: str | None, file_format: ModelFormat, output: Path
) -> None:
    from celu_cli.cli.targets import newest_trained
    from celu_cli.trained.export import export_network

    if len(targets) != 1:
        raise UsageError(
            f"--to {file_format} writes one network: name one run, or a case, whose newest is meant"
        )
    export_network(newest_trained(targets[0], logs, where), file_format, output)
    typer.echo(output)
