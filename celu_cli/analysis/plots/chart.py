"""One kind of chart: curves in one panel or in several above each other, each labelled at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from celu_cli.analysis.plots.style import GREY, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


CENTIMETRE = 1 / 2.54  # inches, as all lengths here
_WIDTH = 14 * CENTIMETRE  # at 8 cm in print the smallest letters are still 5 points high
_HEIGHTS = (9 * CENTIMETRE, 12 * CENTIMETRE)  # of one panel and of two
_MARGIN = 0.1
_LABEL_CHARACTERS = 28
_MARKED = 8  # points of a long curve
_ALL_MARKED = 20
_COLUMN = 0.5  # of the axis: curves whose ends are no further apart are labelled in one column
_INSIDE_CHARACTERS = 16  # so that a label between the lines ends before the right column
_PAPER: dict[str, Any] = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5}
_BESIDE = 6  # points between a curve's end and its label


@dataclass(frozen=True)
class Curve:
    """Points of one curve; `label` is written at its right end.

    `band` has the low and high end of each value, `errors` what is drawn above and below it, `dots` single values
    beside it. Without `joined` there is no line from point to point.
    """

    label: str
    x: Sequence[float]
    values: Sequence[float]
    colour: str
    mark: str = "o"
    dashed: bool = False
    width: float = 1.8
    band: tuple[Sequence[float], Sequence[float]] | None = None
    errors: Sequence[float] | None = None
    dots: Sequence[Sequence[float]] = ()
    joined: bool = True


@dataclass(frozen=True)
class Panel:
    """Curves on one axis. Without `limits` the axis fits the curves; a logarithmic one is where they span a decade."""

    y_label: str
    curves: Sequence[Curve]
    limits: tuple[float, float] | None = None
    logarithmic: bool = False


@dataclass(frozen=True)
class Chart:
    """What to draw. `note` stands below, in small letters. x ends where the curves do, unless there are
    `ticks`, which may be none but the usual ones."""

    title: str
    subtitle: str
    panels: Sequence[Panel]
    x_label: str = "epoch"
    note: str = ""
    ticks: Mapping[float, str] | None = None
    logarithmic: bool = False


def save_chart(chart: Chart, path: Path, file_format: str, size: tuple[float, float] | None = None) -> None:
    """Draw `chart` into the file `path`, `size` (width, height) in inches; the same chart gives the same bytes.

    Raises:
        RunError: the file cannot be written.
    """
    save_figure(lambda: chart_figure(chart, size), path, file_format)


def chart_figure(chart: Chart, size: tuple[float, float] | None = None) -> Figure:
    """The panels, title and subtitle above, the note below, and at each curve's end its label."""
    most = max((_lines_of(panel.curves) for panel in chart.panels), default=0)
    frame = Frame(chart.title, chart.subtitle, chart.note, size, len(chart.panels))
    if size is None:
        frame.make_room(len(chart.panels) * (1.0 + most * frame.line))
    figure = frame.figure()
    below = 0.5 + 0.12 * (len(chart.panels) - 1)
    height = max(0.5, (frame.inside - below) / len(chart.panels))
    for place, panel in enumerate(chart.panels, 1):
        axes = figure.add_subplot(len(chart.panels), 1, place)
        for curve in panel.curves:
            _draw_curve(axes, curve)
        axes.set_ylabel(panel.y_label)
        if panel.logarithmic and _spans_a_decade(panel):
            axes.set_yscale("log")
        else:
            axes.ticklabel_format(axis="y", useOffset=False)
        if panel.limits is not None:
            axes.set_ylim(*panel.limits)
        _prepare_x(axes, chart)
        axes.tick_params(labelbottom=place == len(chart.panels))
        if place == len(chart.panels):
            axes.set_xlabel(chart.x_label)
        _label_ends(axes, panel.curves, frame.line / height)
    return figure


