"""The metrics that runs are compared by."""

from __future__ import annotations

from typing import Literal

Metric = Literal[
    "test-accuracy",
    "train-accuracy",
    "test-loss",
    "train-loss",
    "best-test-accuracy",
    "best-train-accuracy",
    "best-test-loss",
    "best-train-loss",
]


def is_loss(metric: Metric) -> bool:
    """Whether less of it is better."""
    return metric.endswith("loss")


def is_best(metric: Metric) -> bool:
    """Whether it is the best of all epochs, chosen after seeing them."""
    return metric.startswith("best-")
