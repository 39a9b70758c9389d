"""Runs made without training: real files, written by the real recorder from made-up events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from celu_cli.case.schema import Case
from celu_cli.events import (
    EpochDone,
    EpochMetrics,
    EvaluationStarted,
    Event,
    StepsDone,
    TrainingEnded,
    TrainingStarted,
)
from celu_cli.runs.recorder import RunRecorder


def make_case(**changes: Any) -> Case:
    """case-c for three epochs; `changes` win."""
    values = {
        "name": "case-c",
        "dataset": {"name": "cifar10"},
        "alpha": 2.0,
        "backprop": {"method": "manual"},
        "optimizer": {
            "name": "amsgrad",
            "maximum": "tensor",
            "learning_rate": 8e-4,
            "beta_2": 0.9,
            "epsilon": 1e-8,
        },
        "epochs": 3,
    }
    return Case.model_validate(values | changes)


def make_metrics(epoch: int, **changes: Any) -> EpochMetrics:
    """An epoch of a training that learns."""
    accuracy = 0.8 * (1 - math.exp(-epoch / 5))
    values: dict[str, Any] = {
        "epoch": epoch,
        "train_loss": 1.7 / epoch,
        "train_accuracy": min(1.0, 1.2 * accuracy),
        "test_loss": 1.4 / math.sqrt(epoch),
        "test_accuracy": accuracy,
        "learning_rate": 8e-4,
        "dilated_rate": 0.0,
        "seconds": 300.0 + epoch,
        "images_per_second": 160.0,
        "time": f"2026-11-23T14:{epoch % 60:02}:00Z",
    }
    return EpochMetrics(**(values | changes))


def make_events(epochs: int, done: int | None = None, shift: float = 0.0) -> Iterator[Event]:
    """The events of a training of `epochs` epochs that stops after `done`; `shift` is added to its accuracies."""
    yield TrainingStarted(epochs, 500, 50_000, 10_000, "sha256:weights", "sha256:order", 2)
    for epoch in range(1, (epochs if done is None else done) + 1):
        yield StepsDone(epoch, 250, 1.5, 0.4, 160.0)
        yield StepsDone(epoch, 500, 1.4, 0.5, 160.0)
        yield EvaluationStarted(epoch)
        plain = make_metrics(epoch)
        yield EpochDone(
            replace(
                plain,
                train_accuracy=plain.train_accuracy + shift,
                test_accuracy=plain.test_accuracy + shift,
            )
        )
    if done is None:
        yield TrainingEnded(epochs)


def record_run(logs: Path, case: Case | None = None, done: int | None = None, shift: float = 0.0) -> Path:
    """Record a training of `case`, completed or stopped after `done` epochs, and return its directory."""
    case = case or make_case()
    with RunRecorder.open(logs, case) as recorder:
        for event in make_events(case.epochs, done, shift):
            recorder(event)
    return recorder.path


def record_seeds(logs: Path, shifts: Sequence[float], first: int = 0, **changes: Any) -> list[Path]:
    """A completed run for each of `shifts`, with seeds that count from `first`."""
    return [
        record_run(logs, make_case(**changes, seed=seed), shift=shift)
        for seed, shift in enumerate(shifts, first)
    ]
