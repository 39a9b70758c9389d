"""The one function that trains, `training_events`: whatever needs a run gives it a `Job`, by `execute` or itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from celu_cli.analysis.plots.run_plots import draw_run
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Dataset
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.reporter import Reporter, SilentReporter
from celu_cli.errors import CeluError, InterruptedByUser
from celu_cli.events import (
    CheckpointReached,
    Event,
    LayerDetail,
    Observer,
    RunOpened,
    StepsDone,
    TrainingEnded,
    TrainingStarted,
)
from celu_cli.runs.manifest import read_manifest
from celu_cli.runs.recorder import RunRecorder, resumable
from celu_cli.runs.run import Run
from celu_cli.runs.tensorboard.writer import TensorBoardWriter
from celu_cli.text import counted

if TYPE_CHECKING:
    from celu_cli.engine.training.programs import Programs


@dataclass(frozen=True)
class Job:
    """One training to do: a plain value, which any process can execute.

    `overrides` are recorded as what `case` was changed with. Without `resume`, the directory of a run to resume, a new
    directory under `logs` is made. A checkpoint is written at the end of each epoch's steps, every
    `checkpoint_seconds`, and at every `checkpoint_steps`-th step of an epoch. With `layer_detail` the layers are
    measured after each epoch and event files for TensorBoard are written. Without `plots` none are drawn: `celu plot`
    draws them later.
    """

    case: Case
    logs: Path
    overrides: tuple[str, ...] = ()
    data_directory: Path | None = None
    resume: Path | None = None
    checkpoint_seconds: float = 300.0
    checkpoint_steps: int | None = None
    layer_detail: LayerDetail | None = None
    plots: bool = True


def execute(
    job: Job,
    observers: Sequence[Observer] = (),
    stop: Callable[[], InterruptedByUser | None] = lambda: None,
    reporter: Reporter | None = None,
    workshop: Workshop | None = None,
) -> Run:
    """Train `job` and return the run; `observers` get every one of its `training_events`.

    Raises:
        CeluError: as `training_events` does.
    """
    events = training_events(job, stop, reporter, workshop)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            run: Run = end.value
            return run
        try:
            for observer in observers:
                observer(event)
        except BaseException as error:
            events.throw(error)  # the run ends as that says
            raise


def training_events(
    job: Job,
    stop: Callable[[], InterruptedByUser | None] = lambda: None,
    reporter: Reporter | None = None,
    workshop: Workshop | None = None,
) -> Generator[Event, None, Run]:
    """Train `job`, yielding a `RunOpened` and then the events of the training, each when it is recorded.

    The data is loaded before a directory is made, so a run without data leaves nothing behind. `stop` is asked after
    every event whether the user wants the run to end, which it does after a checkpoint. Plots are drawn however the run
    ends. A process that executes several jobs gives each the same `workshop`, so that they share what takes long to
    make; the results are the same without.

    Raises:
        CaseError: an activation of the user's own cannot be used.
        DataError: the dataset cannot be had.
        RunError: the run directory cannot be written, or the run cannot be resumed.
        DivergedError: the loss or a gradient became NaN or infinite.
        OutOfMemoryError: the case needs more memory than there is.
        InterruptedByUser: what `stop` returned.
    """
    case, reporter, workshop = job.case, reporter or SilentReporter(), workshop or Workshop()
    trained = case
    if job.resume is not None:
        resumable(job.resume)  # a run that is not is refused before anything is loaded
        trained = case.model_copy(update={"shares": case.shares or read_manifest(job.resume).shares})
    dataset = workshop.dataset(job, reporter)
    # TensorFlow takes seconds to import: only now is it sure to be needed.
    from celu_cli.engine.training.train import Checkpoints, train

    programs = workshop.programs()
    # An activation of the user's own that cannot be used must leave no run behind.
    programs.of(trained, dataset)
    if job.resume is None:
        recorder = RunRecorder.open(job.logs, case, job.overrides, dataset_source=dataset.source)
    else:
        recorder = RunRecorder.reopen(job.resume, case, job.overrides)
        for line in _resumption(recorder):
            reporter.message(line)
    reporter.message(f"Run directory: {recorder.path}")
    clock = _Clock(job.checkpoint_seconds)
    try:
        with recorder:
            board = [TensorBoardWriter(recorder.run)] if job.layer_detail else []
            listeners: Sequence[Observer] = (recorder, clock, *board)
            training = train(
                trained,
                dataset,
                checkpoints=Checkpoints(lambda: stop() is not None or clock.is_due(), job.checkpoint_steps),
                resume=recorder.found.checkpoint,
                epochs_recorded=len(recorder.run.metrics),
                layer_detail=job.layer_detail,
                programs=programs,
            )
            for event in chain([RunOpened(recorder.path, recorder.run.metrics)], training):
                for listener in listeners:
                    listener(event)
                yield event
                request = stop()
                # After steps the checkpoint is still to come; a training that has ended is complete.
                if request is not None and not isinstance(event, StepsDone | TrainingEnded):
                    raise request
    finally:
        if job.plots:
            _draw_plots(recorder.run, reporter)
    return recorder.run


class Workshop:
    """What a process keeps from one job for the next: the last dataset and the last compiled programs."""

    def __init__(self) -> None:
        self._dataset: tuple[object, Dataset] | None = None
        self._programs: Programs | None = None

    def dataset(self, job: Job, reporter: Reporter) -> Dataset:
        """The dataset of `job`.

        Raises:
            DataError: it is not available.
        """
        wanted = job.case.dataset
        if self._dataset is None or self._dataset[0] != (wanted, job.data_directory):
            self._dataset = None  # before the next is loaded: both together may not fit into memory
            loaded = load_dataset(
                wanted.name,
                sample=wanted.sample,
                hold_out=wanted.hold_out,
                data_directory=job.data_directory,
                reporter=reporter,
            )
            self._dataset = (wanted, job.data_directory), loaded
            self._programs = None
        return self._dataset[1]

    def programs(self) -> Programs:
        """The programs compiled for this dataset; imports TensorFlow."""
        from celu_cli.engine.training.programs import Programs

        self._programs = self._programs or Programs()
        return self._programs


class _Clock:
    """Knows when the last checkpoint is `seconds` old."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrainingStarted | CheckpointReached):
            self._last = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds


def _resumption(recorder: RunRecorder) -> Iterator[str]:
    """Where a run is resumed, and what differs from the processes before."""
    for problem in recorder.found.problems:
        yield f"{problem}; the checkpoint before it is used instead"
    checkpoint = recorder.found.checkpoint
    if checkpoint is None:
        yield "The run has no checkpoint yet: it starts again from its first step"
    else:
        epoch = f"epoch {checkpoint.epoch} of {recorder.run.case.epochs}"
        yield f"Resuming after step {checkpoint.step} of {checkpoint.steps} in {epoch}"
    manifest = recorder.run.manifest
    changes = manifest.machine_changes()
    for change in changes:
        yield f"Changed {change}; the last digits may differ from an uninterrupted run's"
    if manifest.shares is None:
        yield "An older celu began the run: from here on a batch is cut into shares, so the last digits may differ"
    elif changes:
        yield f"A batch is still cut into {counted(manifest.shares, 'share')}"


def _draw_plots(run: Run, reporter: Reporter) -> None:
    """Draw what can be drawn: plots can be made again, so they must not cost the run its status."""
    try:
        draw_run(run, run.path / "plots")
    except (CeluError, OSError) as error:
        reporter.message(f"The plots could not be drawn: {error}")
