from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from celu_cli.analysis.compare.groups import newest_runs
from celu_cli.analysis.compare.run_columns import compare_runs
from celu_cli.events import Epochs
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import read_run
from tests.runs.fakes import make_case, make_metrics, record_run


def test_a_row_holds_the_last_and_the_best_values(tmp_path: Path) -> None:
    run = read_run(record_run(tmp_path))
    metrics = (
        make_metrics(1, train_accuracy=0.6, test_accuracy=0.5),
        make_metrics(2, train_accuracy=0.8, test_accuracy=0.7),
        make_metrics(3, train_accuracy=0.9, test_accuracy=0.65),
    )
    (row,) = compare_runs([replace(run, metrics=Epochs(metrics))]).rows
    assert (row["train_accuracy"], row["test_accuracy"]) == (0.9, 0.65)
    assert (row["best_train_accuracy"], row["best_test_accuracy"], row["best_test_epoch"]) == (0.9, 0.7, 2)
    assert row["gap"] == pytest.approx(25.0)
    assert (row["epochs"], row["epochs_asked"], row["seconds"]) == (3, 3, 906.0)


def test_the_published_value_is_of_an_epoch_that_both_have(tmp_path: Path) -> None:
    run = read_run(record_run(tmp_path, make_case(epochs=10, published="case-c")))
    (row,) = compare_runs([run]).rows
    assert row["published_epoch"] == 9
    assert row["published_test_accuracy"] == 0.7582
    assert row["published_difference"] == pytest.approx(100 * (run.metrics[8].test_accuracy - 0.7582))


def test_settings_are_told_with_their_defaults_filled_in(tmp_path: Path) -> None:
    case = make_case(alpha=None, backprop={"method": "manual", "rule": "article"})
    (row,) = compare_runs([read_run(record_run(tmp_path, case))]).rows
    assert (row["activation"], row["alpha"], row["backprop"]) == ("celu", 1.0, "manual (article)")
    assert (row["optimizer"], row["learning_rate"]) == ("amsgrad (tensor)", 8e-4)


def test_a_run_without_an_epoch_is_a_row_without_values(tmp_path: Path) -> None:
    (row,) = compare_runs([read_run(record_run(tmp_path, make_case(published="case-c"), done=0))]).rows
    assert (row["epochs"], row["test_accuracy"], row["gap"], row["published_test_accuracy"]) == (
        0,
        None,
        None,
        None,
    )
    assert (row["seconds"], row["status"]) == (0, "interrupted")


def test_rows_come_by_case_then_seed_then_time(tmp_path: Path) -> None:
    for name, seed in (("case-d", 0), ("case-c", 1), ("case-c", 0), ("case-c", 1)):
        record_run(tmp_path, make_case(name=name, seed=seed))
    rows = compare_runs(find_runs(tmp_path).runs).rows
    assert [(row["case"], row["seed"]) for row in rows] == [
        ("case-c", 0),
        ("case-c", 1),
        ("case-c", 1),
        ("case-d", 0),
    ]
    assert rows[1]["run"] < rows[2]["run"]


def test_only_the_newest_run_of_a_case_and_seed_is_kept_when_asked(tmp_path: Path) -> None:
    paths = [record_run(tmp_path, make_case(seed=seed)) for seed in (0, 1, 0)]
    assert {run.path for run in newest_runs(find_runs(tmp_path).runs)} == {paths[1], paths[2]}


def test_the_newest_runs_keep_every_setting_and_no_stopped_run_hides_a_completed_one(tmp_path: Path) -> None:
    one, three = (record_run(tmp_path, make_case(alpha=alpha)) for alpha in (1.0, 3.0))
    record_run(tmp_path, make_case(alpha=3.0), done=1)
    found = find_runs(tmp_path).runs
    assert len(found) == 3
    assert {run.path for run in newest_runs(found)} == {one, three}


def test_where_no_run_completed_the_newest_is_the_one_that_began_last(tmp_path: Path) -> None:
    paths = [record_run(tmp_path, done=1) for _ in range(2)]
    assert [run.path for run in newest_runs(find_runs(tmp_path).runs)] == paths[1:]
