"""One kind of chart: curves in one panel or in several above each other, each labelled at its end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, isfinite
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from celu_cli.analysis.plots.curve import SHARE, Curve, draw_curve, height_of, label_ends, shortened
from celu_cli.analysis.plots.style import GREY, save_figure
from celu_cli.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


CENTIMETRE = 1 / 2.54  # inches, as all lengths here
_WIDTH = 14 * CENTIMETRE  # at 8 cm in print the smallest letters are still 5 points high
_HEIGHTS = (9 * CENTIMETRE, 12 * CENTIMETRE)  # of one panel and of two
_FONT, _LEAST_FONT = 10.0, 6.5  # points
_BOLD = 0.66  # the mean width of a letter of a label, as a share of the font
_MARGIN = 0.1
_APART = 4  # pixels between two words of an axis
_LEAST, _PLEASANT = 0.8, 1.4  # the height of a panel that can be read, and of one whose size is ours
_NO_BREAK = "\N{NO-BREAK SPACE}"
_PHRASE = 28  # letters of one that is kept together
_MANY = 4  # curves of which every point is marked


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
    across = size[0] if size else _WIDTH
    width = int(72 * SHARE * across / (_BOLD * _font(across)))
    chart = _with_short_labels(chart, width)
    most = max((height_of(panel.curves, width) for panel in chart.panels), default=0)
    frame = Frame(chart.title, chart.subtitle, chart.note, size, len(chart.panels))
    below = 0.5 + 0.12 * (len(chart.panels) - 1)
    frame.make_room(below + len(chart.panels) * max(_LEAST if size else _PLEASANT, most * frame.line))
    figure = frame.figure()
    height = max(0.5, (frame.inside - below) / len(chart.panels))
    for place, panel in enumerate(chart.panels, 1):
        axes = figure.add_subplot(len(chart.panels), 1, place)
        for number, curve in enumerate(panel.curves):
            draw_curve(axes, curve, frame.font / _FONT, number if len(panel.curves) > _MANY else None)
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
        label_ends(axes, panel.curves, frame.line / height, width)
        if chart.ticks:
            set_ticks(figure, axes, chart.ticks)
    return figure


def set_ticks(figure: Figure, axes: Axes, ticks: Mapping[float, str]) -> None:
    """Mark x at `ticks` alone, with the words of those that do not touch the one before."""
    axes.minorticks_off()
    axes.set_xticks(list(ticks), list(ticks.values()))
    figure.draw_without_rendering()
    shown, end = [], -inf
    for word, label in zip(ticks.values(), axes.get_xticklabels(), strict=True):
        box = label.get_window_extent()
        shown.append(word if box.x0 > end else "")
        end = box.x1 + _APART if box.x0 > end else end
    axes.set_xticks(list(ticks), shown)


def _with_short_labels(chart: Chart, width: int) -> Chart:
    """`chart` with what all labels of a panel share said once, above, where they are wider than `width` letters."""
    panels: list[Panel] = []
    shared: dict[str, None] = {}
    for panel in chart.panels:
        curves, words = shortened(panel.curves, width)
        panels.append(replace(panel, curves=curves))
        shared |= {f"labels: {words}": None} if words else {}
    parts = [chart.subtitle.removesuffix("."), *shared]
    return replace(
        chart, panels=panels, subtitle="; ".join(filter(None, parts)) if shared else chart.subtitle
    )


class Frame:
    """The size of a figure and what stands around its axes; letters shrink with a width that was asked for."""

    def __init__(
        self, title: str, subtitle: str, note: str, size: tuple[float, float] | None, panels: int = 1
    ) -> None:
        self._size = size
        self.width, self.height = size or (_WIDTH, _HEIGHTS[min(panels, 2) - 1])
        self.font = _font(self.width)
        self.line = 1.3 * self.font / 72
        self._title = self._wrapped(title, self.font + 1.5, 0.62)
        self._subtitle = self._wrapped(subtitle, self.font - 1, 0.54)
        self._note = self._wrapped(note, self.font - 1, 0.54)

    @property
    def inside(self) -> float:
        """The height that is left for the axes and their labels."""
        return self.height - self._above - self._below

    def make_room(self, height: float) -> None:
        """Grow until at least `height` is left for the axes.

        Raises:
            UsageError: a size was asked for, and is too small.
        """
        lacking = max(0.0, height - self.inside)
        if self._size and lacking:
            width, asked = (f"{side / CENTIMETRE:g}" for side in self._size)
            least = ceil(10 * (self.height + lacking) / CENTIMETRE) / 10
            raise UsageError(
                f"--size {width}x{asked}: the words of this picture need {width}x{least:g} or more; a wider one, or "
                "fewer groups, which --where chooses, may need less height"
            )
        self.height += lacking

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
        """`text` in lines as wide as the figure; a short phrase, such as 51 of 51 epochs, stays on one line.

        `letter` is the mean width of one, as a share of the font.
        """
        columns = max(10, int(72 * (self.width - 2 * _MARGIN) / (letter * font)))
        longest = min(_PHRASE, columns)
        phrases = re.split("(?<=[,;.]) ", text)
        kept = (each.replace(" ", _NO_BREAK) if len(each) <= longest else each for each in phrases)
        return "\n".join(wrap(" ".join(kept), columns, break_on_hyphens=False)).replace(_NO_BREAK, " ")


def _font(width: float) -> float:
    """The size of letters in a figure of this width, in points."""
    return max(_LEAST_FONT, min(_FONT, _FONT * width / _WIDTH))


def _spans_a_decade(panel: Panel) -> bool:
    values = [value for curve in panel.curves for value in curve.values if isfinite(value)]
    return bool(values) and max(values) >= 10 * min(values) > 0


def _prepare_x(axes: Axes, chart: Chart) -> None:
    from matplotlib.ticker import MaxNLocator

    if chart.ticks is not None:
        if chart.logarithmic:
            axes.set_xscale("log")
        return
    curves = [curve for panel in chart.panels for curve in panel.curves if len(curve.x)]
    first = min((curve.x[0] for curve in curves), default=1)
    last = max((curve.x[-1] for curve in curves), default=1)
    margin = 0.5 if first == last else 0
    axes.set_xlim(first - margin, last + margin)
    if chart.x_label == "epoch":
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
