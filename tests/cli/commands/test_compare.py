from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from celu_cli.analysis.compare.columns import Record, Records
from celu_cli.analysis.compare.run_columns import RUN_COLUMNS, compare_runs
from celu_cli.analysis.compare.setting_columns import SETTINGS
from celu_cli.cli.commands.compare import compare
from celu_cli.cli.output.compare import print_table
from celu_cli.errors import RunError, UsageError
from celu_cli.runs.directory import find_runs
from tests.runs.fakes import make_case, record_run

app = typer.Typer()
app.command()(compare)


def run_compare(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    record_run(logs, make_case(name="case-b", epochs=11, published="case-b", backprop={"method": "auto"}))
    record_run(logs, make_case(name="case-c", epochs=10, published="case-c"))
    record_run(logs, make_case(name="case-d", epochs=51, backprop={"method": "dilated"}), done=7)
    return logs


def test_the_table_tells_each_run_on_one_line(logs: Path) -> None:
    result = run_compare("--logs", logs)
    assert result.exit_code == 0
    heading, *lines = result.stdout.splitlines()
    assert heading.split()[:4] == ["case", "backprop", "epochs", "train"]
    assert [line.split()[0] for line in lines[:3]] == ["case-b", "case-c", "case-d"]
    assert "7/51" in lines[2]
    assert "interrupted" in lines[2]


def test_what_all_runs_share_is_said_once_below_the_table(logs: Path) -> None:
    text = run_compare("--logs", logs).stdout
    assert "all: CIFAR-10, celu, alpha 2, amsgrad (tensor), rate 0.0008, seed 0" in text
    assert text.count("CIFAR-10") == 1


def test_a_precision_other_than_float32_is_shown(logs: Path, tmp_path: Path) -> None:
    assert "precision" not in run_compare("--logs", logs).stdout
    record_run(logs, make_case(precision="bfloat16"))
    heading, *lines = run_compare("--logs", logs, "--runs", "--only-changed").stdout.splitlines()
    assert "precision" in heading
    assert ["bfloat16" in line for line in lines[:4]].count(True) == 1
    record_run(tmp_path / "all", make_case(precision="bfloat16"))
    assert ", bfloat16, " in run_compare("--logs", tmp_path / "all").stdout


def test_a_published_value_of_an_earlier_epoch_says_which(logs: Path) -> None:
    text = run_compare("--logs", logs).stdout
    assert "0.7582 @9" in text
    assert "@n: of epoch n" in text


def rows_of(*arguments: str | Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run_compare(*arguments, "--format", "csv").stdout)))


def test_with_all_keys_the_other_formats_carry_every_column(logs: Path) -> None:
    names = {column.name for column in (*RUN_COLUMNS, *SETTINGS)} | {"optimizer.beta_1", "network.filters"}
    rows = rows_of("--logs", logs, "--all-keys")
    assert names <= set(rows[0])
    assert [row["case"] for row in rows] == ["case-b", "case-c", "case-d"]
    assert rows[2]["published_test_accuracy"] == ""
    assert {row["network.filters"] for row in rows} == {"200"}
    records = json.loads(run_compare("--logs", logs, "--format", "json", "--all-keys").stdout)
    assert list(records[0]) == list(rows[0])
    assert records[1]["published_epoch"] == 9
    assert records[2]["published_difference"] is None
    lines = run_compare("--logs", logs, "--format", "md", "--all-keys").stdout.splitlines()
    assert len(lines) == 5
    assert all(line.count("|") == len(rows[0]) + 1 for line in lines)


def test_json_carries_every_column_of_its_own_accord(logs: Path) -> None:
    records = json.loads(run_compare("--logs", logs, "--format", "json").stdout)
    assert {column.name for column in (*RUN_COLUMNS, *SETTINGS)} <= set(records[0])


def test_markdown_prints_what_the_table_prints(logs: Path) -> None:
    heading, *lines = run_compare("--logs", logs).stdout.splitlines()
    named, rule, *rows = run_compare("--logs", logs, "--format", "md").stdout.splitlines()
    assert " ".join(named.strip("| ").split(" | ")).split() == heading.split()
    for row, line in zip(rows[:3], lines, strict=False):
        assert row.replace("|", "").split() == line.split()
    assert "---:" in rule
    assert [line for line in rows[3:] if line] == lines[3:]


