"""One kind of chart: curves over epochs, each labelled with its name and last value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from celu_cli.analysis.plots.style import GREY, TITLE, count_epochs, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_MOST_EPOCHS_WITH_MARKERS = 20
_WIDTH = 9.0  # inches, as all lengths here
_LINE_HEIGHT = 0.18
_SUBTITLE_CHARACTERS = 120
_LEADER: dict[str, Any] = {
    "arrowstyle": "-",
    "linewidth": 0.6,
    "relpos": (0, 0.5),
    "shrinkA": 2,
    "shrinkB": 3,
}


@dataclass(frozen=True)
class Curve:
    """Points of one curve; `label` is written at its right end."""

    label: str
    epochs: Sequence[float]
    values: Sequence[float]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """What to draw. Without `y_limits` the axis fits the curves."""

    title: str
    subtitle: str
    y_label: str
    curves: Sequence[Curve]
    y_limits: tuple[float, float] | None = None


def save_chart(chart: Chart, path: Path, file_format: str) -> None:
    """Draw `chart` into the file `path`; the same chart gives the same bytes.

    Raises:
        RunError: the file cannot be written.
    """
    save_figure(lambda: chart_figure(chart), path, file_format)


def chart_figure(chart: Chart) -> Figure:
    """The curves, title and subtitle above, and beside each curve's end its label."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    subtitle = wrap(chart.subtitle, _SUBTITLE_CHARACTERS)
    header = 0.5 + _LINE_HEIGHT * len(subtitle)
    height = header + max(4.0, 1.0 + _LINE_HEIGHT * len(chart.curves))
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - header / height))
    figure = Figure(figsize=(_WIDTH, height), layout=layout)
    figure.text(0.15 / _WIDTH, 1 - 0.15 / height, chart.title, va="top", **TITLE)
    figure.text(0.15 / _WIDTH, 1 - 0.45 / height, "\n".join(subtitle), va="top", fontsize=9, color=GREY)
    axes = figure.add_subplot()
    axes.set_ylabel(chart.y_label)
    count_epochs(axes)
    for curve in chart.curves:
        _draw_curve(axes, curve)
    if chart.y_limits is not None:
        axes.set_ylim(*chart.y_limits)
    first = min((curve.epochs[0] for curve in chart.curves), default=1)
    last = max((curve.epochs[-1] for curve in chart.curves), default=1)
    margin = 0.5 if first == last else 0
    axes.set_xlim(first - margin, last + margin)
    _label_ends(axes, chart.curves, height - header)
    return figure


def _draw_curve(axes: Axes, curve: Curve) -> None:
    axes.plot(
        curve.epochs,
        curve.values,
        color=curve.colour,
        linewidth=1.2 if curve.dashed else 2,
        linestyle=(0, (4, 2)) if curve.dashed else "solid",
        marker="o" if len(curve.epochs) <= _MOST_EPOCHS_WITH_MARKERS else None,
        markersize=3.5,
        markerfacecolor="white" if curve.dashed else curve.colour,
        clip_on=False,
        zorder=2 if curve.dashed else 3,
    )


def _label_ends(axes: Axes, curves: Sequence[Curve], height: float) -> None:
    """Write each label to the right of its curve's end, moved up or down where two would touch."""
    labelled = [curve for curve in curves if any(map(isfinite, curve.values))]
    low, high = axes.get_ylim()
    ends = [next(value for value in reversed(curve.values) if isfinite(value)) for curve in labelled]
    places = _spread(ends, gap=(high - low) * _LINE_HEIGHT / (height - 0.6))
    for curve, end, place in zip(labelled, ends, places, strict=True):
        axes.annotate(
            curve.label,
            xy=(curve.epochs[-1], end),
            xytext=(1.03, (place - low) / (high - low)),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            color=_darker(curve.colour),
            fontweight="normal" if curve.dashed else "bold",
            annotation_clip=False,
            arrowprops=_LEADER | {"color": curve.colour},
        )


def _darker(colour: str) -> tuple[float, float, float]:
    """The colour for text: in the paler ones thin letters are hard to read."""
    from matplotlib.colors import to_rgb

    red, green, blue = (0.75 * part for part in to_rgb(colour))
    return red, green, blue


def _spread(values: Sequence[float], gap: float) -> list[float]:
    """Places near `values`, in the same order, no two nearer than `gap`."""
    groups: list[tuple[list[int], float]] = []
    for index in sorted(range(len(values)), key=values.__getitem__):
        members, centre = [index], values[index]
        # Labels that touch become one group, centred on the mean of what they name.
        while groups and centre - groups[-1][1] < gap * (len(members) + len(groups[-1][0])) / 2:
            members = groups.pop()[0] + members
            centre = sum(values[member] for member in members) / len(members)
        groups.append((members, centre))
    places = [0.0] * len(values)
    for members, centre in groups:
        for rank, index in enumerate(members):
            places[index] = centre + gap * (rank - (len(members) - 1) / 2)
    return places
