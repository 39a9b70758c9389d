"""Runs chosen by their values, and groups by their printed names, in every command that takes runs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from celu_cli.sweep.plan import freeze, make_plan
from celu_cli.sweep.request import read_request
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run

ADAM = {"name": "adam", "learning_rate": 1e-3}


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    logs = Path("logs")
    for seed in range(2):
        for alpha in (1.0, 2.0):
            record_run(logs, make_case(name="case-b", alpha=alpha, seed=seed))
            record_run(logs, make_case(name="case-b", alpha=alpha, seed=seed, optimizer=ADAM))
    record_run(logs, make_case(name="case-c", alpha=4.0, activation="elu"))
    record_run(logs, make_case(name="case-c", alpha=None, activation="relu"))
    return logs


def exported(celu: Celu, *words: str) -> set[str]:
    """The runs that a command means."""
    outcome = celu("export", "--to", "csv", *words)
    assert outcome.code == 0, outcome.err
    return {row["run"] for row in csv.DictReader(io.StringIO(outcome.out))}


def recorded(logs: Path) -> dict[str, dict[str, Any]]:
    """What case.yaml says, read without celu."""
    return {
        "/".join(path.parts[-3:-1]): yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in logs.glob("*/*/case.yaml")
    }


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("alpha=1", lambda case: case.get("alpha") == 1),
        ("alpha=1,4", lambda case: case.get("alpha") in (1, 4)),
        (
            "alpha=1.0 optimizer=adam",
            lambda case: case.get("alpha") == 1 and case["optimizer"]["name"] == "adam",
        ),
        (
            "optimizer.name=adam seed=1",
            lambda case: case["optimizer"]["name"] == "adam" and case["seed"] == 1,
        ),
        ("seed=1..3", lambda case: case["seed"] == 1),
        ("optimizer.learning_rate=8e-4", lambda case: case["optimizer"]["learning_rate"] == 0.0008),
        ("optimizer.maximum=tensor", lambda case: case["optimizer"].get("maximum") == "tensor"),
        ("case=case-c", lambda case: case["name"] == "case-c"),
        ("activation=relu,elu", lambda case: case["activation"] in ("relu", "elu")),
        ("alpha=null", lambda case: "alpha" not in case),
    ],
)
def test_where_chooses_the_runs_whose_case_has_the_values(
    where: str, wanted: Any, logs: Path, celu: Celu
) -> None:
    expected = {run for run, case in recorded(logs).items() if wanted(case)}
    assert expected
    assert exported(celu, "--where", where) == expected
    rows = json.loads(celu("compare", "--runs", "--format", "json", "--where", where).out)
    assert {row["run"] for row in rows} == expected
    celu("plot", "--where", where, "-o", "drawn")
    assert {"/".join(path.parts[-2:]) for path in Path("drawn").glob("*/*")} == expected
    report = celu("report", "--where", where, "-o", "page.html")
    assert report.err.startswith(f"{len(expected)} run")


@pytest.mark.usefixtures("logs")
def test_the_name_of_a_group_is_accepted_wherever_a_case_or_run_is(celu: Celu) -> None:
    rows = json.loads(celu("compare", "--groups", "--format", "json").out)
    names = [row["group"] for row in rows]
    assert len(names) == len(set(names)) == 6
    seen: set[str] = set()
    for name, row in zip(names, rows, strict=True):
        runs = exported(celu, name) if "=" in name else set()
        assert len(runs) == (row["n"] if "=" in name else 0)
        assert not runs & seen
        seen |= runs
        assert celu("compare", "--baseline", name).code == 0
    one, other = names[:2]
    assert json.loads(celu("compare", one, other, "--format", "json", "--groups").out)[0]["n"] == 2
    why = json.loads(celu("why", one, other, "--format", "json").out)
    assert [why[side]["case"]["seed"] for side in "ab"] == [0, 0]
    assert celu("plot", one, "--terminal").code == 0


@pytest.mark.usefixtures("logs")
def test_why_takes_one_run_of_each_by_where(celu: Celu) -> None:
    words = (
        "why",
        "case-b alpha=1",
        "case-b alpha=2",
        "--where",
        "seed=1 optimizer=adam",
        "--format",
        "json",
    )
    why = json.loads(celu(*words).out)
    assert [(why[side]["kind"], why[side]["case"]["seed"], why[side]["case"]["alpha"]) for side in "ab"] == [
        ("run", 1, 1.0),
        ("run", 1, 2.0),
    ]
    several = celu("why", "case-b", "case-c", "--where", "seed=0")
    assert several.code == 2
    assert "'case-b' means 4 runs; name one of them" in several.err


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--where", "alpha=7"), "no run has alpha=7; there are alpha=1, 2, 4"),
        (("--where", "learning_rate=1"), "the key learning_rate; did you mean optimizer.learning_rate?"),
        (("--where", "alpha"), "'alpha' is not a condition; write key=value"),
        (("--where", "alpha=1,,2"), "an empty value"),
        (("--where", "alpha=1 case=case-c"), "but no run meets them all"),
        (("case-b", "alpha=1"), "write a group's name in quotes, such as 'case-b alpha=1'"),
        (("case-x alpha=1",), "no run in logs is called 'case-x'"),
        (("case-b alpha=3",), "no run has alpha=3; there are alpha=1, 2"),
    ],
)
def test_what_chooses_no_run_is_refused_with_what_there_is(
    words: tuple[str, ...], message: str, celu: Celu
) -> None:
    for command in (("compare",), ("export", "--to", "csv"), ("report",), ("plot",)):
        outcome = celu(*command, *words)
        assert (outcome.code, outcome.out) == (2, "")
        assert message in outcome.err


def test_where_chooses_cells_of_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, celu: Celu) -> None:
    monkeypatch.chdir(tmp_path)
    freeze(make_plan(read_request(["case-a", "alpha=0.5,1,2", "seed=0..1"], "alphas")), Path("logs"))
    rows = json.loads(celu("compare", "--sweep", "alphas", "--where", "alpha=0.5,2", "--format", "json").out)
    assert [row["alpha"] for row in rows] == [0.5, 2]
