"""`celu compare` over seeds."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from celu_cli.analysis.compare.group_columns import group_columns
from celu_cli.analysis.compare.setting_columns import SETTINGS
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run, record_seeds

SPREAD = [0.0, 0.004, -0.002, 0.001, 0.003, -0.001]


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    logs = Path("logs")
    record_seeds(logs, SPREAD, name="case-b", backprop={"method": "auto"})
    record_seeds(logs, [0.02 + 1.1 * shift for shift in SPREAD], name="case-c")
    record_run(logs, make_case(name="case-c", seed=9), done=2)
    return logs


@pytest.mark.usefixtures("logs")
def test_groups_show_mean_spread_count_and_what_is_left_out(celu: Celu) -> None:
    heading, first, second, *notes = celu("compare").out.splitlines()
    assert heading.split()[:3] == ["case", "backprop", "test"]
    assert first.split() == ["case-b", "auto", "0.3618", "0.0023", "6", "15:06"]
    assert second.split() == ["case-c", "manual", "0.3819", "0.0025", "6", "15:06", "1", "interrupted"]
    assert any("sample standard deviation; --runs shows each run" in note for note in notes)


@pytest.mark.usefixtures("logs")
def test_each_run_stays_within_reach_and_is_the_default_without_repeated_seeds(
    celu: Celu, tmp_path: Path
) -> None:
    assert len(json.loads(celu("compare", "--runs", "--format", "json").out)) == 13
    record_run(tmp_path / "one", make_case())
    record_run(tmp_path / "one", make_case(name="case-d"))
    (first, *_) = json.loads(celu("compare", "--logs", "one", "--format", "json").out)
    assert "run" in first
    (first, *_) = json.loads(celu("compare", "--logs", "one", "--groups", "--format", "json").out)
    assert (first["n"], first["deviation"]) == (1, None)


@pytest.mark.usefixtures("logs")
def test_a_baseline_gives_interval_tests_and_a_sentence(celu: Celu) -> None:
    text = celu("compare", "--baseline", "case-b").out
    assert "+2.01" in text
    assert "case-c is 2.01 points above case-b, 95 % interval 1.98 to 2.03, 6 paired seeds;" in text
    assert "more than chance (p 0.031)" in " ".join(text.split())
    base, row = json.loads(celu("compare", "--baseline", "case-b", "--format", "json").out)
    assert base["difference"] is None
    assert (row["p"], row["paired"], row["baseline"]) == (0.03125, True, "case-b")
    assert row["low"] < row["difference"] < row["high"]


@pytest.mark.usefixtures("logs")
def test_the_verdict_needs_no_baseline_and_is_in_every_format(celu: Celu) -> None:
    # case-c is above case-b for each of six seeds: 2 of the 2**6 ways to deal them part the two as far.
    verdict = "These 2 cases differ in test accuracy by more than chance, highest: case-c (p 0.031; 6 seeds)."
    assert verdict in " ".join(celu("compare").out.split())
    assert [row["verdict"] for row in json.loads(celu("compare", "--format", "json").out)] == [verdict] * 2
    assert verdict in celu("compare", "--format", "md").out.splitlines()
    assert f"% {verdict}" in celu("compare", "--format", "latex").out.splitlines()
    rows = csv.DictReader(io.StringIO(celu("compare", "--format", "csv", "--all-keys").out))
    assert [row["verdict"] for row in rows] == [verdict] * 2
    for words in (("--runs",), ("case-b",), ("--runs", "--format", "md")):
        assert "chance" not in celu("compare", *words).out


@pytest.mark.usefixtures("logs")
def test_of_two_groups_the_sentence_on_the_pair_is_the_verdict(celu: Celu) -> None:
    for layout in ("table", "md", "latex"):
        text = " ".join(celu("compare", "--baseline", "case-b", "--format", layout).out.split())
        assert "case-c is 2.01 points above case-b, 95 % interval 1.98 to 2.03, 6 paired seeds;" in text
        assert text.count("more than chance") == 1


def test_of_several_groups_the_verdict_on_all_stands_before_the_pairs(celu: Celu, logs: Path) -> None:
    assert "differ in test accuracy" not in celu("compare", "--baseline", "case-b").out
    record_seeds(logs, [0.05 + shift for shift in SPREAD], name="case-d", optimizer={"name": "adam"})
    text = " ".join(celu("compare", "--baseline", "case-b").out.split())
    verdict = text.index("These 3 cases differ in test accuracy by more than chance, highest: case-d (p ")
    assert verdict < text.index("case-c is 2.01 points above case-b")


@pytest.mark.usefixtures("logs")
def test_the_seeds_that_do_not_count_are_named_with_the_reason(celu: Celu) -> None:
    assert "seeds that do not count: case-c: seed 9 interrupted" in celu("compare").out
    assert "do not count" not in celu("compare", "case-b").out


@pytest.mark.usefixtures("logs")
def test_unfinished_runs_at_other_epochs_get_no_test(celu: Celu) -> None:
    words = ("compare", "--baseline", "case-b", "--include-unfinished")
    text = " ".join(celu(*words).out.split())
    assert (
        "case-c and case-b: not compared, because their runs stand at 2 to 3 epochs; --at-epoch 2 compares"
        in text
    )
    assert "more than chance" not in text
    assert "6 paired seeds (left out: seed 9 not run in case-b); more than chance" in " ".join(
        celu(*words, "--at-epoch", "2").out.split()
    )


@pytest.mark.usefixtures("logs")
def test_with_all_keys_the_other_formats_carry_every_column_of_a_group(celu: Celu) -> None:
    names = {column.name for column in (*group_columns("test-accuracy"), *SETTINGS)}
    rows = list(csv.DictReader(io.StringIO(celu("compare", "--format", "csv", "--all-keys").out)))
    assert names <= set(rows[0])
    assert rows[1]["seeds"] == "0 1 2 3 4 5"
    lines = celu("compare", "--format", "md", "--all-keys").out.splitlines()
    assert len(lines) == 4
    assert all(line.count("|") == len(rows[0]) + 1 for line in lines)


@pytest.mark.usefixtures("logs")
def test_csv_of_groups_has_both_ends_of_the_interval_that_the_table_prints(celu: Celu) -> None:
    _, row = csv.DictReader(io.StringIO(celu("compare", "--baseline", "case-b", "--format", "csv").out))
    assert float(row["low"]) < float(row["difference"]) < float(row["high"])
    assert "sentence" not in row


@pytest.mark.usefixtures("logs")
def test_unfinished_runs_count_where_that_is_asked_for(celu: Celu) -> None:
    *_, row = json.loads(celu("compare", "--include-unfinished", "--format", "json").out)
    assert (row["n"], row["left_out"]) == (7, "")
    *_, row = json.loads(celu("compare", "--at-epoch", "3", "--include-unfinished", "--format", "json").out)
    assert (row["n"], row["left_out"]) == (6, "1 without a value")


@pytest.mark.usefixtures("logs")
def test_rows_are_sorted_and_cut(celu: Celu) -> None:
    def cases(*words: str) -> list[str]:
        return [row["case"] for row in json.loads(celu("compare", *words, "--format", "json").out)]

    assert cases("--sort-by", "mean") == ["case-c", "case-b"]
    assert cases("--sort-by", "mean", "--reverse") == ["case-b", "case-c"]
    assert cases("--top", "1") == ["case-c"]
    assert celu("compare", "--top", "1").err == "the first 1 of 2 rows\n"
    best, *_ = json.loads(celu("compare", "--runs", "--top", "3", "--format", "json").out)
    assert (best["case"], best["seed"]) == ("case-c", 1)
    wrong = celu("compare", "--sort-by", "maen")
    assert wrong.code == 2
    assert "did you mean mean?" in wrong.err


@pytest.mark.parametrize("view", ["--runs", "--groups"])
@pytest.mark.usefixtures("logs")
def test_only_the_columns_that_differ_can_be_asked_for(celu: Celu, view: str) -> None:
    records: list[dict[str, Any]] = json.loads(
        celu("compare", view, "--only-changed", "--format", "json").out
    )
    assert "backprop" in records[0]
    assert "dataset" not in records[0]
    assert all(len({str(record[key]) for record in records}) > 1 for key in records[0])
    text = celu("compare", view, "--only-changed").out
    assert "CIFAR-10" not in text
    assert "backprop" in text


@pytest.mark.usefixtures("logs")
def test_a_loss_is_shown_where_it_is_the_metric(celu: Celu) -> None:
    assert "best test loss" in celu("compare", "--metric", "best-test-loss").out
    assert "train loss" in celu("compare", "--metric", "train-loss", "--runs").out
    assert "chosen by looking at the test images" in celu("compare", "--metric", "best-test-accuracy").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--baseline", "case-x"), 'no such group among the runs compared; there are "case-b", "case-c"'),
        (("--baseline", "case-b", "--runs"), "leave out one of the two"),
        (("--at-epoch", "4"), "--at-epoch 4: no run has that epoch; the longest has 3"),
    ],
)
@pytest.mark.usefixtures("logs")
def test_what_cannot_be_compared_is_refused_with_what_can(
    celu: Celu, words: tuple[str, ...], message: str
) -> None:
    outcome = celu("compare", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


def test_a_baseline_on_another_dataset_is_told(celu: Celu, logs: Path) -> None:
    record_run(logs, make_case(name="case-a", dataset={"name": "mnist"}))
    assert "datasets differ" in celu("compare", "--baseline", "case-b").out
    assert "datasets differ" not in celu("compare", "case-b", "case-c", "--baseline", "case-b").out


def test_failed_runs_that_the_mean_does_not_hold_are_told(celu: Celu, logs: Path) -> None:
    path = record_run(logs, make_case(name="case-c", seed=10))
    manifest = path / "run.json"
    manifest.write_text(manifest.read_text().replace('"completed"', '"failed"'))
    text = celu("compare").out
    assert "1 interrupted, 1 failed" in text
    assert "only trainings that worked" in text


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.usefixtures("logs")
def test_the_table_of_groups_fits_a_terminal(celu: Celu, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = celu("compare", "--baseline", "case-b").out.splitlines()
    assert max(map(len, lines)) <= width
    assert "difference" in lines[0]
    assert "+2.01" in lines[2]


@pytest.mark.usefixtures("logs")
def test_one_picture_is_drawn(celu: Celu) -> None:
    outcome = celu("compare", "--plot", "all.svg")
    assert outcome.err == "drawn all.svg\n"
    assert "mean of 6 seeds" in Path("all.svg").read_text(encoding="utf-8")


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize(("words", "heavy"), [(["--runs"], "set()"), ([], "{'numpy'}")])
def test_a_table_imports_numpy_only_for_a_verdict_and_scipy_only_where_it_is_used(
    words: list[str], heavy: str
) -> None:
    code = (
        "import sys\nfrom celu_cli.cli.app import command_line\n"
        f"words = {['compare', *words]}\ntry:\n    command_line(words)(words)\n"
        "finally:\n    print({'numpy', 'scipy'} & sys.modules.keys(), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert heavy in result.stderr


HINT = "--baseline CASE gives each difference from that case"


def test_the_notes_promise_only_what_the_table_shows(celu: Celu, logs: Path) -> None:
    text = " ".join(celu("compare").out.split())
    assert f"{HINT}, with interval and p" in text
    assert "left out: not in the statistics" in text
    assert "repeated" not in text
    by_best = " ".join(celu("compare", "--metric", "best-test-accuracy").out.split())
    assert f"{HINT} left out" in by_best  # no interval, as no test is made of a best epoch
    assert HINT not in celu("compare", "--include-unfinished").out  # which are not compared at other epochs
    assert HINT not in celu("compare", "case-b").out
    record_run(logs, make_case(name="case-b", backprop={"method": "auto"}, seed=0))
    assert "of a repeated seed the newest run counts" in " ".join(celu("compare").out.split())


@pytest.mark.usefixtures("logs")
def test_of_one_seed_each_no_spread_interval_or_p_is_spoken_of(celu: Celu) -> None:
    text = celu("compare", "--groups", "--where", "seed=3").out
    assert HINT in text
    assert not any(words in text for words in ("deviation", "interval", "and p"))


@pytest.mark.usefixtures("logs")
def test_a_note_on_pairs_is_of_the_rows_that_are_paired(celu: Celu, logs: Path) -> None:
    paired = "difference: mean minus that of case-b, in percentage points, over the seeds that both have"
    assert celu("compare", "--baseline", "case-b").out.split(paired)[1].startswith("\n")
    record_seeds(logs, SPREAD, first=20, name="case-d")
    both = " ".join(celu("compare", "--baseline", "case-b").out.split())
    assert f"{paired} (unpaired where they share too few)" in both
    alone = celu("compare", "case-b", "case-d", "--baseline", "case-b").out
    assert "difference: mean minus that of case-b, in percentage points\n" in alone


@pytest.mark.usefixtures("logs")
def test_a_column_of_differences_is_empty_without_a_baseline(celu: Celu) -> None:
    heading, *rows = celu("compare", "--columns", "difference").out.splitlines()[:3]
    assert heading.split() == ["case", "difference"]
    assert [row.split() for row in rows] == [["case-b"], ["case-c"]]


def test_a_group_without_a_value_makes_no_difference_in_epochs(
    celu: Celu, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run(logs, make_case(name="case-e"), done=1)
    for width in (60, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        table, shared = celu("compare").out.split("all: ")
        assert "epochs" not in table
        assert "3 epochs" in " ".join(shared.split())
        assert "epochs too" not in shared
