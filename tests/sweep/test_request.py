"""What a sweep is asked for: on the command line, in a file, and both together."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from celu_cli.case.reading.document import parse
from celu_cli.errors import CaseError, UsageError
from celu_cli.sweep.request import Request, find_sweep_file, read_request, sweep_json_schema

FILE = """\
description: How alpha acts
cases: [case-b, case-c]
set: {epochs: 3, network.filters: 8}
grid:
  alpha: [0.5, 1, 2]
  optimizer.learning_rate: log:1e-4:1e-2:3
zip:
  batch_size: [50, 100]
  dataset.hold_out: [5000, 6000]
seeds: 0..4
"""


def shape(request: Request) -> dict[str, list[object]]:
    return {axis.key: [value.plain() for value in axis.values] for axis in request.swept_keys()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alpha.sweep.yaml"
    path.write_text(FILE)
    return path


def test_a_command_names_cases_and_values() -> None:
    request = read_request(["case-b", "case-c", "alpha=0.5,1", "epochs=3", "seed=0..2"])
    assert [case for case, _ in request.cases] == ["case-b", "case-c"]
    assert shape(request) == {"alpha": [0.5, 1], "seed": [0, 1, 2]}
    assert list(request.fixed) == ["epochs"]
    assert request.name == "case-b+case-c-alpha-seed"


def test_a_file_says_the_same(file: Path) -> None:
    request = read_request([str(file)])
    assert request.name == "alpha"
    assert list(request.fixed) == ["epochs", "network.filters"]
    assert shape(request) == {
        "alpha": [0.5, 1, 2],
        "optimizer.learning_rate": [1e-4, 1e-3, 1e-2],
        "batch_size": [50, 100],
        "dataset.hold_out": [5000, 6000],
        "seed": [0, 1, 2, 3, 4],
    }
    assert [len(group) for group in request.groups] == [1, 1, 2]
    Draft202012Validator(sweep_json_schema()).validate(parse(FILE, "").root.plain())  # type: ignore[union-attr]


def test_the_command_line_wins_over_the_file(file: Path) -> None:
    request = read_request([str(file), "seed=7", "alpha=4", "epochs=1,2"])
    assert shape(request)["seed"] == [7]
    assert shape(request)["epochs"] == [1, 2]
    assert "alpha" not in shape(request)
    assert [value.plain() for value in request.fixed["alpha"].values] == [4]
    with pytest.raises(CaseError, match="together with other keys"):
        read_request([str(file), "batch_size=10,20"])


def test_a_file_is_found_by_name_among_the_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "mine.sweep.yaml").write_text("cases: case-c\nseeds: 0..1\n")
    monkeypatch.chdir(tmp_path)
    assert shape(read_request(["mine"])) == {"seed": [0, 1]}


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("cases: case-c\ngird: {alpha: [1]}\n", ":2:1: gird", "did you mean grid?"),
        ("grid: {alpha: [1, 2]}\n", ":1:1: cases", "missing"),
        ("cases: []\nseeds: 0..1\n", ":1:8: cases", "an empty list"),
        ("cases: [case-c, case-c]\nseeds: 0..1\n", ":1:17: cases", "given twice"),
        ("cases: 3\nseeds: 0..1\n", ":1:8: cases", "3 given"),
        ("cases: case-c\ngrid: {}\n", ":2:7: grid", "an empty mapping"),
        ("cases: case-c\ngrid:\n  alpha: []\n", ":3:10: grid.alpha", "no values"),
        ("cases: case-c\ngrid:\n  alpha: 1\n", ":3:10: grid.alpha", "accepted: a list"),
        ("cases: case-c\ngrid:\n  alpha: [1, 1]\n", ":3:10: grid.alpha", "1 is given twice"),
        ("cases: case-c\ngrid:\n  alpha: [1]\n  alpha: [2]\n", ":4:3: alpha", "duplicate key"),
        ("cases: case-c\nset: {alpha: 1}\ngrid: {alpha: [1, 2]}\n", ":3:8: grid.alpha", "already in set"),
        ("cases: case-c\ngrid: {seed: [1, 2]}\n", ":2:8: grid.seed", "write seeds"),
        ("cases: case-c\ngrid: {extends: [a, b]}\n", ":2:8: grid", "cannot be swept"),
        ("cases: case-c\nzip: {alpha: [1, 2], epochs: [1]}\n", ":2:6: zip", "alpha 2, epochs 1"),
        ("cases: case-c\nseeds: 4..0\n", ":2:8: seeds", "write 0..4"),
        ("cases: case-c\n", ":1:1", "nothing is swept"),
        ("cases: case-c\ngrid: {alpha: log:1:2}\n", ":2:15: grid.alpha", "is not three numbers"),
        ("", ":1:1", "the file is empty; a sweep needs at least cases"),
        ("- a\n", ":1:1", "a sweep is a mapping"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_line_and_column(
    tmp_path: Path, text: str, place: str, why: str
) -> None:
    path = tmp_path / "wrong.sweep.yaml"
    path.write_text(text)
    with pytest.raises(CaseError) as refused:
        read_request([str(path)])
    assert f"wrong.sweep.yaml{place}" in str(refused.value)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["alpha=1,2"], "no case is named"),
        (["case-c"], "nothing is swept: give a key several values"),
        (["case-c", "alpha=1", "alpha=2,3"], "given twice"),
        (["case-c", "alpha="], "an empty value"),
        (["case-c", "3x=1,2"], "'3x' is not a key"),
        (["case-c", "name=a,b"], "cannot be swept"),
        (["no/such.sweep.yaml"], "there is no file"),
        (["case-b", "alpha.sweep.yaml"], "there is no file"),
        ([f"{'x' * 5_000}.sweep.yaml"], "there is no file"),
    ],
)
def test_words_that_make_no_sweep_are_refused(words: list[str], why: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_request(words)
    assert why in str(refused.value)


def test_a_word_that_is_no_path_names_no_sweep_file() -> None:
    assert find_sweep_file("x" * 5_000) is None


def test_a_name_must_fit_into_a_directory() -> None:
    assert read_request(["case-c", "seed=0..1"], "mine").name == "mine"
    for name in ("", "a/b", "..", "a b"):
        with pytest.raises(UsageError, match="--name"):
            read_request(["case-c", "seed=0..1"], name)
