"""Runs side by side: one plain row a run, for a table, a file or statistics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from celu_cli.analysis.compare.rows import case_columns
from celu_cli.runs.published import PublishedCurve, PublishedEpoch, read_published
from celu_cli.runs.run import Run
from celu_cli.text import iso_time


@dataclass(frozen=True)
class Row:
    """One run. Accuracies are shares; gap and difference are percentage points.

    `gap` is train minus test accuracy of the last epoch. `published_test_accuracy` is the published value at
    `published_epoch`, the last epoch that both the run and the published curve have;
    `published_difference` is the run's value of that same epoch minus it. `mean_cosine` is that of
    the gradient in use with the exact one, over all layers and measurements. None stands for what a run lacks.
    """

    run: str
    case: str
    dataset: str
    activation: str
    alpha: float | None
    backprop: str
    optimizer: str
    learning_rate: float
    precision: str
    seed: int
    epochs: int
    epochs_asked: int
    train_accuracy: float | None
    test_accuracy: float | None
    best_train_accuracy: float | None
    best_test_accuracy: float | None
    best_test_epoch: int | None
    train_loss: float | None
    test_loss: float | None
    best_train_loss: float | None
    best_test_loss: float | None
    gap: float | None
    published_epoch: int | None
    published_test_accuracy: float | None
    published_difference: float | None
    mean_cosine: float | None
    seconds: float
    started: str
    status: str


def compare_runs(runs: Iterable[Run]) -> list[Row]:
    """Rows by case, then seed, then time.

    Raises:
        RunError: a published curve cannot be read.
    """
    ordered = sorted(runs, key=run_order)
    curves: dict[tuple[str | None, bool], PublishedCurve | None] = {}
    for run in ordered:
        key = _curve_key(run)
        if key not in curves:
            curves[key] = read_published(run.case)
    return [_row(run, curves[_curve_key(run)]) for run in ordered]


def run_order(run: Run) -> tuple[str, int, datetime]:
    """What runs are put in order by: case, then seed, then time."""
    return run.case.name, run.case.seed, run.manifest.started


def _curve_key(run: Run) -> tuple[str | None, bool]:
    return run.case.published, run.case.dataset.sample


def newest_runs(runs: Iterable[Run]) -> list[Run]:
    """Of each case and seed the run that started last."""
    newest: dict[tuple[str, int], Run] = {}
    for run in sorted(runs, key=lambda run: run.manifest.started):
        newest[run.case.name, run.case.seed] = run
    return list(newest.values())


def _row(run: Run, published: PublishedCurve | None) -> Row:
    case, epochs = run.case, run.metrics
    last, best = epochs.last, epochs.best()
    reference = _last_common(run, published)
    at_reference = next((own for own in epochs if reference and own.epoch == reference.epoch), None)
    return Row(
        run=run.name,
        **case_columns(case),
        seed=case.seed,
        epochs=last.epoch if last else 0,
        epochs_asked=case.epochs,
        train_accuracy=last.train_accuracy if last else None,
        test_accuracy=last.test_accuracy if last else None,
        best_train_accuracy=max((metrics.train_accuracy for metrics in epochs), default=None),
        best_test_accuracy=best.test_accuracy if best else None,
        best_test_epoch=best.epoch if best else None,
        train_loss=last.train_loss if last else None,
        test_loss=last.test_loss if last else None,
        best_train_loss=_least(metrics.train_loss for metrics in epochs),
        best_test_loss=_least(metrics.test_loss for metrics in epochs),
        gap=100 * (last.train_accuracy - last.test_accuracy) if last else None,
        published_epoch=reference.epoch if reference else None,
        published_test_accuracy=reference.test_accuracy if reference else None,
        published_difference=(
            100 * (at_reference.test_accuracy - reference.test_accuracy)
            if at_reference and reference
            else None
        ),
        mean_cosine=_mean_cosine(run),
        seconds=epochs.seconds,
        started=iso_time(run.manifest.started),
        status=run.status,
    )


def _least(losses: Iterable[float]) -> float | None:
    return min(filter(isfinite, losses), default=None)


def _mean_cosine(run: Run) -> float | None:
    cosines = [cosine for epoch in run.metrics for entry in epoch.fidelity for cosine in entry.cosine]
    return sum(cosines) / len(cosines) if cosines else None


def _last_common(run: Run, published: PublishedCurve | None) -> PublishedEpoch | None:
    if published is None:
        return None
    own = {metrics.epoch for metrics in run.metrics}
    return next((epoch for epoch in reversed(published.epochs) if epoch.epoch in own), None)
