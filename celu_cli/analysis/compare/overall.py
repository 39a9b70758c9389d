"""Whether several groups differ at all, and whether the metric follows the order they are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import factorial, fsum, prod, sqrt

from celu_cli.analysis.compare.permutation import blocks_p, groups_p
from celu_cli.analysis.compare.statistics import LEVEL, holm, summarise


@dataclass(frozen=True)
class Overall:
    """One test over all groups, and in `ordered` ones of three and more another for a trend; Holm corrects the two.

    `paired` says whether the groups were compared over the seeds they share, and `counts` how many seeds of each.
    `means` are those of all seeds, `deviation` is that of a single run, pooled over the groups. `smallest_p` is the
    least that the test can give with so many seeds. `rises` says where the trend leads.
    """

    paired: bool
    counts: tuple[int, ...]
    means: tuple[float, ...]
    deviation: float
    p: float
    smallest_p: float
    trend_p: float | None = None
    rises: bool = False

    @property
    def span(self) -> float:
        return max(self.means) - min(self.means)

    @property
    def differs(self) -> bool:
        """Whether either test says that there is more than chance in the groups."""
        return self.p <= LEVEL or self.has_trend

    @property
    def has_trend(self) -> bool:
        return self.trend_p is not None and self.trend_p <= LEVEL


def compare_overall(groups: Sequence[Mapping[int, float]], ordered: bool = False) -> Overall | None:
    """Test `groups`, each with a value for every seed, at least two of them; None where there are fewer than two."""
    if len(groups) < 2 or any(len(group) < 2 for group in groups):
        return None
    seeds = shared_seeds(groups)
    counts = (len(seeds),) * len(groups) if seeds else tuple(map(len, groups))
    summaries = [summarise(list(group.values())) for group in groups]
    means = tuple(summary.mean for summary in summaries)
    deviation = sqrt(fsum((summary.deviation or 0.0) ** 2 for summary in summaries) / len(groups))

    def p(trend: bool) -> float:
        if seeds:
            return blocks_p([[group[seed] for group in groups] for seed in seeds], trend=trend)
        return groups_p(*(list(group.values()) for group in groups), trend=trend)

    found = Overall(bool(seeds), counts, means, deviation, p(False), _smallest_p(counts, bool(seeds)))
    if not ordered or len(groups) < 3:
        return found
    both = holm([found.p, p(True)])
    middle = (len(means) - 1) / 2
    rises = fsum((place - middle) * mean for place, mean in enumerate(means)) > 0
    return replace(found, p=both[0], trend_p=both[1], rises=rises)


def shared_seeds(groups: Sequence[Mapping[int, float]]) -> list[int]:
    """The seeds to pair: those that all have, unless that would leave out most of the smallest group.

    One pair among several seeds says less than all of them unpaired.
    """
    shared = [seed for seed in groups[0] if all(seed in group for group in groups)]
    smallest = min(map(len, groups))
    enough = len(shared) > 1 or smallest == 1
    return shared if enough and 2 * len(shared) >= smallest else []


def _smallest_p(counts: Sequence[int], paired: bool) -> float:
    """The share of the ways that part the groups most: which group is which does not matter among equal ones."""
    if paired:
        return float(factorial(len(counts))) ** (1 - counts[0])
    ways = factorial(sum(counts)) / prod(map(factorial, counts))
    return prod(map(factorial, Counter(counts).values())) / ways
