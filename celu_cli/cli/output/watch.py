"""One frame of `celu watch`: a line a run, as many as the terminal has room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from celu_cli.cli.output.tables import Column, fit, table_lines
from celu_cli.errors import RunError
from celu_cli.runs.published import read_published
from celu_cli.runs.run import Run
from celu_cli.runs.watch import View
from celu_cli.text import duration, printable

_STYLES = {
    "running": "cyan",
    "suspended": "bold yellow",
    "completed": "green",
    "interrupted": "yellow",
    "failed": "bold red",
    "crashed": "bold red",
}
_LINES_BESIDE_THE_RUNS = 4


@dataclass(frozen=True)
class Frame:
    """What rich draws: the view, as high and wide as the terminal is at that moment."""

    view: View
    place: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in frame_lines(self.view, self.place, options.max_width, console.height):
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line


def frame_lines(view: View, place: str, width: int, height: int | None = None) -> list[Text]:
    """The table of runs with notes below it; `height` bounds the number of lines, if given."""
    most = max(1, height - _LINES_BESIDE_THE_RUNS) if height else len(view.runs)
    runs = _chosen(view.runs, most)
    errors = [(run.name, run.manifest.error) for run in runs if run.status == "failed"]
    notes = [Text(f"{name}: {printable(why.splitlines()[0])}", style="red") for name, why in errors if why]
    guessing = [run.name for run in runs if run.status == "completed" and run.guesses]
    notes += [Text(f"{name}: no better than guessing", style="yellow") for name in guessing]
    if height:
        notes = notes[: max(0, most - len(runs))]
    hidden = len(view.runs) - len(runs)
    more = [Text(f"and {hidden} more; a higher terminal shows them", style="dim")] if hidden else []
    table = _table(runs, view.now, width) if runs else []
    return [*table, *notes, *more, Text(_summary(view, place), style="dim" if runs else "")]


def _chosen(runs: Sequence[Run], most: int) -> list[Run]:
    """Where not all fit, those that run and then the newest; in the order of their starts."""
    first = sorted(
        runs, key=lambda run: (run.status not in ("running", "suspended"), -run.manifest.started.timestamp())
    )[:most]
    return [run for run in runs if run in first]


def _table(runs: Sequence[Run], now: datetime, width: int) -> list[Text]:
    lines = table_lines(fit(_columns(runs, now, width), width))
    for line, run in zip(lines[1:], runs, strict=True):
        line.stylize(_STYLES[run.status], len(line.plain) - len(run.status))
    return lines


def _columns(runs: Sequence[Run], now: datetime, width: int) -> list[Column]:
    lasts = [run.metrics.last for run in runs]
    bests = [run.metrics.best() for run in runs]
    best = [f"{epoch.test_accuracy:.4f} @{epoch.epoch}" if epoch else "" for epoch in bests]
    done = [f"{run.metrics.done}/{run.case.epochs}" for run in runs]
    left = [run.remaining_seconds(now) for run in runs]
    columns = [
        Column("case", [_shortened(run.case.name, max(10, width // 3)) for run in runs]),
        Column("seed", [str(run.case.seed) for run in runs], right=True, leaves=6),
        Column("started", [f"{run.manifest.started:%m-%d %H:%M:%S}" for run in runs], leaves=5),
        Column("epochs", done, right=True),
        Column(
            "train", [f"{last.train_accuracy:.4f}" if last else "" for last in lasts], right=True, leaves=2
        ),
        Column("test", [f"{last.test_accuracy:.4f}" if last else "" for last in lasts], right=True, leaves=8),
        Column("best", best, right=True, leaves=3),
        Column("published", list(map(_published, runs)), right=True, leaves=4),
        Column("elapsed", [duration(run.elapsed_seconds(now)) for run in runs], right=True, leaves=1),
        Column("left", ["" if each is None else duration(each) for each in left], right=True, leaves=7),
        Column("status", [run.status for run in runs]),
    ]
    twice = len({(run.case.name, run.case.seed) for run in runs}) < len(runs)
    return [column for column in columns if any(column.cells) and (twice or column.heading != "started")]


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _published(run: Run) -> str:
    """The published test accuracy; where the curve does not show this epoch, that of the last before it, and which.

    Nothing where there is no such epoch, or no curve that can be read.
    """
    try:
        curve = read_published(run.case)
    except RunError:
        return ""
    published = curve.until(run.metrics.done) if curve else None
    if published is None:
        return ""
    at = "" if published.epoch == run.metrics.done else f" @{published.epoch}"
    return f"{published.test_accuracy:.4f}{at}"


def _summary(view: View, place: str) -> str:
    """How many runs have which status; the directory comes late, where a narrow terminal may cut it."""
    counts = Counter(run.status for run in view.runs)
    parts = [f"{view.running} running" if view.running else "nothing is running"]
    parts += [f"{count} {status}" for status, count in counts.items() if status != "running"]
    if view.left_out:
        parts.append(f"{view.left_out} ended earlier (--all shows {'it' if view.left_out == 1 else 'them'})")
    if view.unreadable:
        parts.append(f"{view.unreadable} cannot be read")
    return f"{', '.join(parts)}; {place}; {view.now:%H:%M:%S} UTC"
