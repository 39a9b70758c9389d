"""The weights that a run ended with, or stands at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celu_cli.case.plan import NetworkPlan, plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Definition
from celu_cli.datasets.registry import DATASETS
from celu_cli.errors import RunError
from celu_cli.runs.checkpoint import read_checkpoint
from celu_cli.runs.run import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TrainedNetwork:
    """A case, and a value for each of the weights of its plan, by names such as ``layer2.convolution.kernel``.

    `trained` is how far the training had come, in words.
    """

    case: Case
    plan: NetworkPlan
    weights: Mapping[str, NDArray[Any]]
    trained: str

    @property
    def dataset(self) -> Definition:
        """The dataset that it was trained on."""
        return DATASETS[self.case.dataset.name]


def trained_network(run: Run) -> TrainedNetwork:
    """The network of the run's newest whole checkpoint.

    Raises:
        RunError: there is none, or its weights are not those of the run's case.
    """
    found = read_checkpoint(run.path)
    checkpoint = found.checkpoint
    if checkpoint is None:
        why = f": {found.problems[0]}" if found.problems else ""
        raise RunError(
            f"{run.path} has no checkpoint, so its weights are not known{why}; "
            "copy its checkpoint/ beside the other files, or train the case again"
        )
    plan, weights = plan_network(run.case), {}
    for index, (name, parameter) in enumerate(plan.weights.items()):
        array = checkpoint.arrays.get(f"weights/{name}", checkpoint.arrays.get(f"weights/{index}"))
        if array is None or array.shape != parameter.shape:
            raise RunError(f"the checkpoint of {run.path} has no {name} of the shape {parameter.shape}")
        weights[name] = array
    whole = checkpoint.step == checkpoint.steps
    within = "" if whole else f", step {checkpoint.step:,} of {checkpoint.steps:,}"
    return TrainedNetwork(run.case, plan, weights, f"epoch {checkpoint.epoch} of {run.case.epochs}{within}")
