"""What a training says while it runs: plain values, so that observers need no TensorFlow.

A `RunOpened` comes first. The trainer then yields `TrainingStarted`, for each epoch any number of `StepsDone`, one
`EvaluationStarted`, any number of `ImagesTested` and one `EpochDone`, then `TrainingEnded`. A `CheckpointReached` may
follow any `StepsDone` and follows the last of an epoch. Where the layers are measured, `LayersMeasured` comes right
before `EpochDone`. Files, terminal and TensorBoard are observers: callables that take one event and return nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RunOpened:
    """The run has its directory; `epochs` are those that a resumed run has already."""

    path: Path
    epochs: Epochs


@dataclass(frozen=True)
class TrainingStarted:
    """Before the first step; `shares` are those into which each batch is cut."""

    epochs: int
    steps_per_epoch: int
    train_images: int
    test_images: int
    initial_weights_hash: str
    batch_order_hash: str
    shares: int


@dataclass(frozen=True)
class StepsDone:
    """Some steps later; loss and accuracy are running means over the epoch's images so far."""

    epoch: int
    step: int
    loss: float
    accuracy: float
    images_per_second: float


@dataclass(frozen=True)
class CheckpointReached:
    """The training as it stands after the last `StepsDone`, to be kept."""

    checkpoint: Checkpoint


@dataclass(frozen=True)
class EvaluationStarted:
    """The epoch's steps are done and the test set comes next."""

    epoch: int


@dataclass(frozen=True)
class ImagesTested:
    """So many images of the test set are done."""

    epoch: int
    images: int


# What is measured of the layers after an epoch: the norms of their gradients, or histograms as well.
LayerDetail = Literal["norms", "histograms"]


@dataclass(frozen=True)
class Histogram:
    """How many values lie in each of the equal parts from `low` to `high`; both are the same for equal values."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class LayersMeasured:
    """The layers after the steps of `epoch`, on one batch that is the same for all epochs; one entry a layer.

    `gradient_norms` are of dL/d weights as the case's backprop has it, and so are the histograms `gradients`;
    `activations` are of the layer's values before its pool. Both are empty where they were not asked for.
    """

    epoch: int
    gradient_norms: tuple[float, ...]
    activations: tuple[Histogram, ...] = ()
    gradients: tuple[Histogram, ...] = ()


@dataclass(frozen=True)
class Fidelity:
    """The gradient in use against the exact one at one step (from 1) of an epoch, a number for each layer.

    `cosine` is 1 where they point the same way, `norm_ratio` is |used| / |exact|.
    """

    step: int
    cosine: tuple[float, ...]
    norm_ratio: tuple[float, ...]


@dataclass(frozen=True)
class EpochMetrics:
    """One line of metrics.jsonl.

    Train loss and accuracy are means over the epoch's images *while* training, as in the article's logs; test
    loss and accuracy are taken after the epoch. `seconds` is the epoch's wall time, evaluation included;
    `images_per_second` counts the training steps alone. `time` is UTC, ISO 8601.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    learning_rate: float
    dilated_rate: float
    seconds: float
    images_per_second: float
    time: str
    fidelity: tuple[Fidelity, ...] = ()

    @property
    def ended(self) -> datetime | None:
        """`time` with its zone; None where it is not ISO 8601 or has no zone."""
        try:
            time = datetime.fromisoformat(self.time.replace("Z", "+00:00"))
        except ValueError:
            return None
        return time if time.tzinfo else None


class Epochs(tuple[EpochMetrics, ...]):
    """The finished epochs of a run, in order."""

    __slots__ = ()

    @property
    def last(self) -> EpochMetrics | None:
        """The newest, if any."""
        return self[-1] if self else None

    @property
    def done(self) -> int:
        """Number of the last epoch; 0 before the first."""
        return self[-1].epoch if self else 0

    def best(self, phase: Literal["train", "test"] = "test") -> EpochMetrics | None:
        """The epoch with the best accuracy, the first of several."""
        return max(self, key=attrgetter(f"{phase}_accuracy"), default=None)

    @property
    def seconds(self) -> float:
        """Wall time of all of them together."""
        return sum(epoch.seconds for epoch in self)

    @property
    def seconds_each(self) -> float | None:
        """Wall time of an epoch, as the mean of the last five; None before the first."""
        recent = self[-5:]
        return sum(epoch.seconds for epoch in recent) / len(recent) if recent else None


@dataclass(frozen=True)
class EpochDone:
    """An epoch with its evaluation is complete."""

    metrics: EpochMetrics


@dataclass(frozen=True)
class TrainingEnded:
    """All epochs asked for are done."""

    epochs: int


Event = (
    RunOpened
    | TrainingStarted
    | StepsDone
    | CheckpointReached
    | EvaluationStarted
    | ImagesTested
    | LayersMeasured
    | EpochDone
    | TrainingEnded
)
Observer = Callable[[Event], None]


@dataclass(frozen=True)
class Checkpoint:
    """A training between two steps.

    `step` of the `steps` of `epoch` (from 1) are done; where they are all of them, the evaluation comes next. `seconds`
    is the time these steps took, over all the processes that took them. `arrays` holds weights, optimizer state and
    the sums of the epoch, each under a name.
    """

    epoch: int
    step: int
    steps: int
    seconds: float
    arrays: Mapping[str, NDArray[Any]]

    @property
    def epochs_trained(self) -> int:
        """How many epochs have all their steps done."""
        return self.epoch if self.step == self.steps else self.epoch - 1
