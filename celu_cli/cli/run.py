"""`celu run`: train a case and watch it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from celu_cli.cli.options import DEFAULT_LOGS, CaseReference, DataDirectory, Logs, Overrides


def run(
    case: CaseReference,
    overrides: Overrides = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Train on the embedded sample; needs no network.")
    ] = False,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Short for epochs=N.")] = None,
    fidelity: Annotated[
        int | None,
        typer.Option(
            "--fidelity", help="Short for fidelity.every=N: compare with the exact gradient every N steps."
        ),
    ] = None,
    logs: Logs = DEFAULT_LOGS,
    data_directory: DataDirectory = None,
) -> None:
    """Train a case with live progress; write its log, metrics and plots to a run directory."""
    from celu_cli.case.load import load_case
    from celu_cli.cli.data_progress import RichReporter
    from celu_cli.cli.live import LiveDisplay
    from celu_cli.cli.signals import StopRequest
    from celu_cli.execute import execute
    from celu_cli.runs.published import read_published

    words = [*(overrides or ()), *_short_overrides(sample, epochs, fidelity)]
    loaded = load_case(case, words)
    reporter = RichReporter()
    display = LiveDisplay(loaded, read_published(loaded))
    with ExitStack() as stack:

        def begin(path: Path) -> None:
            # The display takes over the terminal only when the data is there and the run has its directory.
            reporter.message(f"Run directory: {path}")
            stack.enter_context(display)

        path = execute(
            loaded,
            logs,
            overrides=words,
            data_directory=data_directory,
            reporter=reporter,
            observers=[display],
            stop=stack.enter_context(StopRequest()),
            claimed=begin,
        )
    _report(path)


def _short_overrides(sample: bool, epochs: int | None, fidelity: int | None) -> list[str]:
    """What the flags mean in the language of overrides; they come last and win."""
    numbers = {"epochs": epochs, "fidelity.every": fidelity}
    given = [f"{key}={value}" for key, value in numbers.items() if value is not None]
    return [*(["dataset.sample=true"] if sample else []), *given]


def _report(path: Path) -> None:
    """Say on stdout how the run ended and where its files are."""
    from celu_cli.runs.metrics import read_metrics

    epochs = read_metrics(path)
    final, best = epochs[-1], max(epochs, key=lambda metrics: metrics.test_accuracy)
    typer.echo(f"train accuracy  {final.train_accuracy:.4f}")
    typer.echo(
        f"test accuracy   {final.test_accuracy:.4f}  (best {best.test_accuracy:.4f} in epoch {best.epoch})"
    )
    for label, name in (("log", "train.log"), ("metrics", "metrics.jsonl"), ("plots", "plots")):
        typer.echo(f"{label:<15} {path / name}")
