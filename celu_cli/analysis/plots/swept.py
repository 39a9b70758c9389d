"""The picture of a sweep: a line with its band for one numeric key, a heat map for two."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celu_cli.analysis.compare.swept import Point
from celu_cli.analysis.plots.style import TITLE, look_of, save_figure
from celu_cli.case.settings import value_text
from celu_cli.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CASE = "case"


def draw_swept(
    points: Sequence[Point],
    keys: Sequence[str],
    logarithmic: Sequence[str],
    metric: str,
    title: str,
    path: Path,
    form: str,
) -> None:
    """Draw the means of `points` into `path`: over one numeric key, a line for each case, or over two keys.

    Raises:
        UsageError: the sweep has no such keys.
        RunError: the file cannot be written.
    """
    swept = [key for key in keys if key != _CASE]
    known = [point for point in points if point.summary]
    numeric = len(swept) == 1 and all(type(point.settings[swept[0]]) in (int, float) for point in points)
    if not known:
        raise UsageError("--plot: no cell of the sweep is complete yet")
    if numeric:
        log = swept[0] in logarithmic or is_geometric([point.settings[swept[0]] for point in points])
        draw = partial(line_figure, known, swept[0], log, metric, title)
    elif len(keys) == 2:
        draw = partial(heat_map_figure, points, keys[0], keys[1], metric, title)
    else:
        raise UsageError(
            "--plot: a sweep is drawn over one key with numbers, or over two keys; this one swept "
            + (", ".join(keys) or "seeds alone")
        )
    save_figure(draw, path, form)


def is_geometric(values: Sequence[float]) -> bool:
    """Whether at least three values have one ratio from each to the next, as those of a logarithmic spacing."""
    ordered = sorted(set(values))
    if len(ordered) < 3 or ordered[0] <= 0:
        return False
    ratios = [later / earlier for earlier, later in pairwise(ordered)]
    return max(ratios) < 1.001 * min(ratios)


def line_figure(points: Sequence[Point], key: str, log: bool, metric: str, title: str) -> Figure:
    """The means over the values of `key` with their 95 % intervals, and every seed as a dot; a line for each case."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    cases = list(dict.fromkeys(point.settings.get(_CASE) for point in points))
    for number, case in enumerate(cases):
        colour, mark = look_of(number)
        line = sorted(
            (point for point in points if point.settings.get(_CASE) == case),
            key=lambda point: point.settings[key],
        )
        x = [point.settings[key] for point in line]
        means = [point.summary.mean for point in line if point.summary]
        halves = [point.half_width or 0.0 for point in line]
        axes.plot(x, means, color=colour, marker=mark, label=case)
        low, high = (
            [mean + sign * half for mean, half in zip(means, halves, strict=True)] for sign in (-1, 1)
        )
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        for point in line:
            axes.plot(
                [point.settings[key]] * len(point.values),
                point.values,
                ".",
                color=colour,
                alpha=0.5,
                markersize=4,
            )
    if log:
        axes.set_xscale("log")
        shown = sorted({point.settings[key] for point in points})
        if len(shown) <= 12:
            axes.set_xticks(shown, [value_text(value) for value in shown])
            axes.minorticks_off()
    axes.set_xlabel(key)
    axes.set_ylabel(metric.replace("-", " "))
    axes.set_title(title, loc="left", **TITLE)
    if len(cases) > 1:
        axes.legend(frameon=False)
    figure.supxlabel(
        "mean and 95 % interval over seeds; a dot is a run", fontsize=8, color="#555555", x=0.99, ha="right"
    )
    return figure


def heat_map_figure(points: Sequence[Point], x_key: str, y_key: str, metric: str, title: str) -> Figure:
    """The means as a map of two keys, each with its number; a cell without results stays empty."""
    from matplotlib.figure import Figure

    columns, rows = (_values(points, key) for key in (x_key, y_key))
    by_setting = {
        (repr(point.settings[x_key]), repr(point.settings[y_key])): point.summary for point in points
    }
    means = [[_mean(by_setting.get((repr(x), repr(y)))) for x in columns] for y in rows]
    figure = Figure(
        figsize=(max(5.0, 1.1 * len(columns) + 2), max(3.5, 0.6 * len(rows) + 1.8)), layout="constrained"
    )
    axes = figure.subplots()
    image = axes.imshow(means, origin="lower", aspect="auto", cmap="cividis")
    axes.grid(visible=False)
    axes.set_xticks(range(len(columns)), [value_text(value) for value in columns])
    axes.set_yticks(range(len(rows)), [value_text(value) for value in rows])
    known = [mean for line in means for mean in line if mean == mean]
    middle = (min(known) + max(known)) / 2
    for row, line in enumerate(means):
        for column, mean in enumerate(line):
            if mean == mean:
                axes.text(
                    column,
                    row,
                    f"{mean:.4f}",
                    ha="center",
                    va="center",
                    fontsize=9,
                    color="black" if mean > middle else "white",
                )
    axes.set_xlabel(x_key)
    axes.set_ylabel(y_key)
    axes.set_title(title, loc="left", **TITLE)
    figure.colorbar(image, ax=axes, label=metric.replace("-", " "))
    return figure


def _values(points: Sequence[Point], key: str) -> list[Any]:
    values = list({repr(point.settings[key]): point.settings[key] for point in points}.values())
    return sorted(values) if all(type(value) in (int, float) for value in values) else values


def _mean(summary: Any) -> float:
    return float("nan") if summary is None else float(summary.mean)
