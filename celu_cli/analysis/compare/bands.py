"""The mean over seeds and its band, epoch by epoch or over training time: what an overlay draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, nan
from typing import TYPE_CHECKING, Literal

from celu_cli.analysis.compare.statistics import Summary, summarise
from celu_cli.events import EpochMetrics

if TYPE_CHECKING:  # the command line takes the kinds of band from here, and must start without the schema
    from celu_cli.runs.published import PublishedEpoch
    from celu_cli.runs.run import Run

Phase = Literal["train", "test"]
Measure = Literal["accuracy", "loss"]
BandKind = Literal["sd", "ci", "none"]
_ROUGH_HOURS = 3 * 3600
_ROUGH_MINUTES = 180


@dataclass(frozen=True)
class Band:
    """A group's mean at each epoch, with the mean ± one sample standard deviation or the 95 % interval over `n` seeds.

    `seconds` is the mean training time up to each epoch. With one seed, `low` and `high` are the mean itself.
    """

    epochs: tuple[int, ...]
    seconds: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: int


def band_of(runs: Sequence[Run], phase: Phase, measure: Measure = "accuracy", kind: BandKind = "sd") -> Band:
    """The accuracies or losses of `runs`, each with an epoch, over the epochs that all of them have.

    Where one of them is not a finite number, as the loss of a training that diverged, so is mean and band.
    """
    values = [{epoch.epoch: value_of(epoch, phase, measure) for epoch in run.metrics} for run in runs]
    times = [
        dict(
            zip(
                (epoch.epoch for epoch in run.metrics),
                accumulate(epoch.seconds for epoch in run.metrics),
                strict=True,
            )
        )
        for run in runs
    ]
    epochs = tuple(sorted(set.intersection(*map(set, values))))
    summaries = [_summary([each[epoch] for each in values]) for epoch in epochs]
    means = tuple(summary.mean for summary in summaries)
    spreads = [(each.half_width if kind == "ci" else each.deviation) or 0.0 for each in summaries]
    return Band(
        epochs,
        tuple(_summary([each[epoch] for each in times]).mean for epoch in epochs),
        means,
        tuple(mean - spread for mean, spread in zip(means, spreads, strict=True)),
        tuple(mean + spread for mean, spread in zip(means, spreads, strict=True)),
        len(runs),
    )


def time_unit(longest: float) -> tuple[str, float]:
    """The unit to count times up to `longest` seconds in, and its seconds."""
    if longest >= _ROUGH_HOURS:
        return "hours", 3600.0
    return ("minutes", 60.0) if longest >= _ROUGH_MINUTES else ("seconds", 1.0)


def value_of(epoch: EpochMetrics | PublishedEpoch, phase: Phase, measure: Measure) -> float:
    """The accuracy or loss of an epoch."""
    return float(getattr(epoch, f"{phase}_{measure}"))


def _summary(values: Sequence[float]) -> Summary:
    return summarise(values) if all(map(isfinite, values)) else Summary(len(values), nan, nan)
