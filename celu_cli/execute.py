"""The one function that trains: `celu run` and whatever else needs a run call it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from celu_cli.analysis.plots.run_plots import draw_run_plots
from celu_cli.case.schema import Case
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.reporter import Reporter
from celu_cli.errors import CeluError, InterruptedByUser
from celu_cli.events import (
    CheckpointReached,
    EpochMetrics,
    Event,
    LayerDetail,
    Observer,
    StepsDone,
    TrainingEnded,
    TrainingStarted,
)
from celu_cli.runs.recorder import RunRecorder


def execute(
    case: Case,
    logs: Path,
    *,
    overrides: Sequence[str] = (),
    data_directory: Path | None = None,
    reporter: Reporter | None = None,
    observers: Sequence[Observer] = (),
    stop: Callable[[], InterruptedByUser | None] = lambda: None,
    claimed: Callable[[Path, Sequence[EpochMetrics]], None] = lambda _, __: None,
    resume: Path | None = None,
    checkpoint_seconds: float = 300.0,
    checkpoint_steps: int | None = None,
    layer_detail: LayerDetail | None = None,
) -> Path:
    """Train `case` into a new run directory under `logs`, or go on in `resume`, and return that directory.

    The data is loaded before the directory is claimed, so a run without data leaves nothing behind. `claimed` hears
    the directory and the epochs it has before training starts. A checkpoint is written at the end of each epoch's
    steps, every `checkpoint_seconds`, at every `checkpoint_steps`-th step of an epoch, and when `stop`, which is asked
    after every event, says that a person wants the run to end. With `layer_detail` the layers are measured after each
    epoch, for an observer to tell of. The plots are drawn however the run ends.

    Raises:
        CaseError: an activation of the user's own cannot be used.
        DataError: the dataset cannot be had.
        RunError: the run directory cannot be written, or `resume` cannot be taken up.
        DivergedError: the loss or a gradient became NaN or infinite.
        OutOfMemoryError: the case needs more memory than there is.
        InterruptedByUser: what `stop` returned.
    """
    dataset = load_dataset(
        case.dataset.name,
        sample=case.dataset.sample,
        hold_out=case.dataset.hold_out,
        data_directory=data_directory,
        reporter=reporter,
    )
    # TensorFlow takes seconds to import: only now is it sure to be needed.
    from celu_cli.engine.network import network_of
    from celu_cli.engine.training.train import Checkpoints, train

    network_of(case)  # an activation of the user's own that cannot be used must leave no run behind
    if resume is None:
        recorder = RunRecorder.open(logs, case, overrides, dataset_source=dataset.source)
    else:
        recorder = RunRecorder.reopen(resume, case, overrides)
        _tell_where(recorder, reporter)
    clock = _Clock(checkpoint_seconds)
    watching: tuple[Observer, ...] = (recorder, clock, *observers)
    try:
        with recorder:
            claimed(recorder.path, tuple(recorder.epochs))
            events = train(
                case,
                dataset,
                checkpoints=Checkpoints(lambda: stop() is not None or clock.is_due(), checkpoint_steps),
                resume=recorder.found.checkpoint,
                epochs_recorded=len(recorder.epochs),
                layer_detail=layer_detail,
            )
            for event in events:
                for observer in watching:
                    observer(event)
                request = stop()
                # After steps the checkpoint is still to come; a training that has ended is complete.
                if request is not None and not isinstance(event, StepsDone | TrainingEnded):
                    raise request
    finally:
        _draw_plots(recorder.path, reporter)
    return recorder.path


class _Clock:
    """Tells when the last checkpoint is `seconds` old."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrainingStarted | CheckpointReached):
            self._last = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds


def _tell_where(recorder: RunRecorder, reporter: Reporter | None) -> None:
    """Say where a resumed run goes on, and what is not as it was."""
    if reporter is None:
        return
    for problem in recorder.found.problems:
        reporter.message(f"{problem}; going on from the checkpoint before it")
    checkpoint = recorder.found.checkpoint
    if checkpoint is None:
        reporter.message("The run has no checkpoint yet: it begins again with its first step")
    else:
        step = f"step {checkpoint.step} of {checkpoint.steps} in epoch {checkpoint.epoch}"
        reporter.message(f"Resuming after {step}")
    for change in recorder.machine_changes():
        reporter.message(f"Now on another {change}; the last digits may differ from an uninterrupted run's")


def _draw_plots(path: Path, reporter: Reporter | None) -> None:
    """Draw what can be drawn: plots can be made again, so they must not cost the run its status."""
    try:
        draw_run_plots(path)
    except (CeluError, OSError) as error:
        if reporter is not None:
            reporter.message(f"The plots could not be drawn: {error}")
