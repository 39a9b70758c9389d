"""The columns of a run: one entry for each, whatever shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from math import isfinite
from typing import Any

from celu_cli.analysis.compare.columns import Column, Record, Records, View, records_of
from celu_cli.analysis.compare.groups import repeated_runs
from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.remarks import remarks_on
from celu_cli.analysis.compare.setting_columns import setting_columns
from celu_cli.case.schema import Case
from celu_cli.case.settings import shared_changes
from celu_cli.events import EpochMetrics
from celu_cli.runs.published import PublishedCurve, PublishedEpoch, read_published
from celu_cli.runs.run import Run
from celu_cli.text import duration, four_decimals, iso_time

# Results before settings, which fill a screen where cases differ in many.
_FIRST_IN_REPORT = (
    *("run", "status", "seed", "epochs", "test_accuracy", "published_test_accuracy", "published_difference"),
    *("train_accuracy", "gap", "best_test_accuracy"),
)
_GAP = "gap: train minus test accuracy, in percentage points"
_POINTS = "points: test accuracy minus the published one, in percentage points"
_LEFT_OUT = "left out: runs with the same settings and seed; without --newest each has its own row"
_COSINE = "cosine: of the gradient in use with the exact one, mean over layers and measurements"


@dataclass(frozen=True)
class _Result:
    """A run, of the published curve the last epoch that the run has too, and how many older runs repeat it."""

    run: Run
    published: PublishedEpoch | None
    older: int

    @property
    def case(self) -> Case:
        return self.run.case

    @property
    def gap(self) -> float | None:
        last = self.run.metrics.last
        return 100 * (last.train_accuracy - last.test_accuracy) if last else None

    @property
    def published_difference(self) -> float | None:
        if self.published is None:
            return None
        own = next(epoch for epoch in self.run.metrics if epoch.epoch == self.published.epoch)
        return 100 * (own.test_accuracy - self.published.test_accuracy)


def compare_runs(
    runs: Iterable[Run], metric: Metric = "test-accuracy", all_keys: bool = False, newest: bool = False
) -> Records:
    """The runs by case, then seed, then time; tables on the terminal show `metric` where it is a loss.

    With `newest` only `newest_runs`, each with the number of those that it leaves out.

    Raises:
        RunError: a published curve cannot be read.
    """
    curves: dict[Case, PublishedCurve | None] = {}
    results = []
    for repeats in repeated_runs(runs) if newest else [[run] for run in runs]:
        run = repeats[-1]
        seedless = run.case.model_copy(update={"seed": 0})
        if seedless not in curves:
            curves[seedless] = read_published(seedless)
        results.append(_Result(run, _last_common(run, curves[seedless]), len(repeats) - 1))
    results.sort(key=lambda result: run_order(result.run))
    cases = list(curves)
    name, case, *others = RUN_COLUMNS
    shown = metric.replace("-", "_") if is_loss(metric) else ""
    columns = tuple(
        replace(column, heading=metric.replace("-", " "), only=None)
        if column.name == shown
        else replace(column, largest_first=not shown)
        if column.name == "published_difference"
        else column
        for column in (name, case, *setting_columns(cases, others, all_keys), *others)
    )
    return Records(
        columns,
        records_of(columns, results),
        {"terminal": ("case", "started"), "report": _FIRST_IN_REPORT},
        (shown,),
        () if all_keys else tuple(shared_changes(cases).values()),
        tuple(remarks_on(cases, [result.run for result in results])),
    )


def run_order(run: Run) -> tuple[str, int, datetime]:
    """What runs are put in order by: case, then seed, then time."""
    return run.case.name, run.case.seed, run.manifest.started


def mean_fidelity(epochs: Iterable[EpochMetrics], measure: str) -> float | None:
    """The mean cosine or norm_ratio of the gradient in use with the exact one, over layers and measurements."""
    values = [value for epoch in epochs for entry in epoch.fidelity for value in getattr(entry, measure)]
    return sum(values) / len(values) if values else None


def _last_common(run: Run, published: PublishedCurve | None) -> PublishedEpoch | None:
    own = {metrics.epoch for metrics in run.metrics}
    epochs = reversed(published.epochs) if published else ()
    return next((epoch for epoch in epochs if epoch.epoch in own), None)


def _last(name: str) -> Callable[[_Result], Any]:
    return lambda of: getattr(of.run.metrics.last, name, None)


def _best(phase: Any, name: str) -> Callable[[_Result], Any]:
    return lambda of: getattr(of.run.metrics.best(phase), name, None)


def _least(name: str) -> Callable[[_Result], Any]:
    return lambda of: min(filter(isfinite, (getattr(epoch, name) for epoch in of.run.metrics)), default=None)


def _published(name: str) -> Callable[[_Result], Any]:
    return lambda of: getattr(of.published, name, None)


def _mean_cosine(of: _Result) -> float | None:
    return mean_fidelity(of.run.metrics, "cosine")


def _started(of: _Result) -> str:
    return iso_time(of.run.manifest.started)


def _without_year(time: str) -> str:
    return time[5:19].replace("T", " ")


def _epochs(record: Record) -> str:
    return f"{record['epochs']}/{record['epochs_asked']}"


def _published_cell(record: Record) -> str:
    if record["published_test_accuracy"] is None:
        return ""
    at = "" if record["published_epoch"] == record["epochs"] else f" @{record['published_epoch']}"
    return f"{record['published_test_accuracy']:.4f}{at}"


def _note_on_earlier_epochs(rows: Sequence[Record], _view: View) -> Iterator[str]:
    if any("@" in _published_cell(row) for row in rows):
        yield "@n: of epoch n, the last that the run and the published curve share"


_number = partial(Column, number=True)
_value = partial(Column, form=four_decimals, number=True)
_accuracy = partial(_value, largest_first=True)

# Accuracies are shares; gap and difference are percentage points. None stands for what a run lacks.
RUN_COLUMNS: tuple[Column, ...] = (
    Column("run", lambda of: of.run.name, "run", only="report"),
    Column("case", lambda of: of.case.name, "case", only="terminal"),
    _number("seed", lambda of: of.case.seed, "seed", shared="seed {}", keys=("seed",)),
    _number("epochs", lambda of: of.run.metrics.done, "epochs", text=_epochs, parts=("epochs_asked",)),
    Column("epochs_asked", lambda of: of.case.epochs, keys=("epochs",)),
    _accuracy("train_accuracy", _last("train_accuracy"), "train", leaves=12),
    _accuracy("test_accuracy", _last("test_accuracy"), "test"),
    _accuracy(
        "best_train_accuracy", _best("train", "train_accuracy"), "best train", leaves=1, only="terminal"
    ),
    _accuracy("best_test_accuracy", _best("test", "test_accuracy"), "best test", leaves=8),
    Column("best_test_epoch", _best("test", "epoch")),
    _value("train_loss", _last("train_loss"), "train loss", only="report"),
    _value("test_loss", _last("test_loss"), "test loss", only="report"),
    _value("best_train_loss", _least("train_loss")),
    _value("best_test_loss", _least("test_loss")),
    _number("gap", lambda of: of.gap, "gap", "{:.2f}", leaves=9, note=_GAP),
    Column("published_epoch", _published("epoch")),
    _accuracy(
        "published_test_accuracy",
        _published("test_accuracy"),
        "published",
        text=_published_cell,
        parts=("published_epoch",),
        leaves=13,
        note=_note_on_earlier_epochs,
    ),
    _number(
        "published_difference",
        lambda of: of.published_difference,
        "points",
        "{:+.2f}",
        leaves=14,
        note=_POINTS,
    ),
    _accuracy("mean_cosine", _mean_cosine, "cosine", leaves=15, note=_COSINE),
    _number("seconds", lambda of: of.run.metrics.seconds, "time", duration, leaves=10),
    Column("started", _started, "started", _without_year, tiebreak=True, only="terminal"),
    Column("status", lambda of: of.run.status, "status", shared="{}", leaves=11),
    Column("left_out", lambda of: f"{of.older} older" if of.older else "", "left out", note=_LEFT_OUT),
)
