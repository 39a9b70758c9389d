"""The one function that trains: `celu run` and whatever else needs a run call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from celu_cli.analysis.plots import draw_run_plots
from celu_cli.case.schema import Case
from celu_cli.datasets import Reporter, load_dataset
from celu_cli.errors import CeluError, InterruptedByUser
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
    The plots are drawn however the run ends.

    Raises:
        CaseError: an activation of the user's own cannot be used.
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
    # TensorFlow takes seconds to import: only now is it sure to be needed.
    from celu_cli.engine.trainer import network_of, train

    network_of(case)  # an activation of the user's own that cannot be used must leave no run behind
    recorder = RunRecorder.open(logs, case, overrides, dataset_source=dataset.source)
    claimed(recorder.path)
    watching: tuple[Observer, ...] = (recorder, *observers)
    try:
        with recorder:
            for event in train(case, dataset):
                for observer in watching:
                    observer(event)
                request = stop()
                if request is not None:
                    raise request
    finally:
        _draw_plots(recorder.path, reporter)
    return recorder.path


def _draw_plots(path: Path, reporter: Reporter | None) -> None:
    """Draw what can be drawn: plots can be made again, so they must not cost the run its status."""
    try:
        draw_run_plots(path)
    except (CeluError, OSError) as error:
        if reporter is not None:
            reporter.message(f"The plots could not be drawn: {error}")
