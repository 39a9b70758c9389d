"""A training taken up from any of its checkpoints goes on as it would have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.load import load_case
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Dataset, Split
from celu_cli.datasets.load import load_dataset
from celu_cli.engine.training import programs
from celu_cli.engine.training.train import Checkpoints, train
from celu_cli.errors import DivergedError, OutOfMemoryError, RunError
from celu_cli.events import Checkpoint, CheckpointReached, EpochDone, StepsDone
from tests.engine.small import make_dataset, make_tiny_case

STEEP = """
import tensorflow as tf
from celu_cli.engine.activations import Activation

steep = Activation(value=lambda x, _: x, derivative=lambda y, _: tf.fill(tf.shape(y), float("inf")))
"""
EVERY_STEP = Checkpoints(every_steps=1)
TIMES = {"seconds", "images_per_second", "time"}
OPTIMIZERS = ["sgd", "momentum", "rmsprop", "adagrad", "adam", "adamw", "nadam", "amsgrad"]


def story(
    case: Case, dataset: Dataset, resume: Checkpoint | None = None, epochs_recorded: int = 0
) -> tuple[list[dict[str, Any]], list[Checkpoint]]:
    """The numbers of its epochs and its checkpoints."""
    events = list(
        train(case, dataset, checkpoints=EVERY_STEP, resume=resume, epochs_recorded=epochs_recorded)
    )
    epochs = [vars(event.metrics) for event in events if isinstance(event, EpochDone)]
    numbers = [{key: value for key, value in epoch.items() if key not in TIMES} for epoch in epochs]
    return numbers, [event.checkpoint for event in events if isinstance(event, CheckpointReached)]


def assert_same(one: Checkpoint, other: Checkpoint) -> None:
    assert (one.epoch, one.step) == (other.epoch, other.step)
    assert set(one.arrays) == set(other.arrays)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_ends_at_the_same_bits_with_every_optimizer(optimizer: str) -> None:
    case = make_tiny_case(optimizer={"name": optimizer, "learning_rate": 0.01}, epochs=2)
    dataset = make_dataset(20, 9)
    epochs, checkpoints = story(case, dataset)
    resumed_epochs, resumed = story(case, dataset, checkpoints[1])  # step 2 of 3 of the first epoch
    assert resumed_epochs == epochs
    assert_same(resumed[-1], checkpoints[-1])


@pytest.mark.parametrize("fidelity", [None, {"every": 2}])
def test_it_ends_at_the_same_bits_from_every_checkpoint(fidelity: dict[str, int] | None) -> None:
    case = make_tiny_case(epochs=2, fidelity=fidelity, schedule={"name": "cosine"})
    dataset = make_dataset(20, 9)
    epochs, checkpoints = story(case, dataset)
    assert [(c.epoch, c.step) for c in checkpoints] == [(e, s) for e in (1, 2) for s in (1, 2, 3)]
    for number, checkpoint in enumerate(checkpoints):
        resumed_epochs, resumed = story(case, dataset, checkpoint)
        assert resumed_epochs == epochs[checkpoint.epoch - 1 :]
        for one, other in zip(resumed, checkpoints[number + 1 :], strict=True):
            assert_same(one, other)


def first_name(name: str) -> str:
    """What celu's first checkpoints called an array: they counted weights and sums."""
    for number, of_sum in enumerate(("loss", "correct", "diverged_at", "fidelity")):
        name = name.replace(f"sums/{of_sum}", f"sums/{number}")
    return re.sub(r"layer(\d+)\.convolution\.kernel", lambda found: str(int(found[1]) - 1), name)


