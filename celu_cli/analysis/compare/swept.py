"""The results of a sweep by what it swept: one row for each combination of values, over its seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

from celu_cli.analysis.compare.columns import Column, Records, records_of
from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.statistics import Summary, summarise
from celu_cli.case.settings import value_text


@dataclass(frozen=True)
class Point:
    """One combination of the swept keys, with the metric of every seed that has one, of as many as `cells`."""

    settings: Mapping[str, Any]
    values: tuple[float, ...]
    cells: int

    @property
    def summary(self) -> Summary | None:
        return summarise(self.values) if self.values else None

    @property
    def half_width(self) -> float | None:
        """Half of Student's 95 % interval of the mean: t(.975, n - 1) s / sqrt(n); None with less than two seeds."""
        if self.summary is None or self.summary.deviation is None:
            return None
        from scipy.stats import t

        return float(t.ppf(0.975, self.summary.n - 1)) * self.summary.deviation / sqrt(self.summary.n)


def compare_swept(points: Sequence[Point], keys: Sequence[str], metric: Metric) -> Records:
    """The points, in the order of the plan."""
    best = best_point(points, metric)
    value = partial(Column, form="{:.4f}", number=True)
    of_metric = partial(value, largest_first=not is_loss(metric))
    columns = (
        *(Column(key, _setting(key), key, value_text, number=_is_number(points, key)) for key in keys),
        Column("metric", lambda _: metric),
        Column("seeds", lambda of: len(of.values), "seeds", number=True),
        Column(
            "missing", lambda of: of.cells - len(of.values) or None, "missing", number=True, note=_MISSING
        ),
        of_metric("mean", lambda of: of.summary.mean if of.summary else None, metric.replace("-", " ")),
        value(
            "half_width", lambda of: of.half_width, "± 95 %", note="± 95 %: Student's interval of the mean"
        ),
        value("deviation", lambda of: of.summary.deviation if of.summary else None, "sd", leaves=3),
        value("lowest", lambda of: min(of.values, default=None), "lowest", leaves=1),
        value("highest", lambda of: max(of.values, default=None), "highest", leaves=2),
        Column(
            "best",
            lambda of: "best" if of is best else None,
            "best",
            note=lambda *_: _luck(points, best, metric),
        ),
    )
    return Records(columns, records_of(columns, points))


def best_point(points: Sequence[Point], metric: Metric) -> Point | None:
    """The point with the best mean, the first of several."""
    sign = -1.0 if is_loss(metric) else 1.0
    known = [(sign * summary.mean, point) for point in points if (summary := point.summary)]
    return max(known, key=lambda pair: pair[0], default=(0.0, None))[1]


_MISSING = "missing: seeds that are not complete, or diverged"


def _setting(key: str) -> Callable[[Point], Any]:
    return lambda of: of.settings.get(key)


def _is_number(points: Sequence[Point], key: str) -> bool:
    return all(type(point.settings.get(key)) in (int, float) for point in points)


def _luck(points: Sequence[Point], best: Point | None, metric: Metric) -> Iterator[str]:
    """What the best mean is worth, as the best of many.

    Of k equal normal means with standard error e the highest is expected about e z((k - .375) / (k + .25)) above their
    average (Blom 1958); e is pooled over the points.
    """
    if best is None or best.summary is None or len(points) < 2:
        return
    sure = f" ± {best.half_width:.4f}" if best.half_width is not None else ", of one seed"
    yield f"best: {best.summary.mean:.4f}{sure}"
    errors = [s.deviation**2 / s.n for point in points if (s := point.summary) and s.deviation is not None]
    counted = sum(point.summary is not None for point in points)
    if not errors or counted < 2:
        return
    from scipy.stats import norm

    ahead = sqrt(sum(errors) / len(errors)) * float(norm.ppf((counted - 0.375) / (counted + 0.25)))
    side = "below" if is_loss(metric) else "above"
    yield (
        f"the best of {counted} wins partly by luck: if all were equal, it would still be expected "
        f"about {ahead:.4f} {side} their average"
    )
