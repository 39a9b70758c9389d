from __future__ import annotations

from itertools import combinations, product
from math import isclose, sqrt
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from celu_cli.analysis.compare.statistics import (
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


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=9))
def test_the_sign_flip_p_is_what_counting_every_choice_of_signs_gives(differences: list[int]) -> None:
    # Whole numbers are added without rounding, so that ties are exact in the count.
    sums = [sum(map(int.__mul__, signs, differences)) for signs in product((1, -1), repeat=len(differences))]
    as_far = sum(abs(each) >= abs(sum(differences)) for each in sums)
    assert sign_flip_p([difference / 10_000 for difference in differences]) == as_far / len(sums)


def test_beyond_twenty_pairs_the_drawn_sign_flip_p_agrees_with_scipys() -> None:
    differences = np.random.default_rng(3).normal(0.4, 1.0, 25)
    expected = stats.permutation_test(
        (differences,),
        lambda values, axis: np.abs(np.mean(values, axis)),
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=50_000,
        rng=np.random.default_rng(4),
    ).pvalue
    assert sign_flip_p(differences.tolist()) == pytest.approx(expected, abs=0.006)
    assert sign_flip_p(differences.tolist()) == sign_flip_p(differences.tolist())


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=4), st.lists(st.integers(0, 50), min_size=2, max_size=4)
)
def test_the_permutation_p_is_what_counting_every_deal_gives(values: list[int], baseline: list[int]) -> None:
    pool, n, m = values + baseline, len(values), len(baseline)

    def apart(chosen: tuple[int, ...]) -> int:
        of_chosen = sum(pool[index] for index in chosen)
        return abs(of_chosen * m - (sum(pool) - of_chosen) * n)  # n m times the difference of means

    deals = list(combinations(range(n + m), n))
    as_far = sum(apart(deal) >= apart(tuple(range(n))) for deal in deals)
    found = permutation_p([value / 10_000 for value in values], [value / 10_000 for value in baseline])
    assert found == pytest.approx(as_far / len(deals))


def test_a_permutation_p_with_too_many_deals_to_count_is_drawn_and_repeatable() -> None:
    generator = np.random.default_rng(5)
    values, baseline = generator.normal(1, 1, 15).tolist(), generator.normal(0, 1, 15).tolist()
    assert permutation_p(values, baseline) == permutation_p(values, baseline)
    assert permutation_p(values, baseline) == pytest.approx(
        stats.ttest_ind(values, baseline).pvalue, abs=0.01
    )


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


@pytest.mark.parametrize("n", [2, 5, 6, 9])
def test_the_smallest_p_is_reached_by_differences_of_one_sign(n: int) -> None:
    assert sign_flip_p([0.01 * (1 + index) for index in range(n)]) == smallest_paired_p(n)
    if n < 6:
        high, low = [1.0 + index for index in range(n)], [-1.0 - index for index in range(n)]
        assert permutation_p(high, low) == pytest.approx(smallest_unpaired_p(n, n))
        assert permutation_p(high, low[:2]) == pytest.approx(smallest_unpaired_p(n, 2))


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
