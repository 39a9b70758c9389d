"""How often `celu compare` errs: simulated comparisons whose truth is known. python -m benchmarks.verdicts [--n 1000]

Prints the lines of the table in docs/statistics.md; the seed is fixed. A rate of .05 from 1,000 comparisons is known to
within .014 (two standard errors).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from celu_cli.analysis.compare.permutation import blocks_p, groups_p, sign_flip_p
from celu_cli.analysis.compare.statistics import LEVEL, holm, seeds_to_resolve

Numbers = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="comparisons for each line")
    n = parser.parse_args().n
    for seeds in (6, 8, 10):
        _say(f"paired, normal, {seeds} seeds", n, lambda draw, k=seeds: sign_flip_p(draw.normal(size=k)))
        skewed = lambda draw, k=seeds: sign_flip_p(draw.exponential(size=k) - 1)  # noqa: E731
        _say(f"paired, differences skewed as an exponential, {seeds} seeds", n, skewed)
    for few, many, ratio in ((3, 8, 3), (3, 12, 4), (4, 8, 3), (4, 12, 4), (6, 6, 1)):
        name = f"unpaired, {few} seeds with {ratio} times the spread of {many}"

        def pair(
            draw: np.random.Generator, sizes: tuple[int, int, int] = (few, many, ratio)
        ) -> list[Numbers]:
            return [draw.normal(0, sizes[2], sizes[0]), draw.normal(0, 1, sizes[1])]

        _say(f"{name}: difference of means alone", n, lambda draw, pair=pair: _plain_p(*pair(draw)))
        _say(name, n, lambda draw, pair=pair: groups_p(*pair(draw)))
    _say("four groups of the same 6 seeds", n, lambda draw: blocks_p(draw.normal(size=(6, 4))))
    _say("the same, trend", n, lambda draw: blocks_p(draw.normal(size=(6, 4)), trend=True))
    _say(
        "any of three rows, baseline the best of four: Holm alone", n, lambda draw: _best_as_baseline(draw)[0]
    )
    _say("the same, as celu compare does", n, lambda draw: max(_best_as_baseline(draw)))
    _say("best of 40 epochs against best of 20, 8 seeds", n, lambda draw: _best_epoch_p(draw, 40, 1.0))
    _say("best of 20 epochs, twice the noise, 8 seeds", n, lambda draw: _best_epoch_p(draw, 20, 2.0))
    for seeds in (6, 8, 10):
        _say_named(seeds, n)


def _say(name: str, n: int, p: Callable[[np.random.Generator], float]) -> None:
    """Print the share of `n` comparisons between equals whose p is at most .05."""
    draw = np.random.default_rng(1)
    print(f"| {name} | {np.mean([p(draw) <= LEVEL for _ in range(n)]):.3f} |", flush=True)


def _plain_p(one: Numbers, two: Numbers) -> float:
    """What celu gave before: every deal by the difference of means."""
    found = permutation_test(
        (one, two),
        lambda a, b, axis: np.abs(np.mean(a, axis) - np.mean(b, axis)),
        vectorized=True,
        alternative="greater",
        n_resamples=99_999,
    )
    return float(found.pvalue)


def _best_as_baseline(draw: np.random.Generator) -> tuple[float, float]:
    """Four equals over 8 seeds, the best against the others: the smallest p after Holm, and that of all four."""
    values = draw.normal(size=(8, 4))
    best = int(np.argmax(values.mean(axis=0)))
    pairs = [sign_flip_p(values[:, best] - values[:, other]) for other in range(4) if other != best]
    return min(holm(pairs)), blocks_p(values)


def _best_epoch_p(draw: np.random.Generator, epochs: int, noise: float) -> float:
    """The best epoch of a row against the best of 20 with noise 1; all epochs are equally good."""
    row, other = draw.normal(0, noise, (8, epochs)).max(axis=1), draw.normal(size=(8, 20)).max(axis=1)
    return sign_flip_p(row - other)


def _say_named(seeds: int, n: int) -> None:
    """Print how often a number of seeds is named between equals that are not told apart, before and now."""
    draw = np.random.default_rng(2)
    before = now = unsettled = 0
    for _ in range(n):
        differences = draw.normal(size=seeds)
        p = sign_flip_p(differences)
        needed = seeds_to_resolve(differences.mean(), differences.std(ddof=1), LEVEL, paired=True)
        unsettled += p > LEVEL
        before += p > LEVEL and needed is not None and needed > seeds
        now += LEVEL < p <= 0.2 and needed is not None and needed > seeds
    print(
        f"| a number of seeds is named, {seeds} seeds | {before / unsettled:.2f}, now {now / unsettled:.2f} |"
    )


if __name__ == "__main__":
    main()
