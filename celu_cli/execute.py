"""The one function that trains: `celu run` and whatever else needs a run call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from celu_cli.analysis.plots import draw_run_plots
from celu_cli.case.schema import Case
from celu_cli.datasets import Reporter, load_dataset
from celu_cli.errors import InterruptedByUser
from celu_cli.runs.events import Observer
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
    claimed: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Train `case` into a new run directory under `logs` and return that directory.

    The data is loaded before the directory is claimed, so a run without data leaves nothing behind. `claimed` hears
    the directory before training starts. After every event `stop` is asked whether a person wants the run to end.
    The plots are drawn in any case in which an epoch was finished.

    Raises:
        DataError: the dataset cannot be had.
        RunError: the run directory cannot be written.
        DivergedError: the loss became NaN or infinite.
        InterruptedByUser: what `stop` returned.
    """
    dataset = load_dataset(
        case.dataset.name,
        sample=case.dataset.sample,
        hold_out=case.dataset.hold_out,
        data_directory=data_directory,
        reporter=reporter,
    )
    from celu_cli.engine.trainer import train  # TensorFlow takes seconds to import: only now is it sure to be needed

    recorder = RunRecorder.open(logs, case, overrides, dataset_source=dataset.source)
    claimed(recorder.path)
    with ExitStack() as stack:
        stack.callback(draw_run_plots, recorder.path)
        stack.enter_context(recorder)
        for event in train(case, dataset):
            for observer in (recorder, *observers):
                observer(event)
            request = stop()
            if request is not None:
                raise request
    return recorder.path
