"""A metric over a key: every seed a dot, mean and interval for each value; a heat map for two keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import log
from typing import TYPE_CHECKING, Any

from celu_cli.analysis.compare.metric import Metric
from celu_cli.analysis.compare.setting_columns import distinct_cases
from celu_cli.analysis.compare.swept import Point, Swept, verdict_of
from celu_cli.analysis.compare.verdict import said_of
from celu_cli.analysis.plots.chart import Chart, Frame, Panel, chart_figure, set_ticks
from celu_cli.analysis.plots.curve import Curve
from celu_cli.analysis.plots.labels import shared_text
from celu_cli.analysis.plots.style import look_of
from celu_cli.case.settings import value_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BESIDE = 0.12  # between lines at one value that is no number
_MOST_TICKS = 12
_MOST_VERDICTS = 2
_NOTE = "mean and 95 % interval over seeds; a dot is a run"


def sweep_figure(
    swept: Swept,
    metric: Metric,
    by: str | None = None,
    title: str | None = None,
    size: tuple[float, float] | None = None,
) -> Callable[[], Figure] | None:
    """What draws a sweep: a line over the key `by` or its only one, a map of its two keys; None for more keys."""
    numbers = [key for key in swept.keys if key != "case"]
    if by is None and len(numbers) == 1:
        by = numbers[0]
    title = swept.name if title is None else title
    shared = shared_text(distinct_cases(swept.cases))
    if by is not None:
        chart = swept_chart(swept.points, by, metric, title, shared, by in swept.logarithmic)
        return partial(chart_figure, chart, size)
    if len(swept.keys) == 2:
        return partial(heat_map_figure, swept.points, swept.keys, metric, title, shared, size)
    return None


def swept_chart(
    points: Sequence[Point],
    key: str,
    metric: Metric,
    title: str,
    subtitle: str = "",
    logarithmic: bool = False,
) -> Chart:
    """The means of `points` over the values of `key`, with their 95 % intervals, and every seed as a dot.

    What else differs makes lines of their own. Above stands what one test over the values says, and one for a trend.
    The axis is logarithmic where `logarithmic` or where the values have one ratio from each to the next; values that
    are no numbers stand side by side, without a line between them.
    """
    known = [point for point in points if point.summary]
    values = values_of(points, key)
    numeric = all(type(value) in (int, float) for value in values)
    places = {repr(value): value if numeric else place for place, value in enumerate(values)}
    lines: dict[str, list[Point]] = {}
    for point in sorted(known, key=lambda point: places[repr(point.settings[key])]):
        lines.setdefault(_other_settings(point, key), []).append(point)
    beside = 0.0 if numeric else _BESIDE
    word = _word(key)
    words = [
        said_of(label, said) if label else said
        for label, line in lines.items()
        if (
            said := verdict_of(
                [replace(point, settings={word: point.settings[key]}) for point in line], [word], metric
            )
        )
    ]
    curves = [
        Curve(
            label,
            [places[repr(point.settings[key])] + (number - (len(lines) - 1) / 2) * beside for point in line],
            [point.summary.mean for point in line if point.summary],
            look_of(number).colour,
            look_of(number).mark,
            errors=[(point.summary.half_width if point.summary else None) or 0.0 for point in line],
            dots=[point.values for point in line],
            joined=numeric,
        )
        for number, (label, line) in enumerate(lines.items())
    ]
    return Chart(
        title,
        " ".join(
            [*([f"{subtitle}."] if subtitle and words else [subtitle]), *words[:_MOST_VERDICTS]]
        ).strip(),
        [Panel(metric.replace("-", " "), curves)],
        key,
        _NOTE,
        ticks={places[repr(value)]: value_text(value) for value in values}
        if len(values) <= _MOST_TICKS
        else {},
        logarithmic=numeric and (logarithmic or is_logarithmic(values)),
    )


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether three or more values have one ratio from each to the next or, over a decade, evener ratios than steps."""
    ordered = sorted(set(values))
    if len(ordered) < 3 or ordered[0] <= 0:
        return False
    ratios = [log(later / earlier) for earlier, later in pairwise(ordered)]
    steps = [later - earlier for earlier, later in pairwise(ordered)]
    even = max(ratios) - min(ratios) < 0.001
    return even or (ordered[-1] >= 10 * ordered[0] and _uneven(ratios) < _uneven(steps))


def _uneven(parts: Sequence[float]) -> float:
    """From 1 / n, where n parts are equal, to 1."""
    return sum(part**2 for part in parts) / sum(parts) ** 2


def heat_map_figure(
    points: Sequence[Point],
    keys: Sequence[str],
    metric: Metric,
    title: str,
    subtitle: str = "",
    size: tuple[float, float] | None = None,
) -> Figure:
    """The means as a map of two keys, each with its number; a cell without results stays empty."""
    columns, rows = (values_of(points, key) for key in keys)
    by_setting = {tuple(repr(point.settings[key]) for key in keys): point.summary for point in points}
    found = [[by_setting.get((repr(x), repr(y))) for x in columns] for y in rows]
    means = [[summary.mean if summary else float("nan") for summary in line] for line in found]
    frame = Frame(title, subtitle, "mean over seeds", size)
    frame.make_room(0.35 * len(rows) + 0.8)
    figure = frame.figure()
    axes = figure.subplots()
    image = axes.imshow(means, origin="lower", aspect="auto", cmap="cividis")
    axes.grid(visible=False)
    axes.set_yticks(range(len(rows)), [value_text(value) for value in rows])
    known = [mean for line in means for mean in line if mean == mean]
    middle = (min(known) + max(known)) / 2 if known else 0.0
    for row, line in enumerate(means):
        for column, mean in enumerate(line):
            if mean == mean:
                colour = "black" if mean > middle else "white"
                axes.text(column, row, f"{mean:.4f}", ha="center", va="center", color=colour)
    axes.set_xlabel(keys[0])
    axes.set_ylabel(keys[1])
    figure.colorbar(image, ax=axes, label=metric.replace("-", " "))
    set_ticks(figure, axes, dict(enumerate(map(value_text, columns))))
    return figure


def values_of(points: Sequence[Point], key: str) -> list[Any]:
    """The values of `key` in `points`, numbers from the smallest to the largest."""
    values = list({repr(point.settings[key]): point.settings[key] for point in points}.values())
    return sorted(values) if all(type(value) in (int, float) for value in values) else values


def _word(key: str) -> str:
    """The word for a key where there is little room, as values are chosen by."""
    return key.removesuffix(".name").rpartition(".")[2]


def _other_settings(point: Point, key: str) -> str:
    """What else distinguishes the point from others: a case by its name, another key with its value."""
    return " ".join(
        str(value) if other == "case" else f"{_word(other)}={value_text(value)}"
        for other, value in point.settings.items()
        if other != key
    )
