"""`celu run`: train a case and watch it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from celu_cli.cli.options import DEFAULT_LOGS, CaseReference, DataDirectory, Logs, Overrides
from celu_cli.errors import InterruptedByUser, RunError
from celu_cli.events import RunOpened
from celu_cli.text import celu_command

if TYPE_CHECKING:
    from celu_cli.case.schema import Case
    from celu_cli.cli.output.live import LiveDisplay
    from celu_cli.cli.signals import StopRequest
    from celu_cli.events import Event, LayerDetail
    from celu_cli.execute import Job
    from celu_cli.runs.run import Run


def run(
    case: CaseReference,
    overrides: Overrides = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Train on the embedded sample; needs no network.")
    ] = False,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Short for epochs=N.")] = None,
    fidelity: Annotated[
        int | None,
        typer.Option(
            "--fidelity", help="Short for fidelity.every=N: compare with the exact gradient every N steps."
        ),
    ] = None,
    logs: Logs = DEFAULT_LOGS,
    data_directory: DataDirectory = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Resume a run that stopped. CASE is then a run directory, or a case, whose unfinished run with these "
            "values is resumed. epochs may be raised.",
        ),
    ] = False,
    resume_or_begin: Annotated[
        bool,
        typer.Option(
            "--resume-or-begin",
            help="Resume the unfinished run of exactly this case and these values, or begin one: for a job that may "
            "be started again.",
        ),
    ] = False,
    checkpoint_minutes: Annotated[
        float,
        typer.Option(
            "--checkpoint-minutes",
            min=0.0,
            help="Minutes between checkpoints within an epoch: the most work that a crash can cost.",
        ),
    ] = 5.0,
    checkpoint_steps: Annotated[
        int | None,
        typer.Option("--checkpoint-steps", min=1, help="Also write a checkpoint every N steps."),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard",
            help="Also write event files for TensorBoard. A resumed run that has them continues them anyway.",
        ),
    ] = False,
    tensorboard_histograms: Annotated[
        bool,
        typer.Option(
            "--tensorboard-histograms",
            help="The same, with histograms of each layer's activations and gradients, on one batch after each epoch.",
        ),
    ] = False,
) -> None:
    """Train a case with live progress; write its log, metrics and plots to a run directory."""
    from celu_cli.case.load import load_case
    from celu_cli.execute import Job

    changes = (*(overrides or ()), *_short_overrides(sample, epochs, fidelity))
    unfinished, loaded = (
        _resumed(case, logs, changes, or_begin=resume_or_begin)
        if resume or resume_or_begin
        else (None, load_case(case, changes))
    )
    job = Job(
        loaded,
        logs,
        changes,
        data_directory,
        resume=unfinished,
        checkpoint_seconds=60.0 * checkpoint_minutes,
        checkpoint_steps=checkpoint_steps,
        layer_detail=_layer_detail(tensorboard, tensorboard_histograms, unfinished),
    )
    _report(_train(job))


def _resumed(case: str, logs: Path, changes: tuple[str, ...], *, or_begin: bool) -> tuple[Path | None, Case]:
    """The run that is resumed, None where a new one is to begin, and the case to train."""
    from celu_cli.case.load import load_case
    from celu_cli.runs.resume import NothingToResumeError, find_run_to_resume

    try:
        run, loaded = find_run_to_resume(case, logs, changes, exactly=or_begin)
    except NothingToResumeError as error:
        if not or_begin:
            raise
        typer.echo(f"{error}\nA new run begins", err=True)
        return None, load_case(case, changes)
    return run.path, loaded


class _Attendance(ExitStack):
    """The observer that shows a run and hears signals from the moment it has its directory.

    Until then, while data may still have to be fetched, Ctrl-C ends the command as any other.
    """

    def __init__(self, job: Job, display: LiveDisplay, stop: StopRequest) -> None:
        super().__init__()
        self._job, self._display, self._stop = job, display, stop
        self.path: Path | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunOpened):
            self.path = event.path
            self._stop.parting = (
                f"What the last checkpoint has is kept; {_how_to_resume(event.path, self._job)}"
            )
            self.enter_context(self._stop)
            self.enter_context(self._display)
        self._display(event)


def _train(job: Job) -> Run:
    from celu_cli.cli.output.live import LiveDisplay
    from celu_cli.cli.output.reporter import RichReporter
    from celu_cli.cli.signals import StopRequest
    from celu_cli.execute import execute
    from celu_cli.runs.published import read_published

    display = LiveDisplay(job.case, read_published(job.case))
    stop = StopRequest(display.stopping)
    with _Attendance(job, display, stop) as attendance:
        try:
            return execute(job, [attendance], stop, RichReporter())
        except (InterruptedByUser, RunError) as error:
            if attendance.path is not None and attendance.path.is_dir():
                error.args = (f"{error}\nWhat was trained is kept; {_how_to_resume(attendance.path, job)}",)
            raise


def _layer_detail(tensorboard: bool, histograms: bool, unfinished: Path | None) -> LayerDetail | None:
    """What the event files hold of the layers, as asked now or when the run began; None without event files."""
    from celu_cli.runs.tensorboard.event_files import require_tensorboard
    from celu_cli.runs.tensorboard.writer import recorded_detail

    if histograms or tensorboard:
        require_tensorboard("--tensorboard")
    asked: LayerDetail | None = "histograms" if histograms else "norms" if tensorboard else None
    if unfinished is None or asked == "histograms":
        return asked
    return recorded_detail(unfinished) or asked


def _how_to_resume(path: Path, job: Job) -> str:
    command = ["run", "--resume", str(path)]
    if job.layer_detail == "histograms":  # event files without an epoch do not say that they were asked for
        command.append("--tensorboard-histograms")
    if job.data_directory is not None:
        command += ["--data-dir", str(job.data_directory)]
    return f"resume it with: {celu_command(*command)}"


def _short_overrides(sample: bool, epochs: int | None, fidelity: int | None) -> list[str]:
    """What the flags mean in the language of overrides; they come last and win."""
    from celu_cli.case.reading.overrides import FlagOverride

    flags = {"--sample": "dataset.sample=true"} if sample else {}
    if epochs is not None:
        flags[f"--epochs {epochs}"] = f"epochs={epochs}"
    if fidelity is not None:
        flags[f"--fidelity {fidelity}"] = f"fidelity.every={fidelity}"
    return [FlagOverride.of(flag, override) for flag, override in flags.items()]


def _report(run: Run) -> None:
    """Say on stdout how the run ended and where its files are."""
    last, best = run.metrics.last, run.metrics.best()
    assert last is not None
    assert best is not None
    typer.echo(f"train accuracy  {last.train_accuracy:.4f}")
    typer.echo(
        f"test accuracy   {last.test_accuracy:.4f}  (best {best.test_accuracy:.4f} in epoch {best.epoch})"
    )
    if run.guesses:
        typer.echo("                which is no better than guessing")
    for label, name in (("log", "train.log"), ("metrics", "metrics.jsonl"), ("plots", "plots")):
        typer.echo(f"{label:<15} {run.path / name}")
