"""How far one group lies from another, and what that is worth in plain English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

from celu_cli.analysis.compare.groups import Group
from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.statistics import (
    LEVEL,
    Interval,
    holm,
    paired_interval,
    permutation_p,
    seeds_to_reach,
    seeds_to_resolve,
    sign_flip_p,
    smallest_paired_p,
    smallest_unpaired_p,
    summarise,
    unpaired_interval,
)


@dataclass(frozen=True)
class Contrast:
    """A group minus the baseline, in percentage points for accuracies and as it is for losses.

    `counts` are the seeds compared of the group and of the baseline, which are equal where `paired`. Where one
    of them is 1 there is a `difference` and nothing more; where one is 0 there is not even that. `deviation` is
    that of the paired differences, or of both groups together; `smallest_p` is the least that the test can give
    with so many seeds. `p_corrected` is p after Holm's correction for `rows` tests. `seeds` (of each group)
    would settle the difference if it were as large as it looks; None stands for more than 1,000.
    """

    label: str
    baseline: str
    paired: bool
    counts: tuple[int, int]
    without_partner: int = 0
    difference: float | None = None
    interval: Interval | None = None
    deviation: float = 0.0
    p: float | None = None
    smallest_p: float | None = None
    p_corrected: float | None = None
    rows: int = 1
    seeds: int | None = None

    @property
    def n(self) -> int:
        return min(self.counts)


def contrast_all(groups: Sequence[Group], baseline: Group, metric: Metric) -> dict[str, Contrast]:
    """Each group but the baseline against it, by label; p is corrected for the number of tests."""
    scale = 1 if is_loss(metric) else 100
    found = {group.label: _contrast(group, baseline, scale) for group in groups if group is not baseline}
    p_values = {label: contrast.p for label, contrast in found.items() if contrast.p is not None}
    for label, p_corrected in zip(p_values, holm(list(p_values.values())), strict=True):
        contrast, rows = found[label], len(p_values)
        # Holm's first and strictest step: so many seeds are enough whatever the other rows say.
        seeds = seeds_to_resolve(
            contrast.difference or 0.0, contrast.deviation, LEVEL / rows, contrast.paired
        )
        found[label] = replace(contrast, p_corrected=p_corrected, rows=rows, seeds=seeds)
    return found


def sentence(contrast: Contrast, metric: Metric) -> str:
    """What may be said of the difference, and what may not."""
    if contrast.difference is None:
        return f"{contrast.label} and {contrast.baseline}: nothing to compare, as one of them has no run that counts"
    place = _place(contrast, contrast.difference, is_loss(metric))
    if contrast.interval is None:
        least = seeds_to_reach(LEVEL, contrast.paired)
        return (
            f"{place}, one seed: no winner can be called, as another seed may reverse it; "
            f"the test needs at least {least} seeds of each"
        )
    digits = 4 if is_loss(metric) else 2
    low, high = contrast.interval.low, contrast.interval.high
    one, two = contrast.counts
    counted = f"{one} paired seeds" if contrast.paired else f"{one} and {two} seeds, not paired"
    if contrast.without_partner:
        counted += f" ({contrast.without_partner} without a partner left out)"
    return f"{place}, 95 % interval {low:.{digits}f} to {high:.{digits}f}, {counted}; {_verdict(contrast)}"


def _place(contrast: Contrast, difference: float, loss: bool) -> str:
    digits, unit = (4, "") if loss else (2, " points")
    size = f"{abs(difference):.{digits}f}{unit}"
    if not difference:
        return f"{contrast.label} is equal to {contrast.baseline}"
    if not round(difference, digits):
        return f"{contrast.label} is within {10**-digits:.{digits}f}{unit} of {contrast.baseline}"
    return f"{contrast.label} is {size} {'above' if difference > 0 else 'below'} {contrast.baseline}"


def _verdict(contrast: Contrast) -> str:
    assert contrast.p_corrected is not None
    assert contrast.smallest_p is not None
    rows = f" over {contrast.rows} rows" if contrast.rows > 1 else ""
    p = f"p {contrast.p_corrected:.2g}{rows}"
    if contrast.p_corrected <= LEVEL:
        return f"more than chance ({p})"
    seeds = f"{contrast.n} pairs" if contrast.paired else "so few seeds"
    if contrast.smallest_p > LEVEL:
        return (
            f"too few seeds to distinguish it from chance: {seeds} never give p below {contrast.smallest_p:.2g}, "
            f"and {LEVEL} is asked for; {_more(contrast)}"
        )
    if contrast.p == contrast.smallest_p:  # the correction alone keeps it above
        return (
            f"too few seeds for {contrast.rows} rows: {seeds} never give p below {contrast.smallest_p:.2g}, "
            f"which is {contrast.p_corrected:.2g} when corrected; {_more(contrast)}"
        )
    return f"not distinguishable from chance ({p}); {_more(contrast)}"


def _more(contrast: Contrast) -> str:
    if not contrast.difference:
        return "no number of seeds distinguishes equals"
    if contrast.seeds is None:
        return "to settle so small a difference would take more than 1,000 seeds"
    if contrast.seeds <= contrast.n:
        return "a difference of this size and spread is usually found with so many seeds"
    each = "" if contrast.paired else " of each"
    return f"to settle it would take about {contrast.seeds} seeds{each}, {contrast.seeds - contrast.n} more"


def _contrast(group: Group, baseline: Group, scale: float) -> Contrast:
    if shared := _shared(group, baseline):
        pairs = [(scale * group.values[seed], scale * baseline.values[seed]) for seed in shared]
        alone = len(group.values) + len(baseline.values) - 2 * len(shared)
        return _of_pairs(Contrast(group.label, baseline.label, True, (len(pairs),) * 2, alone), pairs)
    one, two = ([scale * value for value in each.values.values()] for each in (group, baseline))
    return _of_groups(Contrast(group.label, baseline.label, False, (len(one), len(two))), one, two)


def _of_pairs(contrast: Contrast, pairs: Sequence[tuple[float, float]]) -> Contrast:
    differences = [value - other for value, other in pairs]
    summary = summarise(differences)
    contrast = replace(contrast, difference=summary.mean)
    if summary.deviation is None:
        return contrast
    return replace(
        contrast,
        interval=paired_interval(differences),
        deviation=summary.deviation,
        p=sign_flip_p(differences),
        smallest_p=smallest_paired_p(len(pairs)),
    )


def _of_groups(contrast: Contrast, one: Sequence[float], two: Sequence[float]) -> Contrast:
    if not one or not two:
        return contrast
    first, second = summarise(one), summarise(two)
    contrast = replace(contrast, difference=first.mean - second.mean)
    if first.deviation is None or second.deviation is None:
        return contrast
    return replace(
        contrast,
        interval=unpaired_interval(one, two),
        deviation=sqrt((first.deviation**2 + second.deviation**2) / 2),
        p=permutation_p(one, two),
        smallest_p=smallest_unpaired_p(len(one), len(two)),
    )


def _shared(group: Group, baseline: Group) -> list[int]:
    """The seeds to pair: those that both have, unless that would leave out most of the smaller group."""
    shared = [seed for seed in group.values if seed in baseline.values]
    smaller = min(len(group.values), len(baseline.values))
    enough = (
        len(shared) > 1 or smaller == 1
    )  # one pair among several seeds says less than all of them unpaired
    return shared if enough and 2 * len(shared) >= smaller else []
