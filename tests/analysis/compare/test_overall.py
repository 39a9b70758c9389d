"""One test over all groups: its p by enumeration, its level in simulation, and what becomes of missing seeds."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from celu_cli.analysis.compare.overall import compare_overall
from celu_cli.analysis.compare.permutation import groups_p, sign_flip_p


def seeds(*values: float, first: int = 0) -> dict[int, float]:
    return dict(enumerate(values, first))


def test_two_groups_of_the_same_seeds_have_the_p_of_their_pairs() -> None:
    one, two = seeds(0.70, 0.72, 0.71, 0.74), seeds(0.73, 0.74, 0.70, 0.78)
    overall = compare_overall([one, two], ordered=True)
    assert overall is not None
    assert overall.p == sign_flip_p([two[seed] - one[seed] for seed in one])
    assert (overall.counts, overall.smallest_p, overall.trend_p) == ((4, 4), 1 / 8, None)
    assert overall.span == pytest.approx(0.02)
    assert overall.deviation == pytest.approx(
        np.sqrt((np.var([*one.values()], ddof=1) + np.var([*two.values()], ddof=1)) / 2)
    )


def test_a_seed_that_a_group_lacks_is_dealt_among_those_that_have_it() -> None:
    groups = [seeds(5, 9, 7, 8), seeds(6, 11, 9, 12), seeds(20, 18, first=1)]
    overall = compare_overall(groups)
    assert overall is not None
    assert overall.counts == (4, 4, 2)
    rows = [[group[seed] for group in groups if seed in group] for seed in range(4)]
    of_row = [[at for at, group in enumerate(groups) if seed in group] for seed in range(4)]

    def far(dealt: tuple[tuple[float, ...], ...]) -> float:
        sums = [0.0, 0.0, 0.0]
        for at, row in zip(of_row, dealt, strict=True):
            for group, value in zip(at, row, strict=True):
                sums[group] += value - sum(row) / len(row)
        return sum(total**2 / n for total, n in zip(sums, (4, 4, 2), strict=True))

    deals = list(product(*(list(permutations(row)) for row in rows)))
    seen = far(tuple(map(tuple, rows)))
    assert overall.p == pytest.approx(sum(far(deal) >= seen - 1e-9 for deal in deals) / len(deals))


def test_groups_without_common_seeds_are_tested_unpaired() -> None:
    groups = [seeds(0.7, 0.72, 0.71), seeds(0.8, 0.81, 0.83, first=3), seeds(0.9, 0.93, 0.91, first=6)]
    overall = compare_overall(groups, ordered=True)
    assert overall is not None
    assert not overall.paired
    both = [groups_p(*(list(group.values()) for group in groups), trend=trend) for trend in (False, True)]
    assert sorted([overall.p, overall.trend_p or 0]) == pytest.approx(sorted([max(both), 2 * min(both)]))
    assert overall.rises


def test_more_ways_than_a_float_can_count_are_no_trouble() -> None:
    noise = np.random.default_rng(0).normal(size=(200, 3))
    of_many_groups = compare_overall([seeds(*row) for row in noise.tolist()])
    values = noise.ravel().tolist()
    of_many_seeds = compare_overall([seeds(*values), seeds(*values, first=10_000)])
    for overall in (of_many_groups, of_many_seeds):
        assert overall is not None
        assert overall.smallest_p < 1e-300
        assert overall.p > 0.01


def test_a_group_with_one_seed_is_not_tested() -> None:
    assert compare_overall([seeds(0.7, 0.8), seeds(0.7)]) is None
    assert compare_overall([seeds(0.7, 0.8)]) is None


@pytest.mark.parametrize("n", [3, 5])
def test_equal_groups_are_rarely_said_to_differ(n: int) -> None:
    generator = np.random.default_rng(40 + n)
    differ = 0
    for _ in range(400):
        each = generator.normal(0, 1, n)  # what a seed does to all
        groups = [seeds(*(each + generator.normal(0, 1, n)).tolist()) for _ in range(3)]
        overall = compare_overall(groups, ordered=True)
        assert overall is not None
        differ += overall.differs
    assert stats.binom.sf(differ - 1, 400, 0.05) > 0.001  # no more than 5 in 100