class Frame:
    """The size of a figure and what stands around its axes; letters shrink with a width that was asked for."""

    def __init__(
        self, title: str, subtitle: str, note: str, size: tuple[float, float] | None, panels: int = 1
    ) -> None:
        self.width, self.height = size or (_WIDTH, _HEIGHTS[min(panels, 2) - 1])
        self.font = max(6.5, min(10.0, 10 * self.width / _WIDTH))
        self.line = 1.3 * self.font / 72
        self._title = self._wrapped(title, self.font + 1.5, 0.62)
        self._subtitle = self._wrapped(subtitle, self.font - 1, 0.54)
        self._note = self._wrapped(note, self.font - 1, 0.54)

    @property
    def inside(self) -> float:
        """The height that is left for the axes and their labels."""
        return self.height - self._above - self._below

    def make_room(self, height: float) -> None:
        """Grow until at least `height` is left for the axes."""
        self.height += max(0.0, height - self.inside)

    def figure(self) -> Figure:
        """A figure with title, subtitle and note, and room for axes between them."""
        from matplotlib import rcParams
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        rcParams["font.size"] = self.font
        low, high = self._below / self.height, 1 - self._above / self.height
        layout = ConstrainedLayoutEngine(rect=(0, low, 1, high - low), w_pad=_MARGIN / 2, h_pad=_MARGIN / 2)
        figure = Figure(figsize=(self.width, self.height), layout=layout)
        left, top = _MARGIN / self.width, 1 - _MARGIN / self.height
        figure.text(left, top, self._title, va="top", fontsize=self.font + 1.5, fontweight="bold")
        top -= len(self._title.splitlines()) * 1.15 * self.line / self.height
        figure.text(left, top, self._subtitle, va="top", fontsize=self.font - 1, color=GREY)
        bottom = _MARGIN / self.height
        figure.text(left, bottom, self._note, va="bottom", fontsize=self.font - 1, color=GREY)
        return figure

    @property
    def _above(self) -> float:
        title, subtitle = (len(text.splitlines()) for text in (self._title, self._subtitle))
        return _MARGIN * 1.5 + self.line * (1.15 * title + subtitle)

    @property
    def _below(self) -> float:
        return _MARGIN + 0.9 * self.line * len(self._note.splitlines()) if self._note else 0.0

    def _wrapped(self, text: str, font: float, letter: float) -> str:
        """`text` in lines as wide as the figure; `letter` is the mean width of one, as a share of the font."""
        return "\n".join(wrap(text, max(10, int(72 * (self.width - 2 * _MARGIN) / (letter * font)))))


def _spans_a_decade(panel: Panel) -> bool:
    values = [value for curve in panel.curves for value in curve.values if isfinite(value)]
    return bool(values) and max(values) >= 10 * min(values) > 0


def _prepare_x(axes: Axes, chart: Chart) -> None:
    from matplotlib.ticker import MaxNLocator

    if chart.ticks is not None:
        if chart.logarithmic:
            axes.set_xscale("log")
        if chart.ticks:
            axes.minorticks_off()
            axes.set_xticks(list(chart.ticks), list(chart.ticks.values()))
        return
    curves = [curve for panel in chart.panels for curve in panel.curves if len(curve.x)]
    first = min((curve.x[0] for curve in curves), default=1)
    last = max((curve.x[-1] for curve in curves), default=1)
    margin = 0.5 if first == last else 0
    axes.set_xlim(first - margin, last + margin)
    if chart.x_label == "epoch":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def darker(colour: str) -> tuple[float, float, float]:
    """The colour for text: in the paler ones thin letters are hard to read."""
    from matplotlib.colors import to_rgb

    red, green, blue = (0.75 * part for part in to_rgb(colour))
    return red, green, blue


def _draw_curve(axes: Axes, curve: Curve) -> None:
    points = len(curve.x)
    axes.plot(
        curve.x,
        curve.values,
        color=curve.colour,
        linewidth=1.1 if curve.dashed else curve.width,
        linestyle="none" if not curve.joined else (0, (4, 2)) if curve.dashed else "solid",
        marker=curve.mark,
        markevery=1 if points <= _ALL_MARKED else ceil(points / _MARKED),
        markersize=3 if curve.dashed else 2 + curve.width,
        markerfacecolor="white" if curve.dashed else curve.colour,
        clip_on=False,
        zorder=3 if curve.dashed else 4,
    )
    beside = axes.transData + _to_the_right(axes, -_BESIDE)
    for x, dots in zip(curve.x, curve.dots, strict=False):
        axes.plot([x] * len(dots), dots, ".", color=curve.colour, markersize=4, transform=beside)
    if curve.errors is not None:
        axes.errorbar(
            curve.x,
            curve.values,
            curve.errors,
            fmt="none",
            color=curve.colour,
            linewidth=1,
            capsize=3,
            zorder=3,
        )
    if curve.band is not None:  # below every line
        axes.fill_between(curve.x, *curve.band, color=curve.colour, alpha=0.13, linewidth=0, zorder=1)


