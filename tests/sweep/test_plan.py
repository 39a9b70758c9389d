"""Planning: every cell is checked before anything starts, and frozen so that every worker reads the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from celu_cli.case.load import load_case
from celu_cli.errors import CaseError, RunError
from celu_cli.sweep.plan import Plan, freeze, make_plan, newest_plan
from celu_cli.sweep.request import read_request


def plan_of(*words: str) -> Plan:
    return make_plan(read_request(words))


def test_seeds_are_outermost_so_that_a_stopped_sweep_is_balanced() -> None:
    labels = [cell.label for cell in plan_of("case-c", "seed=0..1", "alpha=1,2").cells]
    assert labels == [
        "case-c alpha=1 seed=0",
        "case-c alpha=2 seed=0",
        "case-c alpha=1 seed=1",
        "case-c alpha=2 seed=1",
    ]


def test_a_cell_is_the_case_that_its_overrides_make() -> None:
    plan = plan_of(
        "case-c", "optimizer.learning_rate=1e-3,1e-2", "optimizer=adam,sgd", "epochs=2", "seed=3..4"
    )
    assert len(plan.cells) == 8
    for cell in plan.cells:
        assert cell.case == load_case("case-c", cell.overrides)
        assert cell.case.optimizer.name == cell.settings["optimizer"]
        assert cell.case.optimizer.learning_rate == cell.settings["optimizer.learning_rate"]
        assert cell.case.seed == cell.settings["seed"]


def test_zipped_keys_change_together(tmp_path: Path) -> None:
    path = tmp_path / "both.sweep.yaml"
    path.write_text(
        "cases: case-c\nzip: {alpha: [1, 2, 4], batch_size: [10, 20, 40]}\ngrid: {epochs: [1, 2]}\n"
    )
    pairs = [(cell.case.alpha, cell.case.batch_size) for cell in plan_of(str(path)).cells]
    assert sorted(pairs) == sorted([(1, 10), (2, 20), (4, 40)] * 2)


def test_several_cases_are_swept_alike_and_told_apart() -> None:
    plan = plan_of("case-b", "case-c", "seed=0..7")
    assert plan.keys == ("case",)
    assert [cell.settings["case"] for cell in plan.cells[:2]] == ["case-b", "case-c"]
    assert len(plan.cells) == 16


def test_cells_that_train_the_same_are_planned_once() -> None:
    plan = plan_of("case-c", "published=case-c,case-d", "alpha=1,2")
    assert (len(plan.cells), plan.twins) == (2, 2)


def test_every_error_is_said_once_with_a_cell_and_nothing_is_planned() -> None:
    with pytest.raises(CaseError) as refused:
        plan_of("case-c", "alpha=0,1", "network.filters=8,0", "seed=0..4")
    text = str(refused.value)
    assert "nothing was started" in text
    assert text.count("needs an alpha above 0") == 1
    assert '"network.filters=8,0": network.filters: 0 given' in text
    assert "in the cell case-c alpha=0 network.filters=8 seed=0" in text


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("case-c foo=1,2", "unknown key"),
        ("case-c optimizer.rho=0.8,0.9", "belongs to rmsprop"),
        ("case-c network.filters=8,900000", "needs at least"),
        ("case-c seed=1,x", "'x' given"),
        ("case-c alpha=linear:1:2:1000 seed=0..9999", "10,000,000 cells; one sweep may have 100,000 at most"),
        ("nowhere alpha=1,2", "there is no case 'nowhere'"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_in_plain_words(words: str, why: str) -> None:
    with pytest.raises(CaseError) as refused:
        plan_of(*words.split())
    assert why in str(refused.value)


def test_thousands_of_wrong_cells_are_refused_without_checking_them_all() -> None:
    with pytest.raises(CaseError) as refused:
        plan_of("case-c", "foo=0..99999")
    assert len(str(refused.value).splitlines()) < 50


def test_a_wrong_value_in_a_file_is_placed_in_it(tmp_path: Path) -> None:
    path = tmp_path / "wrong.sweep.yaml"
    path.write_text("cases: case-c\ngrid:\n  alpha: [1, -1]\n")
    with pytest.raises(CaseError, match=r"wrong.sweep.yaml:3:14: alpha: celu needs an alpha above 0"):
        plan_of(str(path))
    path.write_text("cases: [case-c, nowhere]\nseeds: 0..1\n")
    with pytest.raises(CaseError, match=r"wrong.sweep.yaml:1:17: there is no case 'nowhere'"):
        plan_of(str(path))


def test_a_frozen_plan_is_read_as_it_was(tmp_path: Path) -> None:
    plan = plan_of(
        "case-c", "case-d", "optimizer={name: adam, epsilon: 1e-9},sgd", "alpha=log:1:100:3", "seed=0..1"
    )
    freeze(plan, tmp_path)
    assert newest_plan(plan.name, tmp_path) == plan


def test_the_newest_plan_of_a_name_counts_and_older_ones_stay(tmp_path: Path) -> None:
    few, more = (make_plan(read_request(["case-c", f"seed=0..{last}"], "s")) for last in (1, 3))
    files = [freeze(plan, tmp_path) for plan in (more, few)]
    os.utime(files[0], (1, 1))
    assert newest_plan("s", tmp_path) == few
    assert files[0].is_file()
    freeze(more, tmp_path)
    assert newest_plan("s", tmp_path) == more


def test_a_sweep_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no sweep has been started"):
        newest_plan("alpha", tmp_path)
    freeze(make_plan(read_request(["case-c", "seed=0..1"], "alphas")), tmp_path)
    with pytest.raises(RunError, match="there are alphas; did you mean alphas"):
        newest_plan("alpha", tmp_path)