def test_a_checkpoint_of_celu_s_first_format_goes_on_to_the_same_end() -> None:
    """`first_checkpoint.npz` holds two checkpoints of one training by the code that still counted the weights."""
    overrides = ["network.filters=2", "dataset.sample=true", "epochs=2", "batch_size=4", "fidelity.every=2"]
    case, sample = load_case("case-d", overrides), load_dataset("cifar10", sample=True)
    dataset = replace(
        sample,
        train=Split(sample.train.images[:12], sample.train.labels[:12]),
        test=Split(sample.test.images[:6], sample.test.labels[:6]),
    )
    arrays: dict[str, dict[str, Any]] = {"first": {}, "last": {}}
    with np.load(Path(__file__).with_name("first_checkpoint.npz")) as file:
        for key in file.files:
            when, _, name = key.partition("|")
            arrays[when][name] = file[key]
    assert "weights/0" in arrays["first"]

    _, ours = story(case, dataset)
    _, resumed = story(case, dataset, replace(ours[1], arrays=arrays["first"]))

    for name, array in resumed[-1].arrays.items():
        # Another processor may round differently.
        expected = arrays["last"][first_name(name)]
        np.testing.assert_allclose(array, expected, rtol=1e-4, atol=1e-6, err_msg=name)
    renamed = {name: arrays["first"][first_name(name)] for name in resumed[-1].arrays}
    assert_same(story(case, dataset, replace(ours[1], arrays=renamed))[1][-1], resumed[-1])


def test_an_epoch_that_was_told_of_is_not_evaluated_again() -> None:
    case, dataset = make_tiny_case(epochs=2), make_dataset(20, 9)
    epochs, checkpoints = story(case, dataset)
    assert story(case, dataset, checkpoints[2], epochs_recorded=1)[0] == epochs[1:]
    assert story(case, dataset, checkpoints[2], epochs_recorded=0)[0] == epochs
    assert story(case, dataset, checkpoints[-1], epochs_recorded=2)[0] == []


def test_a_checkpoint_is_offered_when_it_is_due_and_at_the_end_of_the_steps() -> None:
    case, dataset = make_tiny_case(), make_dataset(80, 4)
    answers = iter([False, True, *[False] * 20])
    events = list(train(case, dataset, checkpoints=Checkpoints(lambda: next(answers))))
    after = [
        before.step
        for before, event in pairwise(events)
        if isinstance(event, CheckpointReached) and isinstance(before, StepsDone)
    ]
    assert len(after) == 2
    assert after[1] == 10


def test_a_checkpoint_of_another_network_is_refused() -> None:
    dataset = make_dataset(20, 9)
    _, checkpoints = story(make_tiny_case(), dataset)
    other = make_tiny_case(optimizer={"name": "adam", "learning_rate": 0.01})
    with pytest.raises(RunError, match=r"the checkpoint's optimizer/step is not the int64 \(\) of this case"):
        list(train(other, dataset, resume=checkpoints[0]))


class TestDivergence:
    def test_a_gradient_that_is_infinite_stops_the_training_though_the_loss_is_finite(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "mine.py").write_text(STEEP)
        case = make_tiny_case(activation=f"{tmp_path}/mine.py:steep", alpha=None)
        with pytest.raises(DivergedError, match="in epoch 1, step 1 of 3") as caught:
            list(train(case, make_dataset(20, 9)))
        assert "It began in the gradient of layer 2" in str(caught.value)
        assert "No update came before it, so the learning rate is not the cause" in str(caught.value)

    def test_the_layer_in_which_it_began_is_named(self) -> None:
        case = make_tiny_case(optimizer={"name": "sgd", "learning_rate": 1e30})
        with pytest.raises(DivergedError) as caught:
            list(train(case, make_dataset(20, 5)))
        assert "It began in the output of layer 2; the weights of layer" in str(caught.value)

    def test_no_checkpoint_is_offered_of_the_step_that_diverged(self) -> None:
        case = make_tiny_case(optimizer={"name": "sgd", "learning_rate": 1e30})
        told: list[Checkpoint] = []
        with pytest.raises(DivergedError, match="step 2 of 3"):
            told.extend(checkpoints_of(case, make_dataset(20, 5)))
        assert [checkpoint.step for checkpoint in told] == [1]


def test_too_little_memory_is_an_error_that_says_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(programs, "compile_steps", lambda *_: exhausted)
    with pytest.raises(
        OutOfMemoryError, match=r"more shares of a batch \(shares=N\) or lower network\.filters"
    ):
        list(train(make_tiny_case(), make_dataset(20, 5)))


def checkpoints_of(case: Case, dataset: Dataset) -> Iterator[Checkpoint]:
    """Each checkpoint as it is reached."""
    for event in train(case, dataset, checkpoints=EVERY_STEP):
        if isinstance(event, CheckpointReached):
            yield event.checkpoint
