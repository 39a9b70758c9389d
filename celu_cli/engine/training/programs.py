"""Compiled programs that many trainings share: building and compiling one takes longer than a short training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case, ConstantSchedule, DilatedBackprop, NormalInitializer
from celu_cli.case.shares import count_shares
from celu_cli.datasets.definition import Dataset
from celu_cli.engine.network import Network, network_of
from celu_cli.engine.runtime import spread_threads
from celu_cli.engine.training.evaluation import compile_evaluation, evaluation_batch
from celu_cli.engine.training.steps import compile_steps

_KEPT = 4


class Program(NamedTuple):
    """A network with its compiled steps and its compiled evaluation on one dataset."""

    network: Network
    run_steps: Callable[..., Any]
    run_evaluation: Callable[..., Any]


class Programs:
    """The last programs that were asked for; one instance serves the trainings of one process, one after another."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Case, int], tuple[Dataset, Program]] = {}

    def of(self, case: Case, dataset: Dataset) -> Program:
        """The program of `case`, which it shares with cases that differ in seed, rates, schedules and epochs only."""
        key = compiled_part(case), id(dataset)
        kept = self._kept.pop(key, None) or (dataset, _compile(case, dataset))
        self._kept[key] = kept  # now the newest
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]


def compiled_part(case: Case) -> Case:
    """`case` with a fixed value for every key that is no part of the compiled graph."""
    labels = {"name": "", "description": "", "published": None}
    backprop = case.backprop
    if isinstance(backprop, DilatedBackprop) and backprop.rate:  # a rate of 0 is another graph
        backprop = backprop.model_copy(update={"rate": 1.0, "decay": 0.0})
    fixed = {
        "seed": 0,
        "epochs": 1,
        "schedule": ConstantSchedule(),
        "backprop": backprop,
        "optimizer": case.optimizer.model_copy(update={"learning_rate": 1.0}),
        "network": case.network.model_copy(update={"initializer": NormalInitializer()}),
        "shares": count_shares(case, plan_network(case)),
    }
    return case.model_copy(update={**labels, **fixed})


def _compile(case: Case, dataset: Dataset) -> Program:
    plan = plan_network(case)
    spread_threads(count_shares(case, plan))
    network = network_of(case)
    batch = evaluation_batch(plan, len(dataset.test.images))
    return Program(
        network,
        compile_steps(case, network, dataset.train),
        compile_evaluation(network, dataset.test, batch),
    )
