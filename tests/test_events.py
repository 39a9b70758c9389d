"""What the finished epochs of a run say of it."""

from __future__ import annotations

from celu_cli.events import Epochs
from tests.runs.fakes import make_metrics


def test_no_epoch_has_no_best_and_no_pace() -> None:
    none = Epochs()
    assert (none.last, none.best(), none.seconds_each) == (None, None, None)
    assert (none.done, none.seconds) == (0, 0.0)


def test_the_best_epoch_is_the_first_of_several_and_of_either_phase() -> None:
    epochs = Epochs(
        make_metrics(epoch, train_accuracy=train, test_accuracy=test)
        for epoch, train, test in ((1, 0.5, 0.6), (2, 0.7, 0.8), (3, 0.9, 0.8))
    )
    assert epochs.best() == epochs[1]
    assert epochs.best("train") == epochs.last == epochs[2]
    assert epochs.done == 3


def test_the_pace_is_that_of_the_last_five_epochs() -> None:
    epochs = Epochs(
        make_metrics(epoch, seconds=100.0 if epoch < 3 else float(epoch)) for epoch in range(1, 8)
    )
    assert epochs.seconds_each == 5.0
    assert epochs.seconds == 225.0


def test_a_time_without_a_zone_is_none() -> None:
    assert make_metrics(1).ended is not None
    assert make_metrics(1, time="2026-11-23T14:01:00").ended is None
    assert make_metrics(1, time="yesterday").ended is None
