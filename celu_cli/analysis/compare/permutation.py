"""Permutation tests: the share of all ways to deal the same numbers that part the groups as far as they are.

Pure functions of numbers. Few ways are all counted; of more, many are drawn with a fixed seed, so that the
same numbers always have the same p, which is then (as far + 1) / (drawn + 1).
Source: Fisher 1935, The design of experiments, section 21; Pitman 1937; Phipson and Smyth 2010 for the + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import comb, factorial, fsum, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_MOST_COUNTED = 2**19  # beyond, ways are drawn at random
_DRAWS = 99_999
_DEALS = 19_999  # of several groups
_DRAWN_AT_ONCE = 10_000  # bounds the memory
_NUMBERS_AT_ONCE = 4_000_000
_LEAST = 1e-12  # squared error, in units of the pooled variance
_TIE = 1e-9  # of the size of the numbers: sums that differ by rounding alone are equal


def sign_flip_p(differences: Sequence[float]) -> float:
    """Two-sided p of the paired test: the share of the 2**n choices of signs whose sum is as far from 0.

    It assumes that without a difference of the cases every choice of signs is as likely, so that the differences lie
    symmetrically around 0. All are counted up to 20 pairs.
    """
    import numpy as np

    values = np.abs(np.asarray(differences, np.float64))
    limit = abs(fsum(differences)) - _TIE * float(values.sum())
    if 2 ** (len(values) - 1) > _MOST_COUNTED:
        return (_drawn_as_far(values, limit) + 1) / (_DRAWS + 1)
    sums = values[:1]  # the first sign is held: the other half is the mirror image
    for value in values[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return float(np.mean(np.abs(sums) >= limit))


def _drawn_as_far(values: Numbers, limit: float) -> int:
    """Of the signs drawn at random for `values`, the number whose sum is at least `limit` from 0."""
    import numpy as np

    generator = np.random.default_rng(0)
    as_far = 0
    for begun in range(0, _DRAWS, _DRAWN_AT_ONCE):
        shape = (min(_DRAWN_AT_ONCE, _DRAWS - begun), len(values))
        positive = generator.integers(0, 2, shape, dtype=np.int8).astype(np.float64)
        as_far += int(np.sum(np.abs(2 * (positive @ values) - values.sum()) >= limit))
    return as_far


def blocks_p(blocks: Sequence[Sequence[float]], *, trend: bool = False) -> float:
    """p of groups that share seeds, a row for each seed, from all ways to deal every row to the groups that have it.

    A group without the seed has NaN. The statistic is the sum of S² / n, with S the sum of a group's n deviations from
    the means of their rows, which for two groups makes the test that of `sign_flip_p`; for a `trend` it is
    |sum of place x S|, the groups standing in order, so that only the order of a parameter's values counts and not how
    far they lie apart.
    """
    import numpy as np

    values = np.asarray(blocks, np.float64)
    values = values - np.nanmean(values, axis=1, keepdims=True)  # without what a seed adds to all groups
    present = ~np.isnan(values)
    members = [np.flatnonzero(row) for row in present]
    size, groups = float(np.nansum(np.abs(values))), values.shape[1]
    places = np.arange(groups) - (groups - 1) / 2
    weights = 1 / present.sum(axis=0)
    seen = np.nansum(values, axis=0)

    def as_far(sums: Numbers) -> NDArray[np.bool_]:
        if trend:
            return np.asarray(np.abs(sums @ places) >= abs(seen @ places) - _TIE * size * groups)
        return np.asarray(sums**2 @ weights >= seen**2 @ weights - _TIE * size**2)

    if fsum(log(factorial(len(each))) for each in members) <= log(_MOST_COUNTED):
        sums = np.zeros((1, groups))
        for row, each in zip(values, members, strict=True):
            deals = np.array(list(permutations(range(len(each)))))
            dealt = np.zeros((len(deals), groups))
            dealt[:, each] = row[each][deals]
            sums = (sums[:, None] + dealt).reshape(-1, groups)
        return float(np.mean(as_far(sums)))
    generator = np.random.default_rng(0)
    sums = np.zeros((_DEALS, groups))
    for row, each in zip(values, members, strict=True):
        dealt = generator.permuted(np.broadcast_to(row[each], (_DEALS, len(each))), axis=1)
        # Twice as fast where all groups have the seed.
        sums[:, slice(None) if len(each) == groups else each] += dealt
    return float((np.sum(as_far(sums)) + 1) / (_DEALS + 1))


def groups_p(*groups: Sequence[float], trend: bool = False) -> float:
    """p of groups with seeds of their own, at least two each: the larger of a permutation test's and of Welch's test's.

    The permutation test deals all numbers to groups as large. Its statistic is studentised, because groups that differ
    in spread must not be taken for groups that differ in mean: sum of w (mean - m)² with w = n / s² and m the mean
    weighted by w, which for two groups is the square of Welch's t; for a `trend` it is the square of
    sum of place x mean, divided by sum of place² s² / n. With few seeds that is not enough where both spread and number
    differ, and there Welch's test of the same statistic errs least.
    Source: Janssen 1997, Studentized permutation tests for non-i.i.d. hypotheses; Welch 1951, On the comparison of
    several mean values.
    """
    import numpy as np
    from scipy.stats import permutation_test

    pool = np.concatenate([np.asarray(group, np.float64) for group in groups])
    if not (spread := float(np.std(pool))):
        return 1.0
    standard = [(np.asarray(group) - pool.mean()) / spread for group in groups]
    places = np.arange(len(groups)) - (len(groups) - 1) / 2

    def far(*dealt: Numbers, axis: int) -> Numbers:
        means = np.stack([np.mean(each, axis) for each in dealt])
        # Equal numbers have no variance: the least makes their statistic large instead of infinite.
        errors = np.stack([np.var(each, axis, ddof=1) / each.shape[axis] + _LEAST for each in dealt])
        if trend:
            return np.asarray(
                np.tensordot(places, means, 1) ** 2 / np.tensordot(places**2, errors, 1), np.float64
            )
        weights = 1 / errors
        centre = np.sum(weights * means, 0) / np.sum(weights, 0)
        return np.asarray(np.sum(weights * (means - centre) ** 2, 0), np.float64)

    def bounded(*dealt: Numbers, axis: int) -> Numbers:
        squares = far(*dealt, axis=axis)
        # Rounded, because the same numbers added in another order differ in their last digits.
        return np.asarray(np.round(squares / (1 + squares), 9))

    permuted = permutation_test(
        tuple(standard),
        bounded,
        vectorized=True,
        n_resamples=_DRAWS if len(groups) == 2 else _DEALS,
        batch=max(1, _NUMBERS_AT_ONCE // len(pool)),
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    parts = [float(np.var(each, ddof=1)) / len(each) + _LEAST for each in standard]
    counts = [len(each) for each in standard]
    return max(
        float(permuted.pvalue),
        _welch_p(float(far(*standard, axis=0)), parts, counts, places.tolist() if trend else None),
    )


def _welch_p(
    far: float, errors: Sequence[float], counts: Sequence[int], places: Sequence[float] | None
) -> float:
    """p of Welch's statistic from the F distribution, given each group's squared error s² / n."""
    from scipy.special import fdtrc

    if places is not None:  # Satterthwaite's degrees of freedom of a contrast
        parts = [place**2 * error for place, error in zip(places, errors, strict=True)]
        freedom = sum(parts) ** 2 / sum(part**2 / (n - 1) for part, n in zip(parts, counts, strict=True))
        return float(fdtrc(1, freedom, far))
    k, total = len(counts), sum(1 / error for error in errors)
    lack = sum((1 - 1 / error / total) ** 2 / (n - 1) for error, n in zip(errors, counts, strict=True))
    ratio = far / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * lack)
    return float(fdtrc(k - 1, (k**2 - 1) / (3 * lack), ratio))


def smallest_paired_p(pairs: int) -> float:
    """The smallest p that `sign_flip_p` can give: all signs alike, 2 of 2**n choices."""
    return 2.0 ** (1 - pairs)


def smallest_unpaired_p(n: int, of_baseline: int) -> float:
    """The smallest p that `groups_p` can give for two: one deal, or, in equal groups, it and its mirror image."""
    return (2 if n == of_baseline else 1) / comb(n + of_baseline, n)