def test_latex_prints_what_the_table_prints(logs: Path) -> None:
    record_run(logs, make_case(name="case_e"))
    _, *lines = run_compare("--logs", logs).stdout.splitlines()
    begin, top, heading, middle, *rows = run_compare("--logs", logs, "--format", "latex").stdout.splitlines()
    assert begin == f"\\begin{{tabular}}{{ll{'r' * (heading.count('&') - 2)}l}}"
    assert (top, middle) == ("\\toprule", "\\midrule")
    assert heading.startswith("case & backprop & ")
    for row, line in zip(rows[:4], lines, strict=False):
        assert row.replace(" & ", " ").removesuffix(r" \\").replace("\\_", "_").split() == line.split()
    assert "case\\_e" in rows[3]
    assert rows[4:6] == ["\\bottomrule", "\\end{tabular}"]
    assert rows[6:] == [f"% {line}" for line in lines[4:]]


def test_csv_has_the_values_of_what_the_table_prints(logs: Path) -> None:
    rows = rows_of("--logs", logs)
    assert rows[1]["test_accuracy"] == "0.691732"
    assert rows[1]["dataset"] == "CIFAR-10"  # which the table says once for all
    assert rows[1]["epochs_asked"] == "10"  # 10/10 in the table
    assert "train_loss" not in rows[0]
    assert "network.filters" not in rows[0]


def test_only_the_chosen_columns_are_printed_in_the_order_chosen(logs: Path) -> None:
    words = ("--logs", logs, "--columns", "test-loss, best_test_epoch,dataset")
    heading, first, *_ = run_compare(*words).stdout.splitlines()
    assert heading.split() == ["case", "test", "loss", "best", "test", "epoch", "dataset"]
    assert first.split() == ["case-b", "0.4221", "11", "CIFAR-10"]
    assert list(rows_of(*words)[0]) == ["case", "test_loss", "best_test_epoch", "dataset"]
    assert run_compare("--logs", logs, "--groups", "--columns", "case,n").stdout.split()[:3] == [
        "group",
        "case",
        "n",
    ]
    result = run_compare("--logs", logs, "--columns", "test_acuracy")
    assert isinstance(result.exception, UsageError)
    assert "--columns test_acuracy: no such column; did you mean test_accuracy?" in str(result.exception)


@pytest.mark.parametrize("view", ["--runs", "--groups"])
def test_every_key_that_differs_between_rows_is_in_sight(tmp_path: Path, view: str) -> None:
    """The article's case beside one with another rate and initializer, and one of fewer filters and images a step."""
    rate = {"optimizer": make_case().optimizer.model_copy(update={"learning_rate": 0.1}).model_dump()}
    record_run(tmp_path, make_case())
    record_run(tmp_path, make_case(name="other", network={"initializer": {"name": "he_normal"}}, **rate))
    record_run(tmp_path, make_case(name="small", network={"filters": 8}, batch_size=50))
    heading, first, second, third, *_ = run_compare("--logs", tmp_path, view).stdout.splitlines()
    for title, texts in {
        "initializer": ("normal", "he_normal", "normal"),
        "filters": ("200", "200", "8"),
        "batch size": ("100", "100", "50"),
        "rate": ("0.0008", "0.1", "0.0008"),
    }.items():
        assert title in heading
        end = heading.index(title) + len(title)
        for line, text in zip((first, second, third), texts, strict=True):
            assert text in line[end - len(title) - 2 : end + 4].split(), title


