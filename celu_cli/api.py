"""celu in Python: what `celu_cli` exports, made of the functions that the command line calls."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from celu_cli.analysis.compare.metric import Metric
from celu_cli.case.load import load_case as _load_case
from celu_cli.case.schema import Case as Case
from celu_cli.check.verdict import Verdict as Verdict
from celu_cli.errors import CeluError as CeluError
from celu_cli.errors import InterruptedByUser, UsageError
from celu_cli.events import Event
from celu_cli.runs.run import Run as Run
from celu_cli.trained.export import ModelFormat
from celu_cli.trained.predict import Prediction as Prediction

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from celu_cli.execute import Job, Workshop

Place = str | PathLike[str]


def load_case(reference: Place, *overrides: str) -> Case:
    """A case by its name or the path of its YAML file, changed as on the command line.

    `load_case("case-c", "alpha=1", "optimizer.learning_rate=1e-3")`. A `Case` is a frozen value; its fields are the
    keys of docs/cases.md.

    Raises:
        CaseError: there is no such case, or it or an override is not valid; the text has file, line and column.
    """
    return _load_case(str(reference), overrides)


class Training:
    """A training that has not begun; `train` makes it.

    Iterate over it for its events (the classes of `celu_cli.events`), or call `finish`. The run directory is written
    as by `celu run`. Leaving the loop early ends the run as interrupted, with the checkpoint of the last epoch; `stop`
    ends it after a checkpoint of its own.
    """

    def __init__(self, job: Job) -> None:
        self.run: Run | None = None
        """The run, once it has ended."""
        self._job = job
        self._stopping = False

    def __iter__(self) -> Iterator[Event]:
        """Train, and yield what happens.

        Raises:
            CaseError: an activation of your own cannot be used.
            DataError: the dataset cannot be had.
            RunError: the run directory cannot be written, or the run cannot be resumed.
            DivergedError: the loss or a gradient became NaN or infinite.
            OutOfMemoryError: the case needs more memory than there is.
        """
        from celu_cli.execute import training_events
        from celu_cli.runs.run import read_run

        path: Path | None = None
        try:
            events = training_events(self._job, self._request, workshop=_workshop())
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    self.run = end.value
                    return
                path = getattr(event, "path", path)
                yield event
        except InterruptedByUser:
            if not self._stopping or path is None:
                raise
            self.run = read_run(path)

    def finish(self, show: bool = True) -> Run:
        """Train to the end and return the run, with a live display in the notebook or terminal if `show`.

        Raises:
            CeluError: as iterating does.
        """
        for _ in self._shown() if show else self:
            pass
        assert self.run is not None
        return self.run

    def stop(self) -> None:
        """Have the training end after its next step, with a checkpoint."""
        self._stopping = True

    def _request(self) -> InterruptedByUser | None:
        return InterruptedByUser("stopped by the user") if self._stopping else None

    def _shown(self) -> Iterator[Event]:
        from celu_cli.cli.output.live import LiveDisplay
        from celu_cli.cli.output.notebook import NotebookDisplay, in_notebook
        from celu_cli.runs.published import read_published

        kind = NotebookDisplay if in_notebook() else LiveDisplay
        with kind(self._job.case, read_published(self._job.case)) as display:
            for event in self:
                display(event)
                yield event


@cache
def _workshop() -> Workshop:
    """One for the process, so that runs that differ in seed, rates and schedules only are compiled once."""
    from celu_cli.execute import Workshop

    return Workshop()


def train(
    case: Case,
    *,
    logs: Place = "logs",
    resume: Place | None = None,
    data_directory: Place | None = None,
    checkpoint_seconds: float = 300.0,
    plots: bool = True,
) -> Training:
    """The training of `case`, to be iterated over or finished.

    A new run directory is made under `logs`, or the run in the directory `resume` goes on. `data_directory` is where
    the dataset's files are. A checkpoint is written every `checkpoint_seconds` and after each epoch. With `plots` they
    are drawn at the end.
    """
    from celu_cli.execute import Job

    return Training(
        Job(
            case,
            Path(logs),
            data_directory=None if data_directory is None else Path(data_directory),
            resume=None if resume is None else Path(resume),
            checkpoint_seconds=checkpoint_seconds,
            plots=plots,
        )
    )


def read_runs(*names: str, logs: Place = "logs") -> list[Run]:
    """The runs in `logs`, oldest first: all of them, or those that `names` mean (a case, a run, a directory).

    A `Run` has its `path`, `case`, `manifest`, `status` and `metrics`, the epochs in order. A run that cannot be read
    is left out.

    Raises:
        RunError: there is no such run.
    """
    from celu_cli.runs.directory import find_runs

    return list(find_runs(Path(logs), names).runs)


def epochs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """A DataFrame with a row for every epoch of every run, and the columns of `celu export --to csv`.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError("a DataFrame needs pandas; install it with: pip install pandas") from error
    from celu_cli.analysis.compare.epoch_columns import epochs_csv

    return pandas.read_csv(io.StringIO(epochs_csv(runs)))


