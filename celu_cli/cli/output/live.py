"""What `celu run` shows on stderr while it trains."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from typing_extensions import Self

from celu_cli.case.describe import describe_case
from celu_cli.case.schema import Case
from celu_cli.cli.output.display import Display
from celu_cli.cli.output.progress import TrainingProgress
from celu_cli.events import EpochDone, EpochMetrics, Event, TrainingStarted
from celu_cli.runs.published import PublishedCurve
from celu_cli.text import counted, duration, four_decimals

_ROWS = 10
_LINES_BESIDE_THE_ROWS = 8
_NARROW, _MIDDLE, _WIDE = 50, 70, 95


class LiveDisplay(Display):
    """Bars and a table where the terminal can show them, otherwise one line an epoch.

    Use it as a context manager around the training and call it with every event.
    """

    def __init__(self, case: Case, published: PublishedCurve | None, console: Console | None = None) -> None:
        super().__init__(console, frames_a_second=2)
        self._headline = f"{case.name}: {describe_case(case)}"
        self._published = published
        self._progress = TrainingProgress(case.epochs)
        self._note = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return super().__enter__()

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()
        super().__exit__(*raised)

    def __call__(self, event: Event) -> None:
        """Show what `event` says."""
        self._progress.apply(event)
        if self._live is not None:
            return  # the next frame shows it
        if isinstance(event, TrainingStarted):
            self._say(
                f"{self._headline}; {counted(event.epochs, 'epoch')} of "
                f"{counted(event.steps_per_epoch, 'step')}, "
                f"{event.train_images:,} train and {event.test_images:,} test images"
            )
        elif isinstance(event, EpochDone):
            self._say(self._epoch_line(event.metrics))

    def __rich__(self) -> RenderableType:
        """The frame that shows the training as it stands now."""
        parts: list[RenderableType] = [_line(self._headline, style="bold")]
        if self._progress.finished:
            parts.append(self._epoch_table())
        if not self._progress.ended:
            parts.append(self._bars())
        return Group(*parts, *map(_line, self._figures()))

    def stopping(self, signal_name: str) -> None:
        """Say that `signal_name` was heard; may be called from another thread."""
        self._note = f"{signal_name}: stopping after this step; a second signal quits at once"
        if self._live is None:
            self._say(self._note)
        else:
            self._live.refresh()

    def _epoch_line(self, metrics: EpochMetrics) -> str:
        parts = [
            f"epoch {metrics.epoch}/{self._progress.epochs}",
            f"train loss {four_decimals(metrics.train_loss)} accuracy {metrics.train_accuracy:.4f}",
            f"test loss {four_decimals(metrics.test_loss)} accuracy {metrics.test_accuracy:.4f}",
        ]
        published = self._published.at(metrics.epoch) if self._published else None
        if published is not None:
            points = 100 * (metrics.test_accuracy - published.test_accuracy)
            parts.append(f"published {published.test_accuracy:.4f} ({points:+.2f} points)")
        parts.append(f"{metrics.images_per_second:,.0f} images/s")
        parts.append(duration(metrics.seconds))
        if self._progress.remaining:
            parts.append(f"{duration(self._progress.remaining)} left")
        return "; ".join(parts)

    def _epoch_table(self) -> Table:
        losses = self._console.width >= _WIDE
        accuracy = " accuracy" if self._console.width >= _MIDDLE else ""
        headings = ["epoch", *(["train loss", "test loss"] if losses else [])]
        headings += [f"train{accuracy}", f"test{accuracy}"]
        headings += ["published", "points"] if self._shows_published else []
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for heading in [*headings, "time"]:
            table.add_column(heading, justify="right", no_wrap=True)
        rows = max(1, min(_ROWS, self._console.height - _LINES_BESIDE_THE_ROWS))
        for metrics in self._progress.finished[-rows:]:
            cells: list[RenderableType] = [str(metrics.epoch)]
            cells += (
                [f"{four_decimals(metrics.train_loss)}", f"{four_decimals(metrics.test_loss)}"]
                if losses
                else []
            )
            cells += [f"{metrics.train_accuracy:.4f}", f"{metrics.test_accuracy:.4f}"]
            table.add_row(*cells, *self._published_cells(metrics), duration(metrics.seconds))
        return table

    @property
    def _shows_published(self) -> bool:
        return self._published is not None and self._console.width >= _NARROW

    def _published_cells(self, metrics: EpochMetrics) -> list[RenderableType]:
        if self._published is None or not self._shows_published:
            return []
        published = self._published.at(metrics.epoch)
        if published is None:
            return ["", ""]
        points = 100 * (metrics.test_accuracy - published.test_accuracy)
        style = "green" if points >= 0 else "yellow"
        return [Text(f"{published.test_accuracy:.4f}", style="dim"), Text(f"{points:+.2f}", style=style)]

    def _bars(self) -> Table:
        progress = self._progress
        steps = progress.started.steps_per_epoch if progress.started else None
        step = progress.steps.step if progress.steps else 0
        epoch = min(progress.epochs_done + 1, progress.epochs)
        epochs_done = progress.epochs_done + progress.epoch_fraction
        total = f" of {progress.started.test_images:,}" if progress.started else ""
        state = f"{step} of {steps}" if steps else "preparing"
        if progress.evaluating:
            state = f"tested {progress.tested:,}{total}"
        width = max(10, min(40, self._console.width - 30))
        table = Table.grid(padding=(0, 1))
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_row(
            "epoch", ProgressBar(progress.epochs, epochs_done, width=width), f"{epoch} of {progress.epochs}"
        )
        table.add_row("step", ProgressBar(steps or 1, step, width=width), state)
        return table

    def _figures(self) -> list[str]:
        progress, steps = self._progress, self._progress.steps
        lines = [self._note] if self._note else []
        if steps is not None:
            speed = f"{steps.images_per_second:,.0f} images/s"
            lines.append(f"loss {four_decimals(steps.loss)}, accuracy {steps.accuracy:.4f}, {speed}")
        time = f"{duration(progress.elapsed)} elapsed"
        if progress.remaining and not progress.ended:
            time += f", about {duration(progress.remaining)} left"
        lines.append(time)
        best = progress.finished.best()
        if best is not None:
            lines.append(f"best test accuracy {best.test_accuracy:.4f} in epoch {best.epoch}")
        return lines


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
