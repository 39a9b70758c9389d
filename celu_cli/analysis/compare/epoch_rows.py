"""One plain row for each epoch of each run, for programs that draw and reckon on their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields

from celu_cli.analysis.compare.rows import case_columns
from celu_cli.events import EpochMetrics
from celu_cli.runs.run import Run
from celu_cli.text import iso_time


@dataclass(frozen=True)
class EpochRow:
    """An epoch of a run.

    `learning_rate` is the case's, `epoch_learning_rate` what the schedule made of it at the epoch's end. `mean_cosine`
    and `mean_norm_ratio` are those of the gradient in use against the exact one, over all layers and measurements of
    the epoch; None where nothing was measured.
    """

    run: str
    case: str
    dataset: str
    activation: str
    alpha: float | None
    backprop: str
    optimizer: str
    learning_rate: float
    batch_size: int
    precision: str
    seed: int
    epochs_asked: int
    started: str
    status: str
    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    epoch_learning_rate: float
    epoch_dilated_rate: float
    seconds: float
    images_per_second: float
    time: str
    mean_cosine: float | None
    mean_norm_ratio: float | None


def epoch_rows(runs: Iterable[Run]) -> Iterator[EpochRow]:
    """Rows in the order of the runs and of their epochs."""
    return (_row(run, metrics) for run in runs for metrics in run.metrics)


def csv_text(rows: Iterable[EpochRow]) -> str:
    """The rows as CSV with a line of names; numbers with all their digits, nothing where a row lacks a value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(EpochRow))
    for row in rows:
        writer.writerow(
            "" if value != value else value for value in astuple(row)
        )  # metrics have NaN for nothing
    return text.getvalue()


def _row(run: Run, metrics: EpochMetrics) -> EpochRow:
    return EpochRow(
        run=run.name,
        **case_columns(run.case),
        batch_size=run.case.batch_size,
        seed=run.case.seed,
        epochs_asked=run.case.epochs,
        started=iso_time(run.manifest.started),
        status=run.status,
        epoch=metrics.epoch,
        train_loss=metrics.train_loss,
        train_accuracy=metrics.train_accuracy,
        test_loss=metrics.test_loss,
        test_accuracy=metrics.test_accuracy,
        epoch_learning_rate=metrics.learning_rate,
        epoch_dilated_rate=metrics.dilated_rate,
        seconds=metrics.seconds,
        images_per_second=metrics.images_per_second,
        time=metrics.time,
        mean_cosine=_mean(value for entry in metrics.fidelity for value in entry.cosine),
        mean_norm_ratio=_mean(value for entry in metrics.fidelity for value in entry.norm_ratio),
    )


def _mean(values: Iterable[float]) -> float | None:
    kept = list(values)
    return sum(kept) / len(kept) if kept else None