def compare(
    runs: Sequence[Run],
    baseline: str | None = None,
    metric: Metric = "test-accuracy",
    at_epoch: int | None = None,
) -> list[dict[str, Any]]:
    """Groups of runs that differ only in their seed, each a mapping with the columns of `celu compare --format json`.

    With `baseline`, the name of a group, the others have `difference`, its interval from `low` to `high`, `p`,
    `p_corrected` and a `sentence`. Accuracies are shares, differences percentage points.

    Raises:
        UsageError: there is no such metric, or no such group.
        RunError: no run has that epoch.
    """
    from celu_cli.analysis.compare.group_columns import compare_groups
    from celu_cli.analysis.compare.groups import Choice, check_epoch, find_group, group_runs, until

    if metric not in get_args(Metric):
        raise UsageError(f"there is no metric {metric!r}; accepted: {', '.join(get_args(Metric))}")
    check_epoch(at_epoch, runs)
    choice = Choice(metric, at_epoch)
    groups = group_runs([until(run, at_epoch) for run in runs], choice)
    return compare_groups(groups, choice, find_group(groups, baseline) if baseline else None).plain


def check_gradients(case: Case) -> Verdict:
    """Prove the gradients of `case`, layer by layer, as `celu check` does.

    The verdict's `kind` is right, biased (as the case declares) or wrong; its `findings` are the sentences.
    """
    from celu_cli.check.verdict import judge
    from celu_cli.engine.check.gradients import check_on_sample

    return judge(check_on_sample(case))


@dataclass(frozen=True)
class ActivationFunctions:
    """`value` and `derivative`, each of float64 arrays of any shape, as the engine computes them."""

    value: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    derivative: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def activation(name: str, alpha: float | None = None) -> ActivationFunctions:
    """An activation by name, or ``FILE.py:NAME`` for one of your own; `alpha` is its default where None.

    Raises:
        UsageError: there is no such activation, or it does not take this alpha.
    """
    from celu_cli.case.activations import alpha_problem, known_alpha_rule, with_whole_path
    from celu_cli.engine.user_activations import float64_functions

    rule = known_alpha_rule(name)
    if alpha is not None and (problem := alpha_problem(name, alpha)):
        raise UsageError(f"alpha: {problem}")
    given = alpha if alpha is not None else rule.default if rule else 1.0
    return ActivationFunctions(*float64_functions(with_whole_path(name, Path()), given))


def predict(run: Run, *images: Place, ink: bool = False) -> list[Prediction]:
    """What the network that `run` trained takes pictures for, as `celu predict` does; a folder means the images in it.

    Raises:
        RunError: the run has no checkpoint.
        DataError: an image cannot be read.
    """
    from celu_cli.errors import DataError
    from celu_cli.trained.images import image_files
    from celu_cli.trained.network import trained_network
    from celu_cli.trained.predict import predict as classify

    files = [file for path in images for file in image_files(Path(path))]
    predictions = classify(trained_network(run), files, ink=ink)
    if predictions.problems:
        raise DataError("\n".join(predictions.problems))
    return list(predictions.found)


def export(run: Run, file_format: ModelFormat, path: Place) -> None:
    """Write the network that `run` trained as ``keras``, ``savedmodel``, ``onnx`` or ``npz``, as `celu export` does.

    Raises:
        UsageError: the path does not fit the format, a package is missing, or the activation is your own.
        RunError: the run has no checkpoint, or the file cannot be written.
    """
    from celu_cli.trained.export import export_network
    from celu_cli.trained.network import trained_network

    export_network(trained_network(run), file_format, Path(path))
