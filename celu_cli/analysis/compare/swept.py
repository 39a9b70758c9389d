"""The results of a sweep by what it swept: one row for each combination of values, over its seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

from celu_cli.analysis.compare.columns import Column, Records, records_of
from celu_cli.analysis.compare.groups import Group
from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.remarks import remarks_on
from celu_cli.analysis.compare.setting_columns import describe_shared, distinct_cases
from celu_cli.analysis.compare.statistics import Summary, summarise
from celu_cli.analysis.compare.verdict import say_overall
from celu_cli.case.schema import Case
from celu_cli.case.settings import differing_keys, settings_in_force, value_text
from celu_cli.errors import UsageError
from celu_cli.runs.run import Run
from celu_cli.text import four_decimals, nearest_word


@dataclass(frozen=True)
class Point:
    """One combination of the swept keys, with the metric of every seed that has one, of as many as `cells`."""

    settings: Mapping[str, Any]
    values: tuple[float, ...]
    cells: int
    seeds: tuple[int, ...] = ()

    @property
    def summary(self) -> Summary | None:
        return summarise(self.values) if self.values else None


@dataclass(frozen=True)
class Swept:
    """What the sweep `name` came to: a point for each combination of its `keys`; `logarithmic` ones were spaced so.

    `epochs` are the numbers of epochs that its runs stand at, if unfinished ones make them several; `cases` are those
    of all its cells, and `runs` those that count.
    """

    name: str
    keys: tuple[str, ...]
    logarithmic: tuple[str, ...]
    points: tuple[Point, ...]
    epochs: tuple[int, ...] = ()
    cases: tuple[Case, ...] = ()
    runs: tuple[Run, ...] = ()


def points_by(groups: Sequence[Group], wanted: str) -> tuple[str, list[Point]]:
    """The key that `wanted` means, whole or its last word, and `groups` as points over it and what else differs.

    Raises:
        UsageError: no key or several are meant, or all groups have one value of it.
    """
    cases = [group.case for group in groups]
    settings = [settings_in_force(case) for case in cases]
    known = list(dict.fromkeys(key for each in settings for key in each))
    meant = [key for key in known if key == wanted] or [key for key in known if key.endswith(f".{wanted}")]
    if len(meant) != 1:
        near = ", ".join(meant) or nearest_word(wanted, known)
        what = f"did you mean {near}?" if near else "name a key of the cases, as in --by alpha"
        raise UsageError(f"--by {wanted}: {'several keys' if meant else 'no such key'}; {what}")
    key = meant[0]
    if len({repr(each.get(key)) for each in settings}) < 2:
        raise UsageError(
            f"--by {wanted}: all groups have the same {key}; groups that differ in it make a picture"
        )
    names = {case.name for case in cases}
    of_name = [differing_keys([case for case in cases if case.name == name]) for name in names]
    others = [each for each in known if each not in (key, "seed") and any(each in keys for keys in of_name)]
    points = []
    for group, each in zip(groups, settings, strict=True):
        kept = {other: each[other] for other in others if other in each} | {key: each.get(key)}
        name = {"case": group.case.name} if len(names) > 1 else {}
        points.append(Point(name | kept, tuple(group.values.values()), len(group.runs), tuple(group.values)))
    return key, points


def compare_swept(swept: Swept, metric: Metric) -> Records:
    """The points, in the order of the plan."""
    points, keys, cases = swept.points, swept.keys, distinct_cases(swept.cases)
    best, verdict = best_point(points, metric), verdict_of(points, keys, metric)
    value = partial(Column, form=four_decimals, number=True)
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
            "half_width",
            lambda of: of.summary.half_width if of.summary else None,
            "± 95 %",
            note="± 95 %: Student's interval of the mean",
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
        Column("verdict", lambda _: verdict),
    )
    return Records(
        columns,
        records_of(columns, points),
        given=tuple(describe_shared(cases)),
        remarks=tuple(remarks_on(cases, swept.runs)),
    )


def verdict_of(points: Sequence[Point], keys: Sequence[str], metric: Metric) -> str | None:
    """What one test over all points that have results says, in the order of the swept number where there is one."""
    known = [point for point in points if point.seeds]
    number = keys[0] if len(keys) == 1 and _is_number(known, keys[0]) else ""
    if number:
        known = sorted(known, key=lambda point: float(point.settings[number]))
    if len(known) < 2:
        return None
    kind = f"values of {keys[0]}" if len(keys) == 1 else "combinations"
    results = {
        " ".join(f"{key}={value_text(value)}" for key, value in point.settings.items()): dict(
            zip(point.seeds, point.values, strict=True)
        )
        for point in known
    }
    return say_overall(results, f"{len(known)} {kind}", number, metric)


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
    half = best.summary.half_width
    sure = f" ± {half:.4f}" if half is not None else ", of one seed"
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
