from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.invoke import Celu

SMALL = "dataset: mnist\noptimizer: adam\nepochs: 5\n"


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def test_every_case_is_listed_on_one_line_with_what_sets_it_apart(celu: Celu) -> None:
    outcome = celu("cases")
    assert (outcome.code, outcome.err) == (0, "")
    heading, *lines = outcome.out.splitlines()
    assert heading.split() == ["case", "dataset", "backprop", "optimizer", "alpha", "epochs", "description"]
    assert [line.split()[0] for line in lines] == [
        *("case-a", "case-b", "case-c", "case-c-amsgrad"),
        *("case-c-as-run", "case-d", "case-d-as-run"),
    ]
    assert "CIFAR-10  dilated (article)  amsgrad (tensor)      2      51  case-d with" in lines[-1]


def test_cases_of_the_working_directory_are_marked_and_hide_shipped_ones(celu: Celu) -> None:
    write("cases/case-b.yaml", SMALL)
    lines = {line.split()[0]: line for line in celu("cases").out.splitlines()}
    assert "./cases" in lines["case-b"]
    assert "shipped" in lines["case-a"]
    assert len(lines) == 8
    entries = json.loads(celu("cases", "--json").out)
    assert [entry["path"] for entry in entries if entry["local"]] == ["cases/case-b.yaml"]
    assert [entry["name"] for entry in entries if entry["shadowed"]] == ["case-b"]


def test_json_holds_every_value_of_a_case(celu: Celu) -> None:
    entries = {entry["name"]: entry for entry in json.loads(celu("cases", "--json").out)}
    assert entries["case-d"]["case"]["backprop"] == {
        "method": "dilated",
        "rate": 1e-4,
        "decay": 10.0,
        "rule": "exact",
    }


def test_a_broken_case_is_listed_without_spoiling_the_list(celu: Celu) -> None:
    write("cases/mine.yaml", "epochs: many\n")
    outcome = celu("cases")
    assert outcome.code == 0
    assert "not valid" in outcome.out
    assert "celu show mine says what is wrong" in outcome.out
    entry = next(entry for entry in json.loads(celu("cases", "--json").out) if entry["name"] == "mine")
    assert "cases/mine.yaml:1:9: epochs: 'many' given" in entry["error"]


def test_a_description_is_shown_and_never_obeyed(celu: Celu) -> None:
    write("cases/mine.yaml", SMALL + 'description: "[bold]a[/bold] :smile: \\e[31mred\\nline"\n')
    assert "[bold]a[/bold] :smile: \\x1b[31mred\\nline" in celu("cases").out
    assert "[bold]a[/bold] :smile: \\x1b[31mred\\nline" in celu("show", "mine").out


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("words", [("cases",), ("show", "case-d-as-run", "network.residual=0.8")])
def test_no_line_is_wider_than_the_terminal(
    columns: int, words: tuple[str, ...], celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    outcome = celu(*words)
    assert outcome.code == 0
    # A path is whole, alone on a line that is too narrow for it.
    assert [line for line in outcome.out.splitlines() if len(line) > columns and " " in line.strip()] == []
    assert "case-d-as-run" in outcome.out


def test_no_color_is_respected_even_where_color_is_forced(
    celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in celu("show", "case-d", "epochs=2").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in celu("show", "case-d", "epochs=2").out
