"""Statistics of a few numbers, one for each seed: spread, interval, correction, how many are needed.

Pure functions of numbers. NumPy and SciPy are imported only by those that need them, so that a plain table stays
quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from math import hypot, sqrt
from statistics import mean, stdev
from typing import TYPE_CHECKING

from celu_cli.analysis.compare.permutation import smallest_paired_p, smallest_unpaired_p

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


LEVEL = 0.05
POWER = 0.8
MOST_SEEDS = 1000

_SIMULATED = 4_000
_MOST_SIMULATED_PAIRS = 10
_MOST_SIMULATED_EACH = 7


@dataclass(frozen=True)
class Summary:
    """How many numbers, their mean, and their sample standard deviation, which one number does not have."""

    n: int
    mean: float
    deviation: float | None

    @property
    def half_width(self) -> float | None:
        """Half of Student's 95 % interval of the mean: t(.975, n - 1) s / sqrt(n); None with fewer than two."""
        if self.deviation is None:
            return None
        from scipy.special import stdtrit  # the t quantile; scipy.stats would take a second to import

        return float(stdtrit(self.n - 1, 1 - LEVEL / 2)) * self.deviation / sqrt(self.n)


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


def seeds_to_reach(level: float, paired: bool) -> int:
    """The smallest number of pairs, or of seeds in each of two groups, whose smallest p is at most `level`."""
    n = 2
    while (smallest_paired_p(n) if paired else smallest_unpaired_p(n, n)) > level:
        n += 1
    return n


def seeds_to_resolve(difference: float, deviation: float, level: float, paired: bool) -> int | None:
    """How many seeds, or seeds of each of two groups, would find `difference`, were it true, four times in five.

    None stands for more than 1,000.
    """
    least = seeds_to_reach(level, paired)
    if not difference or not deviation:
        return least if difference else None
    low, high = least - 1, MOST_SEEDS
    if power(high, difference / deviation, level, paired) < POWER:
        return None
    while high - low > 1:  # power grows with n
        middle = (low + high) // 2
        enough = power(middle, difference / deviation, level, paired) >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return high


@lru_cache(maxsize=64)
def effect_found(n: int, level: float, paired: bool) -> float | None:
    """The difference, in standard deviations, that `n` seeds (of each group) find four times in five.

    None where the test can give no p as small as `level` with so many.
    """
    if n < seeds_to_reach(level, paired):
        return None
    low, high = 0.0, 16.0
    while high - low > 0.005:
        middle = (low + high) / 2
        low, high = (low, middle) if power(n, middle, level, paired) >= POWER else (middle, high)
    return high


def power(n: int, effect: float, level: float, paired: bool) -> float:
    """How often the permutation test of `n` seeds (of each group) finds a true difference of `effect` deviations.

    Of few seeds, where a t test would find it more often, by 4,000 simulated comparisons of normal numbers; of more,
    as the t test: P(T > t(1 - level/2, f)) for T noncentral t with f degrees of freedom and noncentrality
    effect sqrt(n), f = n - 1 for pairs, and effect sqrt(n/2), f = 2 (n - 1) for two groups of n.
    Source: Cohen 1988, Statistical power analysis for the behavioral sciences, chapter 2.
    """
    from scipy.special import nctdtr, stdtrit

    if n <= (_MOST_SIMULATED_PAIRS if paired else _MOST_SIMULATED_EACH):
        noise, shift = _dealt(n, paired)
        sums = abs(noise + abs(effect) * shift)
        p = (sums >= sums[:, :1] - 1e-9 * (1 + abs(effect))).mean(axis=1)
        return float((p <= level).mean())
    freedom = n - 1 if paired else 2 * (n - 1)
    limit = float(stdtrit(freedom, 1 - level / 2))
    centre = abs(effect) * sqrt(n if paired else n / 2)
    if centre > 30:  # far beyond any limit, where the noncentral distribution loses its digits
        return 1.0
    return 1 - float(nctdtr(freedom, centre, limit))


@lru_cache(maxsize=4)
def _dealt(n: int, paired: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of simulated numbers under every choice of signs, that of the data first, and what an effect adds to each.

    Numbers of the second group count negative, so that their choices have as many signs of either kind. Of two choices
    that are mirror images one is there.
    """
    import numpy as np

    if paired:
        choices = [(1, *rest) for rest in product((1, -1), repeat=n - 1)]
    else:
        held = [set(each) for each in combinations(range(1, 2 * n), n - 1)]
        choices = [tuple(1 if at == 0 or at in each else -1 for at in range(2 * n)) for each in held]
    signs = np.array(choices, np.float64)
    numbers = np.random.default_rng(0).normal(size=(_SIMULATED, signs.shape[1]))
    return numbers @ signs.T, signs[:, :n].sum(axis=1)
