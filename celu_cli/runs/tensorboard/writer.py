"""What a run is in TensorBoard: its case in its own directory, its curves in train/ and test/ below it.

The names are those that Keras gives, so that the curves of both lie over each other; steps are epochs, from 1.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from celu_cli.case.difference import settings
from celu_cli.case.dump import dump_case
from celu_cli.case.schema import Case, DilatedBackprop
from celu_cli.errors import RunError
from celu_cli.events import EpochDone, EpochMetrics, Event, Histogram, LayerDetail, LayersMeasured
from celu_cli.runs.run import Run
from celu_cli.runs.tensorboard.event_files import (
    PATTERN,
    Point,
    add_points,
    begin_event_file,
    read_events,
    require_tensorboard,
)

_Value = TypeVar("_Value")

TRAIN, TEST = "train", "test"

_NORM, _NORMS = "epoch_gradient_norm", "gradient_norm"
_HISTOGRAMS = ("activations", "gradients")
_OF_LAYERS = {_NORM, _NORMS, *_HISTOGRAMS}


class TensorBoardWriter:
    """The observer that writes the event files of `run` while it trains.

    They begin with what the run has already: a resumed run goes on with its curves.

    Raises:
        RunError: the files cannot be written, or an epoch of the run has no time.
    """

    def __init__(self, run: Run) -> None:
        self._path, self._case = run.path, run.case
        with _clear_errors(run.path):
            self._files = begin_files(run, run.path)

    def __call__(self, event: Event) -> None:
        """Write what `event` says.

        Raises:
            RunError: the files cannot be written.
        """
        match event:
            case LayersMeasured():
                points = {TRAIN: layer_points(event)}
            case EpochDone(metrics):
                points = epoch_points(self._case, metrics)
            case _:
                return
        with _clear_errors(self._path):
            for name, values in points.items():
                add_points(self._files[name], values)


def begin_files(run: Run, directory: Path) -> dict[str, Path]:
    """Write the event files of `run` below `directory`, up to its last epoch; return those to be added to.

    What metrics.jsonl lacks, the layers' values, comes from the event files that the run has; later epochs in these are
    left out, as a run that is resumed before them trains them again.

    Raises:
        RunError: an epoch has no time.
        OSError: a file cannot be read or written.
    """
    points: dict[str, list[Point]] = {TRAIN: [], TEST: []}
    for metrics in run.metrics:
        for name, values in epoch_points(run.case, metrics).items():
            points[name] += values
    epochs = {metrics.epoch for metrics in run.metrics}
    layers = [
        event
        for event in read_events(run.path / TRAIN)
        if event.step in epochs and all(_kind(value.tag) in _OF_LAYERS for value in event.summary.value)
    ]
    begin_event_file(directory, case_points(run))
    return {
        TRAIN: begin_event_file(directory / TRAIN, points[TRAIN], layers),
        TEST: begin_event_file(directory / TEST, points[TEST]),
    }


def recorded_detail(run_path: Path) -> LayerDetail | None:
    """What the event files in a run's directory have of the layers; None where it has no event files.

    Raises:
        RunError: the files cannot be read.
        UsageError: they are there, and TensorBoard is not.
    """
    if not any((run_path / TRAIN).glob(PATTERN)):
        return None
    require_tensorboard(f"{run_path} has event files, and continuing them")
    with _clear_errors(run_path):
        tags = [value.tag for event in read_events(run_path / TRAIN) for value in event.summary.value]
    return "histograms" if any(_kind(tag) in _HISTOGRAMS for tag in tags) else "norms"


def case_points(run: Run) -> list[Point]:
    """The case as a text, and its settings as hyperparameters."""
    began = run.manifest.started.timestamp()
    values = {
        key: value if isinstance(value, bool | int | float | str) else str(value)
        for key, value in {"case": run.case.name, **settings(run.case)}.items()
    }
    text = f"```yaml\n{dump_case(run.case)}```"
    return [Point("case", 0, began, text), Point("_hparams_/session_start_info", 0, began, values)]


def epoch_points(case: Case, metrics: EpochMetrics) -> dict[str, list[Point]]:
    """An epoch's curves, by the directory they belong to; the fidelity is the mean over the epoch's measurements.

    Raises:
        RunError: the epoch has no time.
    """
    train = {
        "epoch_accuracy": metrics.train_accuracy,
        "epoch_loss": metrics.train_loss,
        "epoch_learning_rate": metrics.learning_rate,
        "epoch_images_per_second": metrics.images_per_second,
    }
    if isinstance(case.backprop, DilatedBackprop):
        train["epoch_dilated_rate"] = metrics.dilated_rate
    if metrics.fidelity:
        for name in ("cosine", "norm_ratio"):
            layers = zip(*(getattr(entry, name) for entry in metrics.fidelity), strict=False)
            train |= _by_layer(f"fidelity_{name}", [sum(values) / len(values) for values in layers])
    test = {"epoch_accuracy": metrics.test_accuracy, "epoch_loss": metrics.test_loss}
    if metrics.ended is None:
        raise RunError(
            f"the time of epoch {metrics.epoch} is {metrics.time!r}; it must be ISO 8601, with a zone"
        )
    ended = metrics.ended.timestamp()
    return {
        name: [Point(tag, metrics.epoch, ended, value) for tag, value in values.items()]
        for name, values in ((TRAIN, train), (TEST, test))
    }


def layer_points(measured: LayersMeasured) -> list[Point]:
    """What was measured of the layers after an epoch, and the norm of the gradients of all layers together."""
    values: dict[str, float | Histogram] = {_NORM: math.hypot(*measured.gradient_norms)}
    values |= _by_layer(_NORMS, measured.gradient_norms)
    for kind in _HISTOGRAMS:
        values |= _by_layer(kind, getattr(measured, kind))
    now = time.time()
    return [Point(tag, measured.epoch, now, value) for tag, value in values.items()]


def _by_layer(kind: str, values: Iterable[_Value]) -> dict[str, _Value]:
    return {f"{kind}/layer_{number}": value for number, value in enumerate(values, 1)}


def _kind(tag: str) -> str:
    return tag.split("/")[0]


@contextmanager
def _clear_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"cannot read or write the event files in {directory}"
        raise RunError(f"{what}: {error.strerror or error}") from error