def _label_ends(axes: Axes, curves: Sequence[Curve], line: float) -> None:
    """Write each label beside its curve's end, moved up or down where two would touch.

    `line` is the height of a line of text as a share of the axis. Labels of curves that end at about the same place
    stand in one column.
    """
    found = [curve for curve in curves if curve.label and any(map(isfinite, curve.values))]
    share = _shares(axes.xaxis)
    while found:
        at = max(curve.x[-1] for curve in found)
        near = share(at) - _COLUMN
        _label_column(axes, [curve for curve in found if share(curve.x[-1]) >= near], at, line)
        found = [curve for curve in found if share(curve.x[-1]) < near]


def _label_column(axes: Axes, curves: Sequence[Curve], at: float, line: float) -> None:
    from matplotlib.transforms import blended_transform_factory

    share, share_x = _shares(axes.yaxis), _shares(axes.xaxis)
    ends = [next(value for value in reversed(curve.values) if isfinite(value)) for curve in curves]
    inside = at < axes.get_xlim()[1] and share_x(at) <= 1 - _COLUMN
    width = _INSIDE_CHARACTERS if inside else _LABEL_CHARACTERS
    labels = ["\n".join(wrap(curve.label, width)) for curve in curves]
    heights = [line * len(label.splitlines()) for label in labels]
    places = spread([share(end) for end in ends], heights)
    moved = any(
        curve.x[-1] < at or abs(place - share(end)) > 0.5 * height
        for curve, end, place, height in zip(curves, ends, places, heights, strict=True)
    )
    transform = blended_transform_factory(axes.transData, axes.transAxes)
    transform += _to_the_right(axes, 2 * _BESIDE if moved else _BESIDE)
    for curve, label, end, place in zip(curves, labels, ends, places, strict=True):
        leader: dict[str, Any] = {
            "arrowstyle": "-",
            "linewidth": 0.5,
            "color": curve.colour,
            "relpos": (0, 0.5),
            "shrinkA": 1,
            "shrinkB": 3,
        }
        axes.annotate(
            label,
            xy=(curve.x[-1], end),
            xytext=(at, place),
            textcoords=transform,
            va="center",
            linespacing=1.1,
            color=darker(curve.colour),
            fontweight="normal" if curve.dashed else "bold",
            annotation_clip=False,
            arrowprops=leader if moved else None,
            bbox=_PAPER if inside else None,
            zorder=5,
        )


def _to_the_right(axes: Axes, points: float) -> Any:
    from matplotlib.transforms import ScaledTranslation

    return ScaledTranslation(points / 72, 0, axes.figure.dpi_scale_trans)


def _shares(axis: Axis) -> Callable[[float], float]:
    """Where a value lies on the axis, from 0 to 1."""
    scale = axis.get_transform().transform
    low, high = (float(each) for each in scale(list(axis.get_view_interval())))
    return lambda value: (float(scale([value])[0]) - low) / ((high - low) or 1.0)


def _lines_of(curves: Sequence[Curve]) -> int:
    return sum(len(wrap(curve.label, _LABEL_CHARACTERS)) for curve in curves)


def spread(values: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Centres near `values`, in the same order, for what is as high as `heights` and must not overlap.

    They stay between 0 and 1 where all have room there.
    """
    groups: list[tuple[list[int], float]] = []
    for index in sorted(range(len(values)), key=values.__getitem__):
        members, centre = [index], _inside(values[index], heights[index])
        # What touches becomes one group, centred on the mean of what it names.
        while groups and centre - groups[-1][1] < sum(heights[each] for each in members + groups[-1][0]) / 2:
            members = groups.pop()[0] + members
            mean = sum(values[member] for member in members) / len(members)
            centre = _inside(mean, sum(heights[member] for member in members))
        groups.append((members, centre))
    places = [0.0] * len(values)
    for members, centre in groups:
        low = centre - sum(heights[member] for member in members) / 2
        for member in members:
            places[member] = low + heights[member] / 2
            low += heights[member]
    return places


def _inside(centre: float, height: float) -> float:
    return min(max(centre, height / 2), 1 - height / 2) if height < 1 else 0.5
