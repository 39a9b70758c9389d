"""Whether several groups differ at all, and whether the metric follows the order they are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import factorial, fsum, nan, prod, sqrt

from celu_cli.analysis.compare.permutation import blocks_p, groups_p
from celu_cli.analysis.compare.statistics import LEVEL, holm, summarise


@dataclass(frozen=True)
class Overall:
    """One test over all groups, and in `ordered` ones of three and more another for a trend; Holm corrects the two.

    `paired` says whether the groups were compared over seeds that several have, and `counts` how many of each.
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
    def p_of_either(self) -> float:
        """That of the clearer of the two tests, corrected for there being two."""
        return self.p if self.trend_p is None else min(self.p, self.trend_p)

    @property
    def differs(self) -> bool:
        """Whether there is more than chance in the groups."""
        return self.p_of_either <= LEVEL

    @property
    def has_trend(self) -> bool:
        return self.trend_p is not None and self.trend_p <= LEVEL


def compare_overall(groups: Sequence[Mapping[int, float]], ordered: bool = False) -> Overall | None:
    """Test `groups`, each with a value for every seed, at least two of them; None where there are fewer than two."""
    if len(groups) < 2 or any(len(group) < 2 for group in groups):
        return None
    blocks = _blocks(groups)
    counts = tuple(sum(value == value for value in column) for column in zip(*blocks, strict=True))
    counts = counts or tuple(map(len, groups))
    summaries = [summarise(list(group.values())) for group in groups]
    means = tuple(summary.mean for summary in summaries)
    deviation = sqrt(fsum((summary.deviation or 0.0) ** 2 for summary in summaries) / len(groups))

    def p(trend: bool) -> float:
        if blocks:
            return blocks_p(blocks, trend=trend)
        return groups_p(*(list(group.values()) for group in groups), trend=trend)

    found = Overall(bool(blocks), counts, means, deviation, p(False), _smallest_p(counts, blocks))
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


def _blocks(groups: Sequence[Mapping[int, float]]) -> list[list[float]]:
    """A row for each seed that several groups have, NaN for those that lack it; none where that leaves out too much.

    For two groups that is where `shared_seeds` finds none.
    """
    having = Counter(seed for group in groups for seed in group)
    rows = [[group.get(seed, nan) for group in groups] for seed in sorted(having) if having[seed] > 1]
    least = max(2, min(map(len, groups)) / 2)
    enough = all(sum(having[seed] > 1 for seed in group) >= least for group in groups)
    return rows if enough else []


def _smallest_p(counts: Sequence[int], blocks: Sequence[Sequence[float]]) -> float:
    """The share of the ways that part the groups most: which group is which does not matter among equal ones."""
    # Whole numbers up to the quotient: there may be far more ways than a float can hold.
    if blocks:
        sizes = [sum(value == value for value in row) for row in blocks]
        ways = prod(map(factorial, sizes))
        return (factorial(len(counts)) if min(sizes) == len(counts) else 1) / ways
    ways = factorial(sum(counts)) // prod(map(factorial, counts))
    return prod(map(factorial, Counter(counts).values())) / ways
