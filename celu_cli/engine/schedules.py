"""Rates that change over the epochs, in NumPy: the learning rate of every step, the dilated rate of every epoch."""

from __future__ import annotations

from math import cos, pi

import numpy as np
from numpy.typing import NDArray

from celu_cli.case.schema import Case


def learning_rates(case: Case, epoch: int, steps: int) -> NDArray[np.float64]:
    """The learning rate of each step of an epoch (from 1): float64 [steps]."""
    begun = epoch - 1 + np.arange(steps) / steps
    rates = case.optimizer.learning_rate * np.array([_factor(case, float(epochs)) for epochs in begun])
    warm_up = case.schedule.warm_up_epochs
    if warm_up > 0.0:
        # The first step's rate is above 0: a step of size 0 would only cost time.
        rates = rates * np.minimum(1.0, (begun + 1.0 / steps) / warm_up)
    return rates


def dilated_rate(case: Case, epoch: int) -> float:
    """rate / (1 + decay (epoch - 1)); 0 for other kinds of backprop."""
    backprop = case.backprop
    return backprop.rate / (1.0 + backprop.decay * (epoch - 1)) if backprop.method == "dilated" else 0.0


def _factor(case: Case, epochs: float) -> float:
    """What the schedule makes of the learning rate after some epochs, warm-up apart."""
    schedule = case.schedule
    if schedule.name == "step":
        with np.errstate(over="ignore"):  # a rate that grows without end is the training's to report
            return float(np.power(schedule.factor, int(epochs) // schedule.every))
    if schedule.name == "cosine":
        # Loshchilov, Hutter 2016, arXiv:1608.03983, without restarts; it begins where the warm-up ends.
        length = max(case.epochs - schedule.warm_up_epochs, 1.0)
        progress = min(max(epochs - schedule.warm_up_epochs, 0.0) / length, 1.0)
        return schedule.final_factor + (1.0 - schedule.final_factor) * 0.5 * (1.0 + cos(pi * progress))
    assert schedule.name == "constant", f"a schedule without a rule: {schedule.name}"
    return 1.0
