from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from celu_cli.cli.commands.plot import plot
from celu_cli.errors import RunError
from tests.runs.fakes import make_case, record_run, record_seeds

app = typer.Typer()
app.command()(plot)


def run_plot(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("case-c", "case-d"):
        record_run(Path("logs"), make_case(name=name))
    return Path("logs")


@pytest.mark.parametrize(
    ("arguments", "cases"),
    [
        ((), ["case-c", "case-d"]),
        (("logs/",), ["case-c", "case-d"]),
        (("logs",), ["case-c", "case-d"]),
        (("case-d",), ["case-d"]),
        (("logs/", "case-d"), ["case-d"]),
        (("logs/case-d",), ["case-d"]),
        (("logs/case-d", "logs/case-c"), ["case-c", "case-d"]),
    ],
)
def test_what_is_named_is_drawn_and_the_paths_are_printed(
    logs: Path, arguments: tuple[str, ...], cases: list[str]
) -> None:
    result = run_plot(*arguments, "--format", "svg")
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert [path.parts[1] for path in paths] == [case for case in cases for _ in range(2)]
    assert sorted(paths) == sorted(logs.rglob("*.svg"))


def test_plots_can_go_elsewhere(logs: Path) -> None:
    run_plot("case-c", "--output", "figures")
    assert len(list(Path("figures").glob("case-c/*/t*.png"))) == 2
    assert list(logs.rglob("*.png")) == []


def test_a_run_without_an_epoch_is_told_on_stderr(logs: Path) -> None:
    record_run(logs, make_case(name="case-b"), done=0)
    result = run_plot("case-b")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "no finished epoch" in result.stderr


@pytest.mark.parametrize("arguments", [("none/",), ("--logs", "none")])
def test_where_there_are_no_runs_the_message_says_how_to_make_one(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_plot(*arguments)
    assert isinstance(result.exception, RunError)
    assert str(result.exception) == "there are no runs in none yet; train one with: celu run case-a --sample"


def test_curves_in_the_terminal_name_each_end_keep_the_width_and_write_no_file(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    record_seeds(logs, [-0.1, 0.1], name="case-e")
    lines = run_plot("--terminal", "case-e").stdout.splitlines()
    assert max(map(len, lines)) == 60
    assert any("\u2800" < letter < "\u2900" for letter in lines[0])
    assert lines[0].endswith(" A")
    assert [line[0] for line in lines if "case-e/" in line] == ["A", "B"]
    assert "seed1" in lines[-2]  # the higher one
    assert not list(logs.rglob("*.png"))


@pytest.mark.usefixtures("logs")
def test_curves_are_plain_text_where_colours_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[34m" in run_plot("--terminal", "case-c").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[34m" not in run_plot("--terminal", "case-c").stdout
