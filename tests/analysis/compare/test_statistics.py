from __future__ import annotations

from math import isclose, sqrt
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from celu_cli.analysis.compare.permutation import groups_p, sign_flip_p, smallest_paired_p
from celu_cli.analysis.compare.statistics import (
    effect_found,
    holm,
    paired_interval,
    seeds_to_reach,
    seeds_to_resolve,
    summarise,
    unpaired_interval,
)

accuracies = st.integers(0, 10_000).map(lambda images: images / 10_000)
few = st.lists(accuracies, min_size=2, max_size=6)


@given(st.lists(accuracies, min_size=2, max_size=30))
def test_mean_and_deviation_are_those_of_the_standard_library(values: list[float]) -> None:
    summary = summarise(values)
    assert summary.n == len(values)
    assert summary.mean == pytest.approx(fmean(values))
    assert summary.deviation == pytest.approx(np.std(values, ddof=1), abs=1e-12)


def test_one_number_has_no_deviation() -> None:
    assert summarise([0.7]).deviation is None


@given(few)
@example([0.0071, 0.0071, 0.0071])  # a rounded mean would give it a width
def test_the_paired_interval_is_scipys(differences: list[float]) -> None:
    expected = stats.ttest_1samp(differences, 0.0).confidence_interval() if stdev(differences) else None
    interval = paired_interval(differences)
    if expected:
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    else:
        assert interval.low == interval.high == pytest.approx(differences[0])


@given(few, few)
def test_the_unpaired_interval_is_scipys_welch_interval(values: list[float], baseline: list[float]) -> None:
    interval = unpaired_interval(values, baseline)
    assert interval.difference == pytest.approx(fmean(values) - fmean(baseline), abs=1e-12)
    if min(stdev(values), stdev(baseline)) > 1e-9:
        expected = stats.ttest_ind(values, baseline, equal_var=False).confidence_interval()
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("n", [5, 10])
def test_the_paired_interval_covers_the_truth_95_times_in_100(n: int) -> None:
    drawn = np.random.default_rng(20_000 + n).normal(1.0, 2.0, (4000, n))
    intervals = [paired_interval(row) for row in drawn.tolist()]
    covered = np.mean([interval.low <= 1.0 <= interval.high for interval in intervals])
    assert 0.93 <= covered <= 0.97


def test_the_unpaired_interval_covers_the_truth_where_the_spreads_differ() -> None:
    generator = np.random.default_rng(7)
    wide, narrow = generator.normal(1.0, 3.0, (4000, 5)), generator.normal(0.0, 1.0, (4000, 10))
    intervals = [unpaired_interval(*rows) for rows in zip(wide.tolist(), narrow.tolist(), strict=True)]
    covered = np.mean([interval.low <= 1.0 <= interval.high for interval in intervals])
    assert 0.93 <= covered <= 0.97


def test_holm_corrects_as_computed_by_hand() -> None:
    # .005 x 4 = .02; .01 x 3 = .03; .03 x 2 = .06; .04 x 1 = .04, which may not fall below .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferronis_and_keeps_the_order(values: list[float]) -> None:
    corrected = holm(values)
    for value, after in zip(values, corrected, strict=True):
        assert value <= after <= min(1.0, len(values) * value) or isclose(value, after)
    order = sorted(range(len(values)), key=lambda index: values[index])
    assert [corrected[index] for index in order] == sorted(corrected)


def test_five_pairs_never_reach_a_twentieth_and_six_do() -> None:
    assert smallest_paired_p(5) == 0.0625
    assert seeds_to_reach(0.05, paired=True) == 6
    assert seeds_to_reach(0.05 / 4, paired=True) == 8
    assert seeds_to_reach(0.05, paired=False) == 4


@pytest.mark.parametrize(
    ("effect", "paired", "seeds"),
    # The classic tables of the t test's sample size at .05 and power .8 (Cohen's large and medium effects).
    [(0.8, True, 15), (0.5, True, 34), (0.8, False, 26), (0.5, False, 64)],
)
def test_the_seeds_needed_are_those_of_the_published_tables(effect: float, paired: bool, seeds: int) -> None:
    assert seeds_to_resolve(effect, 1.0, 0.05, paired) == seeds
    assert seeds_to_resolve(-2 * effect, 2.0, 0.05, paired) == seeds


def test_the_seeds_needed_do_find_the_difference_four_times_in_five() -> None:
    n = seeds_to_resolve(0.6, 1.0, 0.05, paired=True)
    assert n is not None
    drawn = np.random.default_rng(11).normal(0.6, 1.0, (4000, n))
    t = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / sqrt(n))
    assert np.mean(np.abs(t) > stats.t.ppf(0.975, n - 1)) == pytest.approx(0.8, abs=0.03)


def test_a_difference_that_no_thousand_seeds_find_has_no_number() -> None:
    assert seeds_to_resolve(0.0, 1.0, 0.05, paired=True) is None
    assert seeds_to_resolve(0.01, 1.0, 0.05, paired=True) is None
    assert seeds_to_resolve(0.01, 0.0, 0.05, paired=True) == 6
    assert seeds_to_resolve(1e6, 1.0, 0.05, paired=True) == 6


@pytest.mark.parametrize(("effect", "n"), [(1.2, 8), (1.4, 7), (1.7, 7), (2.0, 6)])
def test_near_the_smallest_number_of_pairs_the_exact_test_itself_finds_it_four_times_in_five(
    effect: float, n: int
) -> None:
    assert seeds_to_resolve(effect, 1.0, 0.05, paired=True) == n
    drawn = np.random.default_rng(12).normal(effect, 1.0, (1500, n)).tolist()
    assert np.mean([sign_flip_p(row) <= 0.05 for row in drawn]) >= 0.77


def test_near_the_smallest_number_of_two_groups_too() -> None:
    assert seeds_to_resolve(2.5, 1.0, 0.05, paired=False) == 5
    drawn = np.random.default_rng(13).normal(0.0, 1.0, (300, 10)).tolist()
    found = [groups_p([value + 2.5 for value in row[:5]], row[5:]) <= 0.05 for row in drawn]
    assert np.mean(found) >= 0.77


def test_the_difference_that_so_many_seeds_find_is_the_inverse_of_the_seeds_needed() -> None:
    for paired in (True, False):
        for n in (7, 12, 30):
            effect = effect_found(n, 0.05, paired)
            assert effect is not None
            assert seeds_to_resolve(effect + 0.01, 1.0, 0.05, paired) in (n - 1, n)
            assert (seeds_to_resolve(effect - 0.03, 1.0, 0.05, paired) or 0) > n
    assert effect_found(5, 0.05, paired=True) is None
