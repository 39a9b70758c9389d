"""What two trainings came to: how they start, and from which epoch on their metrics differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

from celu_cli.case.cost import split_sizes
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.events import EpochMetrics
from celu_cli.runs.manifest import Manifest
from celu_cli.runs.run import Run

_METRICS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")


@dataclass(frozen=True)
class Start:
    """Whether both begin alike; None where that is not known, and the reason for each answer.

    `expected` says that cases were compared, not the hashes of two runs.
    """

    same_weights: bool | None
    same_order: bool | None
    expected: bool
    weights_reason: str = ""
    order_reason: str = ""


@dataclass(frozen=True)
class MetricDifferences:
    """How the metrics of two runs compare, over the epochs that both have.

    `first_epoch` is the first at which any metric differs, with `first` the differences B minus A there; None
    where all are equal. `last` are the differences of the last common epoch.
    """

    common_epochs: int
    last_epoch: int | None
    first_epoch: int | None
    first: dict[str, float]
    last: dict[str, float]


def recorded_start(a: Manifest, b: Manifest) -> Start:
    """Whether two runs began alike, by the hashes of initial weights and of the order of the images."""
    pairs = [(a.initial_weights_hash, b.initial_weights_hash), (a.batch_order_hash, b.batch_order_hash)]
    weights, order = (None if None in pair else pair[0] == pair[1] for pair in pairs)
    unknown = "a run that stopped before its first step has no hash"
    return Start(weights, order, False, *(unknown if same is None else "" for same in (weights, order)))


def expected_start(a: Case, b: Case) -> Start:
    """Whether trainings of two cases would begin alike."""
    shapes = [[weight.shape for weight in plan_network(case).weights.values()] for case in (a, b)]
    seed = {"seed": a.seed == b.seed}
    weights = {
        "shapes of the layers": shapes[0] == shapes[1],
        "initializer": a.network.initializer == b.network.initializer,
    }
    order = {"number of training images": split_sizes(a)[0] == split_sizes(b)[0]}
    needed = (seed | weights, seed | order)
    return Start(all(needed[0].values()), all(needed[1].values()), True, *map(_reason, needed))


def _reason(same: dict[str, bool]) -> str:
    differing = [name for name in same if not same[name]]
    return f"other {' and '.join(differing)}" if differing else f"same {', '.join(same)}"


def compare_metrics(a: Run, b: Run) -> MetricDifferences:
    """From which epoch on the metrics of two runs differ, and how far they are apart in the end."""
    theirs = {metrics.epoch: metrics for metrics in b.metrics}
    pairs = [(metrics, theirs[metrics.epoch]) for metrics in a.metrics if metrics.epoch in theirs]
    first = next((pair for pair in pairs if not _equal(*pair)), None)
    return MetricDifferences(
        common_epochs=len(pairs),
        last_epoch=pairs[-1][0].epoch if pairs else None,
        first_epoch=first[0].epoch if first else None,
        first=_differences(*first) if first else {},
        last=_differences(*pairs[-1]) if pairs else {},
    )


def _differences(a: EpochMetrics, b: EpochMetrics) -> dict[str, float]:
    """B minus A: losses, and accuracies as shares; NaN where one has no finite value."""
    return {key: getattr(b, key) - getattr(a, key) for key in _METRICS}


def _equal(a: EpochMetrics, b: EpochMetrics) -> bool:
    pairs = [(getattr(a, key), getattr(b, key)) for key in _METRICS]
    return all(x == y or (math.isnan(x) and math.isnan(y)) for x, y in pairs)
