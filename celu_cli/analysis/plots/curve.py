"""A curve: how it is drawn, and its name at its right end, short and upon no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from math import ceil, isfinite
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

SHARE = 0.4  # of a figure's width that labels may take
_BESIDE = 6  # points between a curve's end and its label
_MARKED = 8  # points of a long curve
_ALL_MARKED = 20
_APART = 3  # points from mark to mark where many curves run
_COLUMN = 0.5  # of the axis: curves whose ends are no further apart are labelled in one column
_INSIDE = 0.6  # of the usual width, so that a label between the lines ends before the right column
_LEAST_SHARED = 8  # letters that are worth being said once and left out of each label
_PAPER: dict[str, Any] = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5}


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


def shortened(curves: Sequence[Curve], width: int) -> tuple[list[Curve], str]:
    """`curves` without what all labels share, and that, as in "alpha= … rate= …"; as they are where they fit `width`.

    `width` is in letters. What curves are compared with, the dashed ones, keep their labels.
    """
    named = [curve for curve in curves if curve.label and not curve.dashed]
    labels = [curve.label.partition("  ") for curve in named]  # name and value
    if len(labels) < 2 or max(len("".join(label)) for label in labels) <= width:
        return list(curves), ""
    words = [name.split(" ") for name, *_ in labels]
    if len({*map(len, words)}) > 1:
        words = [[name] for name, *_ in labels]
    shared = [_shared_start(column) for column in zip(*words, strict=True)]
    if sum(map(len, shared)) < _LEAST_SHARED:
        return list(curves), ""
    short = {
        id(curve): " ".join(filter(None, map(str.removeprefix, row, shared))).strip() + gap + value
        for curve, row, (_, gap, value) in zip(named, words, labels, strict=True)
    }
    said = [
        start if all(word == start for word in column) else f"{start} …".lstrip()
        for start, column in zip(shared, zip(*words, strict=True), strict=True)
    ]
    return [replace(curve, label=short.get(id(curve), curve.label)) for curve in curves], " ".join(said)


def _shared_start(words: Sequence[str]) -> str:
    """What all `words` begin with, in whole parts: a key with its =, part of a name with its hyphen."""
    if len({*words}) == 1:
        return words[0]
    parts = zip(*(re.findall("[^ =_/-]*[ =_/-]", word) for word in words), strict=False)
    return "".join(part for part, *_ in takewhile(lambda each: len({*each}) == 1, parts)).rstrip()


def height_of(curves: Sequence[Curve], width: int) -> int:
    """The lines of all labels, one below the other."""
    return sum(len(wrap(curve.label, width)) for curve in curves)


def draw_curve(axes: Axes, curve: Curve, scale: float, offset: int | None = None) -> None:
    """Its line, marks, dots, errors and band; `scale` is that of letters, which lines and marks shrink with.

    With `offset`, the place among many curves, only some points are marked, other ones than on the next curve.
    """
    points = len(curve.x)
    step = 1 if points <= _ALL_MARKED else ceil(points / _MARKED)
    first = 0
    if offset is not None and curve.errors is None:
        step = max(step, _APART)
        first = offset % step
    axes.plot(
        curve.x,
        curve.values,
        color=curve.colour,
        linewidth=scale * (1.1 if curve.dashed else curve.width),
        linestyle="none" if not curve.joined else (0, (4, 2)) if curve.dashed else "solid",
        marker=curve.mark,
        markevery=(first, step),
        markersize=scale * (3 if curve.dashed else 2 + curve.width),
        markerfacecolor=_filling(curve),
        clip_on=False,
        zorder=3 if curve.dashed else 4,
    )
    beside = axes.transData + _to_the_right(axes, -_BESIDE)
    for x, dots in zip(curve.x, curve.dots, strict=False):
        axes.plot([x] * len(dots), dots, ".", color=curve.colour, markersize=4, transform=beside)
        axes.update_datalim([(x, dot) for dot in dots])  # which a moved line does not do
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


def _filling(curve: Curve) -> str:
    return "white" if curve.dashed else curve.colour


def darker(colour: str) -> tuple[float, float, float]:
    """The colour for text: in the paler ones thin letters are hard to read."""
    from matplotlib.colors import to_rgb

    red, green, blue = (0.75 * part for part in to_rgb(colour))
    return red, green, blue


def label_ends(axes: Axes, curves: Sequence[Curve], line: float, width: int) -> None:
    """Write each label beside its curve's end, moved up or down where two would touch.

    `line` is the height of a line of text as a share of the axis, `width` that of a label in letters. Labels of curves
    that end at about the same place stand in one column.
    """
    found = [curve for curve in curves if curve.label and any(map(isfinite, curve.values))]
    share = _shares(axes.xaxis)
    while found:
        at = max(curve.x[-1] for curve in found)
        near = share(at) - _COLUMN
        _label_column(axes, [curve for curve in found if share(curve.x[-1]) >= near], at, line, width)
        found = [curve for curve in found if share(curve.x[-1]) < near]


def _label_column(axes: Axes, curves: Sequence[Curve], at: float, line: float, width: int) -> None:
    from matplotlib import rcParams
    from matplotlib.patches import ConnectionPatch
    from matplotlib.transforms import blended_transform_factory

    share, share_x = _shares(axes.yaxis), _shares(axes.xaxis)
    ends = [next(value for value in reversed(curve.values) if isfinite(value)) for curve in curves]
    inside = at < axes.get_xlim()[1] and share_x(at) <= 1 - _COLUMN
    labels = ["\n".join(wrap(curve.label, int(_INSIDE * width) if inside else width)) for curve in curves]
    heights = [line * len(label.splitlines()) for label in labels]
    places = spread([share(end) for end in ends], heights)
    moved = any(
        curve.x[-1] < at or abs(place - share(end)) > 0.5 * height
        for curve, end, place, height in zip(curves, ends, places, heights, strict=True)
    )
    transform = blended_transform_factory(axes.transData, axes.transAxes)
    mark = 0.5 * float(rcParams["font.size"])
    of_marks = transform + _to_the_right(axes, 2 * _BESIDE)
    transform += _to_the_right(axes, 2 * _BESIDE + 1.3 * mark if moved else _BESIDE)
    for curve, label, end, place in zip(curves, labels, ends, places, strict=True):
        if moved:  # a line leads to it, and its mark says which where many lines run
            leader = ConnectionPatch(
                (curve.x[-1], end),
                (at, place),
                axes.transData,
                of_marks,
                shrinkA=3,
                shrinkB=mark / 2,
                linewidth=0.5,
                color=curve.colour,
            )
            leader.set_in_layout(False)
            axes.add_artist(leader).set_clip_on(False)
            axes.plot(
                at,
                place,
                curve.mark,
                color=curve.colour,
                markerfacecolor=_filling(curve),
                markersize=mark,
                transform=of_marks,
                clip_on=False,
            )
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
