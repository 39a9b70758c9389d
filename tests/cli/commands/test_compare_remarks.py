"""What is said of a whole comparison: a curve it cannot be held against, a parameter that only rescales, guessing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binom

from celu_cli.analysis.compare.group_columns import compare_groups
from celu_cli.analysis.compare.groups import Choice, group_runs
from celu_cli.analysis.compare.remarks import remarks_on
from celu_cli.analysis.compare.run_columns import compare_runs
from celu_cli.case.cost import guessing_accuracy
from celu_cli.case.load import load_case
from celu_cli.cli.commands.run import _report as report_end
from celu_cli.runs.directory import find_runs
from celu_cli.runs.published import read_published, why_not_published
from celu_cli.runs.run import read_run
from tests.analysis.report.reports import report_of
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run, record_seeds

TINY = {"network": {"filters": 8}, "dataset": {"name": "cifar10", "hold_out": 45_000}}


def rates(**changes: Any) -> dict[str, Any]:
    return {"optimizer": make_case().optimizer.model_copy(update=changes).model_dump()}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"alpha": 1.0, "epochs": 3, "seed": 4, "backprop": {"method": "dilated"}}, ""),
        (rates(moment="old"), ""),  # the article leaves it open
        (TINY, "5,000 of 50,000 images, 8 of 200 filters"),
        ({"batch_size": 50}, "batch 50"),
        ({"dataset": {"name": "mnist"}}, "MNIST"),
        ({"dataset": {"name": "cifar10", "sample": True}}, "the sample"),
        (rates(learning_rate=0.1), "learning rate 0.1"),
        ({"optimizer": {"name": "sgd"}}, "optimizer rule sgd, learning rate 0.01"),
    ],
)
def test_a_published_curve_is_held_against_runs_of_its_own_kind_alone(
    changes: dict[str, Any], reason: str
) -> None:
    case = make_case(published="case-c", **changes)
    assert set(why_not_published(case).split(", ")) == set(reason.split(", "))
    assert (read_published(case) is None) == bool(reason)


@pytest.mark.parametrize("name", ["case-a", "case-b", "case-c", "case-d", "case-c-as-run", "case-d-as-run"])
def test_the_shipped_cases_are_compared_with_the_article(name: str) -> None:
    assert read_published(load_case(name)) is not None


def test_the_table_and_the_report_say_why_there_is_no_published_value(celu: Celu, tmp_path: Path) -> None:
    record_run(tmp_path, make_case(published="case-c", epochs=9, **TINY))
    said = "the published curve case-c is not shown, as the runs have 5,000 of 50,000 images and 8 of 200 filters"
    for view in ("--runs", "--groups"):
        out = celu("compare", str(tmp_path), view).out
        assert said in out
        assert "points:" not in out
    results = report_of(tmp_path).results
    assert said in results.runs.notes
    assert said in results.groups.notes


def test_a_comparison_of_alphas_that_only_rescale_says_so(tmp_path: Path) -> None:
    record_seeds(tmp_path, [0.0, 0.01])
    record_seeds(tmp_path, [0.0, 0.01], alpha=1.0)
    runs = find_runs(tmp_path).runs
    groups = compare_groups(group_runs(runs, Choice()), Choice(), None)
    for records in (groups, compare_runs(runs)):
        assert "only the scale of the input" in records.remarks[0]
    assert any("only the scale of the input" in note for note in report_of(tmp_path).results.groups.notes)


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": 2.0},  # the same
        {"alpha": 1.0, "activation": "elu"},
        {"alpha": 1.0, "dataset": {"name": "cifar10"}, "network": {"filters": 3, "residual": 1.0}},
    ],
)
def test_where_alpha_is_more_than_a_scale_or_does_not_differ_nothing_is_said(changes: dict[str, Any]) -> None:
    assert list(remarks_on([make_case(), make_case(**changes)], [])) == []


@pytest.mark.parametrize("sample", [False, True])
def test_guessing_seldom_reaches_more_than_what_counts_as_guessing(sample: bool) -> None:
    case = make_case(dataset={"name": "cifar10", "sample": sample})
    images = 500 if sample else 10_000
    assert binom.sf(guessing_accuracy(case) * images, images, 0.1) == pytest.approx(0.05, abs=0.012)


def test_a_run_no_better_than_guessing_is_named_everywhere(celu: Celu, tmp_path: Path) -> None:
    guessing = record_run(tmp_path, make_case(seed=1), shift=0.1 - 0.360951)  # .1000 after three epochs
    record_run(tmp_path, make_case(seed=2))
    said = f"no better than guessing in test accuracy: case-c/{guessing.name}\n"
    for view in ("--runs", "--groups"):
        assert said in celu("compare", str(tmp_path), view).out
    watched = celu("watch", str(tmp_path), "--once", "--all").out
    assert f"case-c/{guessing.name}: no better than guessing" in watched
    assert watched.count("guessing") == 1
    assert any("no better than guessing" in note for note in report_of(tmp_path).results.runs.notes)


@pytest.mark.parametrize(("shift", "said"), [(0.1 - 0.360951, True), (0.0, False)])
def test_a_run_says_at_its_end_that_it_only_guesses(
    tmp_path: Path, shift: float, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    report_end(read_run(record_run(tmp_path, shift=shift)))
    assert ("no better than guessing" in capsys.readouterr().out) == said


def test_of_many_runs_that_guess_some_are_named_and_the_others_counted(tmp_path: Path) -> None:
    record_seeds(tmp_path, [-0.27] * 5)
    (remark,) = compare_runs(find_runs(tmp_path).runs).remarks
    assert remark.endswith(" and 2 more")


@pytest.mark.parametrize(("view", "heading"), [("--runs", "left out"), ("--groups", "left out")])
def test_what_newest_leaves_out_is_counted_in_the_table(
    celu: Celu, tmp_path: Path, view: str, heading: str
) -> None:
    for _ in range(3):
        record_run(tmp_path, make_case())
    record_run(tmp_path, make_case(), done=1)
    record_run(tmp_path, make_case(seed=1))
    line, *rows = celu("compare", str(tmp_path), view, "--newest").out.splitlines()
    assert heading in line
    assert "3 older" in rows[0]
    assert heading not in celu("compare", str(tmp_path), "--runs").out


def test_a_verdict_on_rows_that_differ_in_several_things_says_so(celu: Celu, tmp_path: Path) -> None:
    record_seeds(tmp_path, [0.0, 0.01], name="one")
    record_seeds(tmp_path, [0.0, 0.02], name="two", batch_size=50, **rates(learning_rate=0.1))
    record_seeds(tmp_path, [0.0, 0.03], name="three", batch_size=50, convolution="direct")
    out = " ".join(celu("compare", str(tmp_path), "--baseline", "one").out.split())
    said = "they differ in learning rate and batch size at once, so no one of these is shown to be the cause"
    assert out.count(said) == 1
    assert out.count("at once") == 1  # three differs in one thing that can change a result
    assert "two is" in out.split(said)[0]


def test_trainings_of_other_lengths_differ_in_their_epochs_too(celu: Celu, tmp_path: Path) -> None:
    record_seeds(tmp_path, [0.0, 0.01], name="one", epochs=2)
    record_seeds(tmp_path, [0.0, 0.02], name="two", epochs=3, batch_size=50)
    out = " ".join(celu("compare", str(tmp_path), "--baseline", "one").out.split())
    assert "they differ in batch size and epochs at once" in out
    out = celu("compare", str(tmp_path), "--baseline", "one", "--at-epoch", "2").out
    assert "at once" not in out  # both are as they were after two epochs


def test_why_a_published_curve_is_missing_is_said_once_for_all_runs_of_its_case() -> None:
    sample = {"dataset": {"name": "cifar10", "sample": True}}
    cases = [
        make_case(published="case-c", batch_size=batch, network={"filters": filters}, **sample)
        for batch, filters in ((50, 8), (100, 8), (100, 16))
    ]
    assert list(remarks_on(cases, [])) == [
        "the published curve case-c is not shown, as the runs have the sample"
    ]
    cases = [make_case(published="case-c", **changes) for changes in (TINY, {"batch_size": 50}, {})]
    assert list(remarks_on(cases[:2], [])) == [
        "the published curve case-c is not shown, as the runs have "
        "5,000 of 50,000 images and 8 of 200 filters, or batch 50"
    ]
    assert next(remarks_on(cases[1:], [])).startswith("case-c: the published curve case-c")
