"""Groups of runs in one picture: mean and band over seeds, by epoch and by training time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, cast

from celu_cli.analysis.compare.bands import Band, Measure, band_of, time_unit, value_of
from celu_cli.analysis.compare.groups import Group
from celu_cli.analysis.plots.style import GREY, TITLE, count_epochs, look_of, save_figure
from celu_cli.case.describe import describe_dataset
from celu_cli.runs.published import PublishedCurve, read_published

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_TEST: dict[str, Any] = {"linewidth": 2.0, "markersize": 5}
_TRAIN: dict[str, Any] = {
    "linewidth": 1.2,
    "linestyle": (0, (5, 2)),
    "markersize": 3,
    "markerfacecolor": "white",
    "label": "_train",
}
_PUBLISHED: dict[str, Any] = {"linewidth": 1.0, "linestyle": (0, (1, 1))}
_LEGEND: dict[str, Any] = {
    "loc": "center left",
    "bbox_to_anchor": (1.01, 0.5),
    "frameon": False,
    "fontsize": 9,
    "handlelength": 3,
}
_MARKERS = 8  # a line
_LABEL_WIDTH = 44


def draw_overlays(
    groups: Sequence[Group], path: Path, file_format: str, measure: Measure = "accuracy"
) -> Iterator[Path]:
    """Draw accuracy or loss over epochs into `path`, and over training time beside it, and yield what is written.

    A group of which no run counts is drawn from the runs it has, and says so.

    Raises:
        RunError: a file cannot be written, or a published curve cannot be read.
    """
    lines = [line for group in groups if (line := _line(group, measure))]
    for over_time, target in ((False, path), (True, path.with_stem(f"{path.stem}-time"))):
        save_figure(partial(overlay_figure, lines, over_time, measure), target, file_format)
        yield target


@dataclass(frozen=True)
class Line:
    """A group as it is drawn."""

    label: str
    dataset: str
    test: Band
    train: Band
    published: PublishedCurve | None

    @property
    def end(self) -> float:
        """The last test value, by which the legend is ordered."""
        last = self.test.mean[-1]
        return last if isfinite(last) else -inf


def _line(group: Group, measure: Measure) -> Line | None:
    runs = [run for run in group.counted or group.runs if run.metrics]
    if not runs or not (test := band_of(runs, "test", measure)).epochs:
        return None
    state = "" if group.counted else f", {runs[-1].status}"
    return Line(
        f"{group.label}{state}",
        describe_dataset(group.case),
        test,
        band_of(runs, "train", measure),
        read_published(group.case),
    )


def overlay_figure(lines: Sequence[Line], over_time: bool, measure: Measure = "accuracy") -> Figure:
    """Test values solid, train values dashed, published ones thin and dotted; the legend as the lines end."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(9.0, 5.6), layout=ConstrainedLayoutEngine())
    axes = figure.add_subplot()
    datasets = {line.dataset for line in lines}
    of = f" on {datasets.pop()}" if len(datasets) == 1 else ""
    title = f"{measure.capitalize()}{of} over {'training time' if over_time else 'epochs'}"
    figure.suptitle(title, x=0.01, ha="left", **TITLE)
    unit, seconds = time_unit(max((line.test.seconds[-1] for line in lines), default=0.0))
    at = (lambda band: [each / seconds for each in band.seconds]) if over_time else (lambda band: band.epochs)
    for number, line in enumerate(lines):
        _draw_line(axes, line, number, at)
    if over_time:
        axes.set_xlabel(f"training time in {unit}")
    else:
        _draw_published(axes, lines, measure)
        count_epochs(axes)
    axes.set_ylabel(measure)
    if lines:
        axes.legend(*_legend(axes, lines), **_LEGEND)
    figure.supxlabel(_caption(lines, over_time), x=0.01, ha="left", fontsize=8.5, color=GREY)
    return figure


def _draw_line(axes: Axes, line: Line, number: int, at: Callable[[Band], Sequence[float]]) -> None:
    colour, marker = look_of(number)
    every = max(1, len(line.test.epochs) // _MARKERS)
    for band, look in ((line.test, _TEST | {"label": line.label}), (line.train, _TRAIN)):
        axes.plot(at(band), band.mean, color=colour, marker=marker, markevery=every, **look)
        if band.n > 1:
            axes.fill_between(at(band), band.low, band.high, color=colour, alpha=0.18, linewidth=0)


def _draw_published(axes: Axes, lines: Sequence[Line], measure: Measure) -> None:
    """Each published curve once, in the colour of the first group that names it."""
    last = max((line.test.epochs[-1] for line in lines), default=0)
    drawn: set[str] = set()
    for number, line in enumerate(lines):
        shown = [epoch for epoch in line.published.epochs if epoch.epoch <= last] if line.published else []
        if not shown or not line.published or line.published.name in drawn:
            continue
        drawn.add(line.published.name)
        values = [value_of(epoch, "test", measure) for epoch in shown]
        label = f"{line.published.name} published {values[-1]:.4f}"
        colour, _ = look_of(number)
        axes.plot([epoch.epoch for epoch in shown], values, label=label, color=colour, **_PUBLISHED)


def _legend(axes: Axes, lines: Sequence[Line]) -> tuple[list[Any], list[str]]:
    """Handles and labels from the highest end to the lowest."""
    by_label = {line.label: line for line in lines}
    entries: list[tuple[float, Any, str]] = []
    for handle, label in cast(Iterator[tuple[Any, str]], zip(*axes.get_legend_handles_labels(), strict=True)):
        line = by_label.get(label)
        text = f"{fill(label, _LABEL_WIDTH)}  {line.test.mean[-1]:.4f}, n = {line.test.n}" if line else label
        end = line.end if line else float(handle.get_ydata()[-1])
        entries.append((end, handle, text))
    entries.sort(key=lambda entry: -entry[0])
    return [handle for _, handle, _ in entries], [text for *_, text in entries]


def _caption(lines: Sequence[Line], over_time: bool) -> str:
    parts = ["solid: test", "dashed: train, while training"]
    if any(line.published for line in lines) and not over_time:
        parts.append("dotted: published test")
    if any(line.test.n > 1 for line in lines):
        parts.append("band: mean ± one sample standard deviation over n seeds")
    if over_time:
        parts.append("time: mean over seeds, evaluation included")
    return "; ".join(parts)
