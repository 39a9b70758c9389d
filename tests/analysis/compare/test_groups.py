from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from celu_cli.analysis.compare.groups import Choice, Group, find_group, group_runs, until, value_of
from celu_cli.errors import UsageError
from celu_cli.events import Epochs
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import Run, read_run
from tests.runs.fakes import make_case, make_metrics, record_run, record_seeds


def groups_in(logs: Path, choice: Choice | None = None) -> list[Group]:
    return group_runs(find_runs(logs).runs, choice or Choice())


def test_runs_that_differ_in_their_seed_alone_are_one_group(tmp_path: Path) -> None:
    record_seeds(tmp_path, [0.0, 0.01, 0.02])
    record_seeds(tmp_path, [0.0], first=3, description="in other words", published="case-c")
    (group,) = groups_in(tmp_path)
    assert list(group.values) == [0, 1, 2, 3]
    assert group.summary is not None
    assert group.summary.n == 4
    assert group.label == "case-c"


def test_groups_of_one_case_are_named_by_what_tells_them_apart(tmp_path: Path) -> None:
    record_run(tmp_path, make_case())
    record_run(tmp_path, make_case(alpha=1.0))
    record_run(tmp_path, make_case(alpha=1.0, batch_size=50))
    record_run(tmp_path, make_case(name="case-b"))
    labels = [group.label for group in groups_in(tmp_path)]
    assert sorted(labels) == [
        "case-b",
        "case-c alpha=1 batch_size=100",
        "case-c alpha=1 batch_size=50",
        "case-c alpha=2 batch_size=100",
    ]


def test_networks_given_layer_by_layer_are_told_apart(tmp_path: Path) -> None:
    sizes = {"kernel": 1, "filters": 10, "pool_size": 32, "pool": "average"}
    record_run(tmp_path, make_case(network={"layers": [sizes]}))
    record_run(tmp_path, make_case(network={"layers": [sizes | {"kernel": 3}]}))
    assert {group.label for group in groups_in(tmp_path)} == {
        "case-c network.layers=#1",
        "case-c network.layers=#2",
    }


def test_the_epochs_asked_for_are_part_of_a_case_unless_one_epoch_is_compared(tmp_path: Path) -> None:
    record_run(tmp_path, make_case(epochs=3))
    record_run(tmp_path, make_case(epochs=5, seed=1))
    assert [group.label for group in groups_in(tmp_path)] == ["case-c epochs=3", "case-c epochs=5"]
    (group,) = groups_in(tmp_path, Choice(epoch=2))
    assert group.values == {seed: make_metrics(2).test_accuracy for seed in (0, 1)}


def test_a_schedule_that_stretches_with_the_epochs_keeps_groups_apart_at_any_epoch(tmp_path: Path) -> None:
    for epochs in (3, 5):
        record_run(tmp_path, make_case(epochs=epochs, schedule={"name": "cosine"}))
    assert len(groups_in(tmp_path, Choice(epoch=2))) == 2


def test_unfinished_runs_are_left_out_and_told_unless_they_are_asked_for(tmp_path: Path) -> None:
    record_seeds(tmp_path, [0.0, 0.0])
    record_run(tmp_path, make_case(seed=2), done=2)
    (group,) = groups_in(tmp_path)
    assert (list(group.values), [(left.why, left.runs) for left in group.left_out]) == (
        [0, 1],
        [("interrupted", 1)],
    )
    (group,) = groups_in(tmp_path, Choice(unfinished=True))
    assert (list(group.values), group.left_out) == ([0, 1, 2], ())


def test_of_a_repeated_seed_the_newest_run_that_finished_counts_once(tmp_path: Path) -> None:
    old, new, stopped = (
        read_run(record_run(tmp_path, done=done, shift=shift))
        for done, shift in ((None, 0.1), (None, 0.2), (1, 0.3))
    )
    (group,) = group_runs([stopped, new, old], Choice())
    assert group.values == {0: new.metrics[-1].test_accuracy}
    assert {left.why: left.runs for left in group.left_out} == {"repeated": 1, "interrupted": 1}


@pytest.mark.parametrize("newest", [False, True])
def test_a_seed_that_lacks_a_value_has_one_reason_that_of_its_newest_run(
    tmp_path: Path, newest: bool
) -> None:
    record_run(tmp_path, make_case(seed=1))
    for done in (1, 2):
        record_run(tmp_path, done=done)
    (group,) = groups_in(tmp_path, Choice(newest=newest))
    counts = {"older": 1, "interrupted": 1} if newest else {"interrupted": 2}
    assert {left.why: left.runs for left in group.left_out} == counts
    assert {left.why: left.seeds for left in group.left_out if left.seeds} == {"interrupted": (0,)}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = read_run(record_run(tmp_path))
    metrics = (
        make_metrics(1, test_accuracy=0.5, test_loss=1.0),
        make_metrics(2, test_accuracy=0.7, test_loss=0.5),
        make_metrics(3, test_accuracy=0.6, test_loss=nan),
    )
    return replace(run, metrics=Epochs(metrics))


@pytest.mark.parametrize(
    ("choice", "value"),
    [
        (Choice(), 0.6),
        (Choice("best-test-accuracy"), 0.7),
        (Choice("best-test-accuracy", epoch=1), 0.5),
        (Choice("test-loss"), None),
        (Choice("best-test-loss"), 0.5),
        (Choice("test-loss", epoch=1), 1.0),
        (Choice(epoch=4), None),
    ],
)
def test_the_metric_is_of_the_epoch_asked_for_and_a_number(
    run: Run, choice: Choice, value: float | None
) -> None:
    assert value_of(run, choice) == value


def test_a_run_can_be_seen_as_it_was_at_an_epoch(run: Run) -> None:
    assert [epoch.epoch for epoch in until(run, 2).metrics] == [1, 2]
    assert until(run, None) is run


def test_a_baseline_is_a_label_a_case_or_a_run(tmp_path: Path) -> None:
    record_run(tmp_path, make_case(name="case-b"))
    record_run(tmp_path, make_case())
    path = record_run(tmp_path, make_case(alpha=1.0))
    groups = groups_in(tmp_path)
    assert find_group(groups, "case-b").label == "case-b"
    assert find_group(groups, "case-c alpha=1").label == "case-c alpha=1"
    assert find_group(groups, f"case-c/{path.name}").label == "case-c alpha=1"
    with pytest.raises(UsageError, match='means 2 groups; name one of "case-c alpha=2", "case-c alpha=1"'):
        find_group(groups, "case-c")
    with pytest.raises(UsageError, match="no such group"):
        find_group(groups, "case-x")
