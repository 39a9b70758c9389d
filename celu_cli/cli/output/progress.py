"""How far a training has come, kept from its events; no terminal here."""

from __future__ import annotations

import time
from collections.abc import Callable

from celu_cli.events import (
    EpochDone,
    Epochs,
    EvaluationStarted,
    Event,
    ImagesTested,
    RunOpened,
    StepsDone,
    TrainingEnded,
    TrainingStarted,
)


class TrainingProgress:
    """The state a display draws, brought up to date by `apply`."""

    def __init__(self, epochs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.epochs = epochs
        self.finished = Epochs()
        self.started: TrainingStarted | None = None
        self.steps: StepsDone | None = None
        self.evaluating = False
        self.tested = 0
        self.ended = False
        self._clock = clock
        self._start = clock()
        self._end: float | None = None

    def start(self) -> None:
        """Start the clock again, when the training begins later than the display is made."""
        self._start = self._clock()

    def apply(self, event: Event) -> None:
        """Take one event of the training."""
        match event:
            case RunOpened(epochs=epochs):
                self.finished = epochs
            case TrainingStarted():
                self.started = event
                self.epochs = event.epochs
            case StepsDone():
                self.steps = event
            case EvaluationStarted():
                self.evaluating, self.tested = True, 0
            case ImagesTested(images=images):
                self.tested = images
            case EpochDone(metrics):
                self.finished = Epochs((*self.finished, metrics))
                self.steps = None
                self.evaluating = False
            case TrainingEnded():
                self.ended = True
                self.stop()

    def stop(self) -> None:
        """Stop the clock."""
        self._end = self._end or self._clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was started."""
        return (self._end or self._clock()) - self._start

    @property
    def epochs_done(self) -> int:
        """Number of the last finished epoch; a resumed run counts the epochs before it too."""
        if self.steps is not None:
            return self.steps.epoch - 1
        return self.finished.done

    @property
    def epoch_fraction(self) -> float:
        """Share of the current epoch's steps that are done."""
        if self.started is None or self.steps is None:
            return 0.0
        return min(1.0, self.steps.step / max(1, self.started.steps_per_epoch))

    @property
    def remaining(self) -> float | None:
        """Seconds left at the speed so far; None before anything is known."""
        each, steps = self.finished.seconds_each, self.steps
        if each is None and self.started is not None and steps is not None and steps.images_per_second:
            each = self.started.train_images / steps.images_per_second
        return each and each * max(0.0, self.epochs - self.epochs_done - self.epoch_fraction)
