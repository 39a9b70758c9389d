"""The columns of an epoch of a run, for programs that draw and calculate on their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from celu_cli.analysis.compare.columns import Column, csv_text, records_of
from celu_cli.analysis.compare.run_columns import mean_fidelity
from celu_cli.analysis.compare.setting_columns import setting_columns
from celu_cli.case.schema import Case
from celu_cli.events import EpochMetrics
from celu_cli.runs.run import Run
from celu_cli.text import iso_time


@dataclass(frozen=True)
class _Epoch:
    run: Run
    metrics: EpochMetrics

    @property
    def case(self) -> Case:
        return self.run.case


_NAMES = (Column("run", lambda of: of.run.name), Column("case", lambda of: of.case.name))
# `learning_rate` is the case's, `epoch_learning_rate` what the schedule made of it at the epoch's end.
EPOCH_COLUMNS = (
    Column("batch_size", lambda of: of.case.batch_size, keys=("batch_size",)),
    Column("seed", lambda of: of.case.seed, keys=("seed",)),
    Column("epochs_asked", lambda of: of.case.epochs, keys=("epochs",)),
    Column("started", lambda of: iso_time(of.run.manifest.started)),
    Column("status", lambda of: of.run.status),
    Column("epoch", lambda of: of.metrics.epoch),
    Column("train_loss", lambda of: of.metrics.train_loss),
    Column("train_accuracy", lambda of: of.metrics.train_accuracy),
    Column("test_loss", lambda of: of.metrics.test_loss),
    Column("test_accuracy", lambda of: of.metrics.test_accuracy),
    Column("epoch_learning_rate", lambda of: of.metrics.learning_rate),
    Column("epoch_dilated_rate", lambda of: of.metrics.dilated_rate),
    Column("seconds", lambda of: of.metrics.seconds),
    Column("images_per_second", lambda of: of.metrics.images_per_second),
    Column("time", lambda of: of.metrics.time),
    Column("mean_cosine", lambda of: mean_fidelity([of.metrics], "cosine")),
    Column("mean_norm_ratio", lambda of: mean_fidelity([of.metrics], "norm_ratio")),
)


def epochs_csv(runs: Iterable[Run]) -> str:
    """CSV with a row for every epoch of every run, in order, and all the digits of its numbers.

    Every key in which the runs differ has a column.
    """
    runs = tuple(runs)
    columns = (*_NAMES, *setting_columns((run.case for run in runs), EPOCH_COLUMNS), *EPOCH_COLUMNS)
    epochs = (_Epoch(run, metrics) for run in runs for metrics in run.metrics)
    return csv_text([column.name for column in columns], records_of(columns, epochs))
