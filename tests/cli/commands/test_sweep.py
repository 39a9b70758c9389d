from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from celu_cli.case.catalog import find_cases
from tests.cli.invoke import Celu
from tests.cli.small import NETWORK

WORDS = (
    "sweep",
    "case-c",
    "dataset.sample=true",
    NETWORK,
    "batch_size=500",
    "epochs=1",
    "seed=0..1",
    "alpha=1,2",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_sweep_trains_says_what_came_of_it_and_is_done_the_second_time(celu: Celu) -> None:
    before = celu(*WORDS, "--dry-run")
    assert before.out.count("to train  case-c alpha=") == 4
    assert "4 cells, 4 to train" in before.out
    assert "not known before the first cell is complete" in before.out
    assert not Path("logs").exists()

    first = celu(*WORDS, "--workers", "1")
    assert first.code == 0
    assert "4 of 4 cells complete" in first.out
    assert "celu compare --sweep case-c-alpha-seed" in first.out
    assert first.err.count("completed: case-c alpha=") == 4

    again = celu(*WORDS)
    assert "4 done before" in again.err
    assert "completed:" not in again.err

    compared = celu("compare", "--sweep", "case-c-alpha-seed", "--plot", "alpha.png")
    assert [line.split()[0] for line in compared.out.splitlines()[:3]] == ["alpha", "1", "2"]
    assert "wins partly by luck" in compared.out
    words = " ".join(compared.out.split())
    assert "all: CIFAR-10 sample, celu, manual backprop, amsgrad (tensor), rate 0.0008, 1 epoch, " in words
    assert "alpha is only the scale of the input" in words
    assert "the published curve case-c is not shown, as the runs have the sample" in words
    assert Path("alpha.png").is_file()
    (top,) = json.loads(celu("compare", "--sweep", "case-c-alpha-seed", "--top", "1", "--format", "json").out)
    assert top["best"] == "best"

    assert celu("report", "-o", "all.html").code == 0
    page = Path("all.html").read_text()
    assert "case-c-alpha-seed" in page
    assert "wins partly by luck" in page

    more = celu(*WORDS[:-2], "seed=0..2", "alpha=1,2", "--dry-run")
    assert "6 cells, 4 completed, 2 to train" in more.out
    assert "as 4 finished cells took" in more.out


def test_cells_that_fail_are_counted_and_give_the_exit_code(celu: Celu, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    words = (
        "sweep",
        "case-c",
        NETWORK,
        "epochs=1",
        "optimizer.learning_rate=1e30,2e30",
        "dataset.sample=true",
    )
    diverged = celu(*words, "--workers", "1")
    assert diverged.code == 0
    assert "2 diverged, which is a result too" in diverged.out
    assert "became NaN or infinite" in diverged.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("case-c", "nothing is swept"),
        ("case-c alpha=", "an empty value"),
        ("case-c alpha=0,1", "needs an alpha above 0"),
        ("case-c alpha=1,2 alpha=3", "given twice"),
        ("case-c rate=1,2", "unknown key"),
        ("case-c network.filters=8,900000", "needs at least"),
        ("case-c alpha=linear:1:2:1000 seed=0..9999", "10,000,000 cells"),
        ("case-c seed=0..3 --workers 4096", "a worker needs one of its own"),
        ("case-c seed=0..3 --name a/b", "--name"),
        ("case-c seed=0..3 --submit", "--submit needs --on slurm"),
        ("case-c seed=0..3 --gpus-per-run 1", "--gpus-per-run needs --on"),
        ("case-c seed=0..3 --cpus-per-run 4096", "1 x 4096 are too many"),
        ("nothing.json", "not a sweep's plan"),
    ],
)
def test_bad_input_is_a_plain_error_and_starts_nothing(celu: Celu, words: str, why: str) -> None:
    refused = celu("sweep", *words.split())
    assert refused.code == 2
    assert why in refused.err
    assert "Traceback" not in refused.err
    assert not Path("logs").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [("--sweep nowhere", "no sweep has been started"), ("case-c --sweep x", "--sweep stands for the runs")],
)
def test_a_sweep_that_cannot_be_compared_is_a_plain_error(celu: Celu, words: str, why: str) -> None:
    refused = celu("compare", *words.split())
    assert (refused.code, why in refused.err) == (2, True)


def test_a_sweep_file_is_no_case_and_has_a_schema(celu: Celu) -> None:
    Path("cases").mkdir()
    Path("cases/mine.sweep.yaml").write_text("cases: case-c\nseeds: 0..3\n")
    assert "mine" not in [entry.name.partition(".")[0] for entry in find_cases()]
    assert "4 cells" in celu("sweep", "mine", "--dry-run").out
    schema = json.loads(celu("schema", "--sweep").out)
    Draft202012Validator.check_schema(schema)
    assert not Draft202012Validator(schema).is_valid({"cases": "case-c", "gird": {}})