@pytest.mark.parametrize("view", ["--runs", "--groups"])
def test_a_key_that_differs_and_finds_no_room_is_named(
    tmp_path: Path, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run(tmp_path, make_case())
    record_run(tmp_path, make_case(name="small", network={"filters": 8}, batch_size=50))
    monkeypatch.setenv("COLUMNS", "28")
    text = " ".join(run_compare("--logs", tmp_path, view).stdout.split())
    assert "they differ in filters, batch size too: --all-keys" in text
    text = run_compare("--logs", tmp_path, view, "--all-keys").stdout
    assert "they differ in" not in text
    assert {"200", "8", "100", "50"} <= set(text.split())


@pytest.mark.parametrize("view", ["--runs", "--groups"])
def test_no_key_is_said_twice_of_all_rows(tmp_path: Path, view: str) -> None:
    record_run(tmp_path, make_case(network={"filters": 8}))
    record_run(tmp_path, make_case(name="two", network={"filters": 8}))
    for more, said in (([], "8 of 200 filters"), (["--all-keys"], "filters 8")):
        (line,) = [
            line
            for line in run_compare("--logs", tmp_path, view, *more).stdout.splitlines()
            if line.startswith("all: ")
        ]
        assert said in line
        assert line.count("filters") == 1


def test_a_key_that_the_names_of_the_rows_say_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run(tmp_path, make_case())
    record_run(tmp_path, make_case(alpha=1.0))
    for width in ("36", "120"):
        monkeypatch.setenv("COLUMNS", width)
        text = run_compare("--logs", tmp_path, "--groups").stdout
        assert "they differ in" not in text
        assert " alpha " not in text.splitlines()[0]
        assert "case-c alpha=1" in text
    assert "alpha" in run_compare("--logs", tmp_path, "--groups", "--format", "csv").stdout.splitlines()[
        0
    ].split(",")


@pytest.mark.parametrize("width", ["28", "60", "80"])
def test_a_table_without_room_for_all_keys_is_wider_than_the_terminal_but_can_be_read(
    tmp_path: Path, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run(tmp_path, make_case(name="one", backprop={"rule": "article"}))
    record_run(
        tmp_path,
        make_case(name="two", backprop={"method": "dilated"}, network={"initializer": {"name": "he_normal"}}),
    )
    monkeypatch.setenv("COLUMNS", width)
    words = run_compare("--logs", tmp_path, "--runs", "--all-keys").stdout.split()
    assert {"one", "two", "manual", "(article)", "dilated", "he_normal", "standard_deviation"} <= {*words}


@pytest.mark.parametrize("view", ["--runs", "--groups"])
def test_what_all_rows_were_given_besides_their_cases_is_said_below_the_table(
    tmp_path: Path, view: str
) -> None:
    small = {"network": {"filters": 16}, "dataset": {"name": "cifar10", "hold_out": 45_000}, "batch_size": 50}
    record_run(tmp_path, make_case(**small))
    record_run(tmp_path, make_case(alpha=1.0, **small))
    text = run_compare("--logs", tmp_path, view).stdout
    assert "all: CIFAR-10, celu, manual backprop" in text
    assert "5,000 of 50,000 images, 16 of 200 filters, batch 50" in text


@pytest.mark.parametrize("target", ["case-c", "logs/case-c", "logs/"])
def test_cases_and_directories_are_accepted(logs: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(logs.parent)
    records = json.loads(run_compare(target, "--format", "json").stdout)
    assert "case-c" in [record["case"] for record in records]
    assert len(records) == (3 if target == "logs/" else 1)


def test_the_overlay_is_drawn_beside_the_table(logs: Path, tmp_path: Path) -> None:
    result = run_compare("--logs", logs, "--plot", tmp_path / "overlay.svg")
    assert (tmp_path / "overlay.svg").stat().st_size > 1000
    assert "overlay.svg" in result.stderr
    assert "overlay.svg" not in result.stdout
    assert not list(tmp_path.glob("overlay-*"))
    run_compare("--logs", logs, "--metric", "best-test-loss", "--plot", tmp_path / "losses.svg")
    run_compare("--logs", logs, "--by", "time", "--plot", tmp_path / "time.svg")
    for name, words in (
        ("overlay", "Test accuracy"),
        ("losses", "Test loss"),
        ("time", "over training time"),
    ):
        assert words in (tmp_path / f"{name}.svg").read_text(encoding="utf-8")


def test_a_picture_of_another_kind_is_refused_before_any_work(tmp_path: Path) -> None:
    result = run_compare("--logs", tmp_path / "none", "--plot", "overlay.gif")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == "overlay.gif: the name of a picture ends in .png, .svg or .pdf"


@pytest.mark.parametrize(
    "options", [("--by", "alpha"), ("--train",), ("--band", "ci"), ("--size", "8x6"), ("--title", "")]
)
def test_options_of_a_picture_want_a_picture(tmp_path: Path, options: tuple[str, ...]) -> None:
    result = run_compare("--logs", tmp_path / "none", *options)
    assert isinstance(result.exception, UsageError)
    assert "name its file with --plot" in str(result.exception)


@pytest.mark.parametrize("size", ["8", "8x", "8x6x4", "1x1", "nanx9", "8x1e9"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: str) -> None:
    result = run_compare("--logs", tmp_path / "none", "--plot", "a.png", "--size", size)
    assert isinstance(result.exception, UsageError)
    assert f"--size {size}: width and height in centimetres, from 4 to 100" in str(result.exception)


def test_without_runs_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    result = run_compare("--logs", tmp_path)
    assert isinstance(result.exception, RunError)
    assert result.exception.exit_code == 2
    assert "celu run case-a --sample" in str(result.exception)


def test_a_run_that_cannot_be_read_is_told_on_stderr_and_the_others_are_shown(logs: Path) -> None:
    broken = find_runs(logs, ["case-d"]).runs[0].path
    (broken / "run.json").write_text("{")
    result = run_compare("--logs", logs)
    assert result.exit_code == 0
    assert str(broken) in result.stderr
    assert "case-d" not in result.stdout


def test_only_unreadable_runs_are_an_error(tmp_path: Path) -> None:
    (record_run(tmp_path) / "run.json").write_text("{")
    result = run_compare("--logs", tmp_path)
    assert isinstance(result.exception, RunError)


@pytest.fixture
def records(logs: Path) -> Records:
    return compare_runs(find_runs(logs).runs)


def table(records: Records, width: int, rows: Sequence[Record] = ()) -> list[str]:
    """The lines that `width` columns show of `records`, or of `rows` in their stead."""
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        print_table(replace(records, rows=tuple(rows or records.rows)), console)
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_table_fits_a_terminal(records: Records, width: int) -> None:
    lines = table(records, width)
    assert all(len(line) <= width for line in lines)
    assert all(line.startswith(row["case"]) for line, row in zip(lines[1:], records.rows, strict=False))
    assert {"case", "epochs", "test", "published", "points"} <= set(lines[0].split())
    assert ("too narrow for" in "\n".join(lines)) == (width < 140)


def test_a_setting_that_varies_within_a_case_is_shown_at_any_width(records: Records) -> None:
    twice = [records.rows[1], {**records.rows[1], "optimizer": "adam", "started": "2026-11-24T00:00:00Z"}]
    heading, first, second, *_ = table(records, 60, twice)
    assert "optimizer" in heading
    assert "amsgrad (tensor)" in first
    assert "adam" in second


def test_runs_that_differ_in_no_setting_are_told_apart_by_their_start(records: Records) -> None:
    twice = [records.rows[1], {**records.rows[1], "started": "2026-11-24T01:02:03Z", "status": "crashed"}]
    heading, _, second, *_ = table(records, 60, twice)
    assert "started" in heading
    assert "11-24 01:02:03" in second


def test_numbers_stay_whole_where_even_the_needed_columns_are_too_wide(records: Records) -> None:
    long = {**records.rows[1], "case": "a-case-with-a-name-as-long-as-names-may-be-in-celu"}
    text = "\n".join(table(records, 40, [long]))
    assert f"{long['test_accuracy']:.4f}" in text
    assert "10/10" in text


_WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
import typer
from celu_cli.cli.commands.compare import compare
from celu_cli.cli.output.compare import print_table
from celu_cli.cli.commands.plot import plot
app = typer.Typer()
app.command()(compare)
app.command()(plot)
app()
"""


@pytest.mark.parametrize("command", ["compare", "plot"])
def test_no_tensorflow_is_needed(logs: Path, command: str) -> None:
    arguments = [sys.executable, "-c", _WITHOUT_TENSORFLOW, command, "--logs", str(logs)]
    result = subprocess.run(
        arguments, capture_output=True, text=True, env=os.environ | {"MPLBACKEND": "TkAgg"}
    )
    assert result.returncode == 0, result.stderr
    assert "case-b" in result.stdout
