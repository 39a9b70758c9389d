from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev

import pytest

from celu_cli.analysis.report.curves import shorts
from tests.analysis.report.reports import SPREAD, change_metrics, report_of
from tests.runs.fakes import make_case, record_run, record_seeds


def test_a_group_has_mean_and_band_of_the_runs_that_count(tmp_path: Path) -> None:
    record_seeds(tmp_path, SPREAD, published="case-c")
    record_run(tmp_path, make_case(seed=9, published="case-c"), done=1)
    report = report_of(tmp_path)
    (group,) = report.curves["groups"]
    values = [report.curves["runs"][place]["test_accuracy"][2] for place in group["drawn"]]
    mean, low, high = (part[2] for part in group["test_accuracy"])
    assert len(values) == 6
    assert mean == pytest.approx(fmean(values), abs=1e-5)
    assert (mean - low, high - mean) == pytest.approx((stdev(values),) * 2, abs=2e-5)
    assert (len(group["runs"]), group["published"]) == (7, "case-c")
    assert report.curves["published"]["case-c"]["test_accuracy"][:2] == [0.493, 0.6452]


def test_one_run_is_not_said_twice(tmp_path: Path) -> None:
    record_run(tmp_path)
    (group,) = report_of(tmp_path).curves["groups"]
    assert "test_accuracy" not in group
    assert group["drawn"] == [0]


def test_a_group_of_which_no_run_counts_is_drawn_with_its_state(tmp_path: Path) -> None:
    record_run(tmp_path, done=2)
    curves = report_of(tmp_path).curves
    assert curves["groups"][0]["state"] == "interrupted"
    assert curves["runs"][0]["epochs"] == 2


def test_curves_have_six_digits_and_null_where_there_is_no_number(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    change_metrics(path, 2, test_loss=None)
    change_metrics(path, 1, train_loss=None, test_accuracy=0.123456789, test_loss=12345.678)
    report = report_of(tmp_path)
    (run,) = report.curves["runs"]
    assert run["train_loss"][1] is None
    assert run["test_accuracy"][1] == 0.123457
    assert run["test_loss"][1] == 12345.7
    assert shorts([float("inf")]) == [None]
    assert "case-c not finite test and 0.5667 train" in report.alternatives["loss"]


def test_epochs_that_do_not_count_from_one_are_listed(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    metrics = path / "metrics.jsonl"
    metrics.write_text("".join(metrics.read_text().splitlines(keepends=True)[1:]))
    assert report_of(tmp_path).curves["runs"][0]["epochs"] == [2, 3]


def test_words_of_a_group_are_of_its_mean_and_runs_that_share_no_epoch_have_none(tmp_path: Path) -> None:
    one, _ = record_seeds(tmp_path, [-0.1, 0.1])
    assert (
        "case-c 0.3610 test and 0.4331 train after 3 epochs" in report_of(tmp_path).alternatives["accuracy"]
    )
    lines = (one / "metrics.jsonl").read_text().splitlines(keepends=True)
    (one / "metrics.jsonl").write_text(lines[2].replace('"epoch": 3', '"epoch": 7'))
    assert report_of(tmp_path).alternatives["accuracy"].startswith("No run has finished an epoch")


def test_words_say_where_the_curves_end_and_how_many_are_left(tmp_path: Path) -> None:
    for number in range(14):
        record_run(tmp_path, make_case(name=f"case-{number:02}"))
    words = report_of(tmp_path).alternatives["loss"]
    assert words.startswith(
        "Where the curves of loss end: case-00 0.8083 test and 0.5667 train after 3 epochs;"
    )
    assert words.endswith("; and 2 more cases.")
