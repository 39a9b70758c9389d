"""How far one group lies from another, and what that is worth in plain English."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from celu_cli.analysis.compare.groups import Group, number_apart, seeds_text, uneven_epochs
from celu_cli.analysis.compare.metric import Metric, is_best, is_loss
from celu_cli.analysis.compare.overall import Overall, compare_overall, shared_seeds
from celu_cli.analysis.compare.permutation import (
    groups_p,
    sign_flip_p,
    smallest_paired_p,
    smallest_unpaired_p,
)
from celu_cli.analysis.compare.statistics import (
    LEVEL,
    Interval,
    effect_found,
    holm,
    paired_interval,
    seeds_to_reach,
    seeds_to_resolve,
    summarise,
    unpaired_interval,
)

_PROMISING = 0.2  # above such a p, the difference seen says little of how many seeds would settle it


@dataclass(frozen=True)
class Contrast:
    """A group minus the baseline, in percentage points for accuracies and as it is for losses.

    `counts` are the seeds compared of the group and of the baseline, which are equal where `paired`; `lost` says of
    the seeds without a partner what became of it. Where one of the counts is 1 there is a `difference` and nothing
    more; where one is 0 there is not even that. `untested` says why there is no test of what is there.

    `deviation` is that of the paired differences, or of both groups together. `p_corrected` is p after Holm's
    correction for `rows` tests, and no smaller than `p_overall`, that of the test over all of them and the baseline.
    `smallest_p` is the least that the test can give with so many seeds, `smallest_corrected` that after the correction,
    when all rows have theirs. `seeds` (of each group) would settle the difference if it were as large as it looks; None
    where p is large. `found` is what as many seeds as there are find four times in five.
    """

    label: str
    baseline: str
    paired: bool
    counts: tuple[int, int]
    lost: tuple[str, ...] = ()
    difference: float | None = None
    untested: str = ""
    interval: Interval | None = None
    deviation: float = 0.0
    p: float | None = None
    smallest_p: float = 1.0
    smallest_corrected: float = 1.0
    p_corrected: float | None = None
    p_overall: float | None = None
    rows: int = 1
    seeds: int | None = None
    found: float | None = None

    @property
    def n(self) -> int:
        return min(self.counts)


def contrast_all(groups: Sequence[Group], baseline: Group, metric: Metric) -> dict[str, Contrast]:
    """Each group but the baseline against it, by label; p is corrected for the number of tests."""
    scale = 1 if is_loss(metric) else 100
    others = [group for group in groups if group is not baseline]
    found = {group.label: _contrast(group, baseline, scale, is_best(metric)) for group in others}
    tested = {label: contrast for label, contrast in found.items() if contrast.p is not None}
    overall = _overall([group for group in groups if group is baseline or group.label in tested])
    p_values = holm([contrast.p or 0.0 for contrast in tested.values()])
    smallest = holm([contrast.smallest_p for contrast in tested.values()])
    for contrast, p, least in zip(tested.values(), p_values, smallest, strict=True):
        p_overall = overall.p_of_either if overall else None
        corrected = replace(
            contrast,
            p_corrected=max(p, p_overall or 0.0),
            p_overall=p_overall,
            smallest_corrected=least,
            rows=len(tested),
        )
        found[contrast.label] = _planned(corrected)
    return found


def can_test_pairs(groups: Sequence[Group], metric: Metric) -> bool:
    """Whether at least one pair of `groups` has what an interval and a test need."""
    several = [group for group in groups if len(group.values) > 1]
    runs = [run for group in several for run in group.counted]
    return len(several) > 1 and not is_best(metric) and not uneven_epochs(runs)


def _overall(groups: Sequence[Group]) -> Overall | None:
    """One test over all groups; of two, it would be that of the pair."""
    if len(groups) < 3:
        return None
    number = number_apart(groups)
    if number is None:
        return compare_overall([group.values for group in groups])
    ordered = sorted(zip(number[1], groups, strict=True), key=lambda pair: pair[0])
    return compare_overall([group.values for _, group in ordered], ordered=True)


def _planned(contrast: Contrast) -> Contrast:
    """With the number of seeds that would settle the difference, and the difference that those there are find."""
    assert contrast.p is not None
    # Holm's first and strictest step: so many seeds are enough whatever the other rows say.
    level = LEVEL / contrast.rows
    seeds = None
    if contrast.p <= _PROMISING:
        seeds = seeds_to_resolve(contrast.difference or 0.0, contrast.deviation, level, contrast.paired)
    effect = effect_found(contrast.n, level, contrast.paired)
    return replace(contrast, seeds=seeds, found=effect * contrast.deviation if effect else None)


def sentence(contrast: Contrast, metric: Metric) -> str:
    """What may be said of the difference, and what may not."""
    pair = f"{contrast.label} and {contrast.baseline}"
    if contrast.difference is None:
        return f"{pair}: {contrast.untested or 'nothing to compare, as one of them has no run that counts'}"
    place = _place(contrast, contrast.difference, is_loss(metric))
    if contrast.untested:
        return f"{place}; {contrast.untested}"
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
    if contrast.lost:
        counted += f" (left out: {', '.join(contrast.lost)})"
    verdict = _verdict(contrast, is_loss(metric))
    return f"{place}, 95 % interval {low:.{digits}f} to {high:.{digits}f}, {counted}; {verdict}"


def _place(contrast: Contrast, difference: float, loss: bool) -> str:
    if not difference:
        return f"{contrast.label} is equal to {contrast.baseline}"
    digits = 4 if loss else 2
    if not round(difference, digits):
        return f"{contrast.label} is within {amount(10**-digits, loss)} of {contrast.baseline}"
    side = "above" if difference > 0 else "below"
    return f"{contrast.label} is {amount(abs(difference), loss)} {side} {contrast.baseline}"


def amount(size: float, loss: bool) -> str:
    """A difference as sentences show it: percentage points of an accuracy, or a loss as it is."""
    return f"{size:.4f}" if loss else f"{size:.2f} points"


def _verdict(contrast: Contrast, loss: bool) -> str:
    assert contrast.p is not None
    assert contrast.p_corrected is not None
    rows = f" over {contrast.rows} rows" if contrast.rows > 1 else ""
    p = f"p {contrast.p_corrected:.2g}{rows}"
    if contrast.p_corrected <= LEVEL:
        return f"more than chance ({p})"
    if contrast.smallest_corrected > LEVEL:
        seeds = f"{contrast.n} pairs" if contrast.paired else "so few seeds"
        corrected = ""
        if contrast.smallest_corrected > contrast.smallest_p:
            corrected = f", or {contrast.smallest_corrected:.3g} when corrected for {contrast.rows} rows"
        return (
            f"too few seeds to distinguish it from chance: {seeds} never give p below {contrast.smallest_p:.3g}"
            f"{corrected}, and {LEVEL} is asked for; {_more(contrast, loss)}"
        )
    return f"not distinguishable from chance ({p}); {_more(contrast, loss)}"


def _more(contrast: Contrast, loss: bool) -> str:
    """What more seeds could do."""
    each = "" if contrast.paired else " of each"
    if contrast.seeds is not None and contrast.seeds > contrast.n:
        return (
            f"if the true difference were as seen, about {contrast.seeds} seeds{each} would settle it, "
            f"{contrast.seeds - contrast.n} more"
        )
    if contrast.found is not None:
        return (
            f"{contrast.n} seeds{each} find a difference of {amount(contrast.found, loss)} four times in five"
        )
    return f"the test needs at least {seeds_to_reach(LEVEL / contrast.rows, contrast.paired)} seeds{each}"


def _contrast(group: Group, baseline: Group, scale: float, best: bool) -> Contrast:
    shared = shared_seeds([group.values, baseline.values])
    counts = (len(shared),) * 2 if shared else (len(group.values), len(baseline.values))
    contrast = Contrast(group.label, baseline.label, bool(shared), counts)
    if epochs := uneven_epochs([*group.counted, *baseline.counted]):
        return replace(contrast, untested=not_at_one_epoch(epochs))
    if shared:
        contrast = replace(contrast, lost=(*_lost(group, baseline), *_lost(baseline, group)))
        pairs = [(scale * group.values[seed], scale * baseline.values[seed]) for seed in shared]
        return _of_pairs(contrast, pairs, best)
    one, two = ([scale * value for value in each.values.values()] for each in (group, baseline))
    return _of_groups(contrast, one, two, best)


def not_at_one_epoch(epochs: Sequence[int]) -> str:
    """Why unfinished runs are not compared, and what to do."""
    return (
        f"not compared, because their runs stand at {epochs[0]} to {epochs[-1]} epochs; "
        f"--at-epoch {max(1, epochs[0])} compares all at one"
    )


def _lost(group: Group, other: Group) -> Iterator[str]:
    """The seeds of `group` that `other` lacks, and why."""
    reasons = {seed: left.why for left in other.left_out for seed in left.seeds}
    lacking: dict[str, list[int]] = {}
    for seed in group.values:
        if seed not in other.values:
            lacking.setdefault(reasons.get(seed, "not run"), []).append(seed)
    return (f"{seeds_text(seeds)} {why} in {other.label}" for why, seeds in lacking.items())


def _of_pairs(contrast: Contrast, pairs: Sequence[tuple[float, float]], best: bool) -> Contrast:
    differences = [value - other for value, other in pairs]
    summary = summarise(differences)
    contrast = replace(contrast, difference=summary.mean)
    if summary.deviation is None:
        return contrast
    if best:
        return replace(contrast, untested="no test is made of a best epoch")
    return replace(
        contrast,
        interval=paired_interval(differences),
        deviation=summary.deviation,
        p=sign_flip_p(differences),
        smallest_p=smallest_paired_p(len(pairs)),
    )


def _of_groups(contrast: Contrast, one: Sequence[float], two: Sequence[float], best: bool) -> Contrast:
    if not one or not two:
        return contrast
    first, second = summarise(one), summarise(two)
    contrast = replace(contrast, difference=first.mean - second.mean)
    if first.deviation is None or second.deviation is None:
        return contrast
    if best:
        return replace(contrast, untested="no test is made of a best epoch")
    return replace(
        contrast,
        interval=unpaired_interval(one, two),
        deviation=sqrt((first.deviation**2 + second.deviation**2) / 2),
        p=groups_p(one, two),
        smallest_p=smallest_unpaired_p(len(one), len(two)),
    )
