"""Statistics of a few numbers, one for each seed: spread, interval, permutation tests, how many seeds are needed.

Pure functions of numbers. NumPy and SciPy are imported only by those that need them, so that a plain table stays
quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, fsum, hypot, sqrt
from statistics import mean, stdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


LEVEL = 0.05
POWER = 0.8
MOST_SEEDS = 1000

_MOST_FLIPPED = 20  # 2**19 sums; beyond, signs are drawn at random
_DRAWS = 99_999
_DRAWN_AT_ONCE = 10_000  # bounds the memory
_TIE = 1e-9  # of the size of the numbers: sums that differ by rounding alone are equal


@dataclass(frozen=True)
class Summary:
    """How many numbers, their mean, and their sample standard deviation, which one number does not have."""

    n: int
    mean: float
    deviation: float | None


@dataclass(frozen=True)
class Interval:
    """A mean difference and the 95 % interval around it."""

    difference: float
    low: float
    high: float


def summarise(values: Sequence[float]) -> Summary:
    """Mean, and sample standard deviation sqrt(sum((x - mean)**2) / (n - 1)), of at least one number."""
    # The standard library counts in fractions, so that equal numbers have their own mean and a deviation of 0.
    return Summary(len(values), mean(values), stdev(values) if len(values) > 1 else None)


def paired_interval(differences: Sequence[float]) -> Interval:
    """Student's t interval: mean ± t(.975, n - 1) s / sqrt(n), of at least two differences.

    Source: Student 1908, The probable error of a mean. It assumes that the differences are about normal.
    """
    summary = summarise(differences)
    assert summary.deviation is not None
    return _interval(summary.mean, summary.deviation / sqrt(summary.n), summary.n - 1)


def unpaired_interval(values: Sequence[float], baseline: Sequence[float]) -> Interval:
    """Welch's t interval of mean(values) - mean(baseline), at least two numbers each.

    difference ± t(.975, f) e with e² = s1²/n1 + s2²/n2 and
    f = e⁴ / ((s1²/n1)² / (n1 - 1) + (s2²/n2)² / (n2 - 1)). Source: Welch 1947, The generalization of 'Student's'
    problem when several different population variances are involved.
    """
    one, two = summarise(values), summarise(baseline)
    assert one.deviation is not None
    assert two.deviation is not None
    # Parts of the whole, so that no square of a small number vanishes.
    first, second = one.deviation / sqrt(one.n), two.deviation / sqrt(two.n)
    error = hypot(first, second)
    share = (first / error) ** 2 if error else 0.5
    freedom = 1 / (share**2 / (one.n - 1) + (1 - share) ** 2 / (two.n - 1))
    return _interval(one.mean - two.mean, error, freedom)


def _interval(difference: float, error: float, freedom: float) -> Interval:
    from scipy.special import stdtrit  # the t quantile; scipy.stats would take a second to import

    half = float(stdtrit(freedom, 1 - LEVEL / 2)) * error
    return Interval(difference, difference - half, difference + half)


def sign_flip_p(differences: Sequence[float]) -> float:
    """Two-sided p of the paired permutation test: the share of the 2**n choices of signs whose sum is as far from 0.

    Were the two names of each pair exchangeable, every choice of signs would be as likely. All are counted up
    to 20 pairs; beyond, 99,999 are drawn with a fixed seed and p is (as far + 1) / (drawn + 1).
    Source: Fisher 1935, The design of experiments, section 21; Phipson and Smyth 2010 for the + 1.
    """
    import numpy as np

    values = np.abs(np.asarray(differences, np.float64))
    limit = abs(fsum(differences)) - _TIE * float(values.sum())
    if len(values) > _MOST_FLIPPED:
        return (_drawn_as_far(values, limit) + 1) / (_DRAWS + 1)
    sums = values[:1]  # the first sign is held: the other half is the mirror image
    for value in values[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return float(np.mean(np.abs(sums) >= limit))


def _drawn_as_far(values: NDArray[np.float64], limit: float) -> int:
    """Of the signs drawn at random for `values`, the number whose sum is at least `limit` from 0."""
    import numpy as np

    generator = np.random.default_rng(0)
    as_far = 0
    for begun in range(0, _DRAWS, _DRAWN_AT_ONCE):
        shape = (min(_DRAWN_AT_ONCE, _DRAWS - begun), len(values))
        positive = generator.integers(0, 2, shape, dtype=np.int8).astype(np.float64)
        as_far += int(np.sum(np.abs(2 * (positive @ values) - values.sum()) >= limit))
    return as_far


def permutation_p(values: Sequence[float], baseline: Sequence[float]) -> float:
    """Two-sided p of the permutation test: the share of regroupings that part the means as far.

    SciPy's `permutation_test` of |mean(values) - mean(baseline)|: exact where there are at most 99,999 ways to
    deal, else from that many drawn with a fixed seed. Source: Fisher 1935; Pitman 1937.
    """
    import numpy as np
    from scipy.stats import permutation_test

    size = max(map(abs, [*values, *baseline])) or 1.0
    result = permutation_test(
        (np.asarray(values) / size, np.asarray(baseline) / size),
        # Rounded, because the same numbers added in another order differ in their last digits.
        lambda one, two, axis: np.round(np.abs(np.mean(one, axis) - np.mean(two, axis)), 9),
        vectorized=True,
        n_resamples=_DRAWS,
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number, in the order given: the k-th smallest of m times (m - k + 1), never falling.

    All that stay at or below .05 may be believed together with at most 5 % risk that one of them is wrong.
    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    corrected, largest = [0.0] * len(values), 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = largest
    return corrected


def smallest_paired_p(pairs: int) -> float:
    """The smallest p that `sign_flip_p` can give: all signs alike, 2 of 2**n choices."""
    return 2.0 ** (1 - pairs)


def smallest_unpaired_p(n: int, of_baseline: int) -> float:
    """The smallest p that `permutation_p` can give: all of one group above the other, or, in equal groups, below."""
    return (2 if n == of_baseline else 1) / comb(n + of_baseline, n)


def seeds_to_reach(level: float, paired: bool) -> int:
    """The smallest number of pairs, or of seeds in each of two groups, whose smallest p is at most `level`."""
    n = 2
    while (smallest_paired_p(n) if paired else smallest_unpaired_p(n, n)) > level:
        n += 1
    return n


def seeds_to_resolve(difference: float, deviation: float, level: float, paired: bool) -> int | None:
    """How many seeds would find `difference`, were it true, at `level` four times in five.

    The smallest n whose t test has power .8: P(T > t(1 - level/2, f)) >= .8 for T noncentral t with f degrees of
    freedom and noncentrality |difference| / e, where e = s / sqrt(n), f = n - 1 for pairs, and e = s sqrt(2/n),
    f = 2 (n - 1) for two groups of n. No fewer than the permutation test needs; None stands for more than 1,000.
    Source: Cohen 1988, Statistical power analysis for the behavioral sciences, chapter 2.
    """
    least = seeds_to_reach(level, paired)
    if not difference or not deviation:
        return least if difference else None
    low, high = least - 1, MOST_SEEDS
    if _power(high, difference / deviation, level, paired) < POWER:
        return None
    while high - low > 1:  # power grows with n
        middle = (low + high) // 2
        enough = _power(middle, difference / deviation, level, paired) >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return high


def _power(n: int, effect: float, level: float, paired: bool) -> float:
    from scipy.special import nctdtr, stdtrit

    freedom = n - 1 if paired else 2 * (n - 1)
    limit = float(stdtrit(freedom, 1 - level / 2))
    centre = abs(effect) * sqrt(n if paired else n / 2)
    if centre > 30:  # far beyond any limit, where the noncentral distribution loses its digits
        return 1.0
    return 1 - float(nctdtr(freedom, centre, limit))
