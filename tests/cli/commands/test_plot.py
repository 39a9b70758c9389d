from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from celu_cli.cli.commands.plot import plot
from celu_cli.errors import RunError
from tests.runs.fakes import make_case, make_metrics, record_run, record_seeds

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


def test_from_within_a_run_directory_its_plots_go_where_they_always_do(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = (logs / "case-c").iterdir()
    monkeypatch.chdir(path)
    run_plot(".", "--output", "../../../figures")
    assert len(list(Path(f"../../../figures/case-c/{path.name}").glob("t*.png"))) == 2


def test_of_two_runs_of_one_name_neither_replaces_the_plots_of_the_other(logs: Path) -> None:
    shutil.copytree(logs, "other")
    result = run_plot("logs", "other", "--output", "figures")
    assert isinstance(result.exception, RunError)
    assert "two runs are called case-c/" in str(result.exception)
    assert not Path("figures").exists()


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


@pytest.mark.parametrize("width", [60, 80, 120])
def test_curves_in_the_terminal_name_each_end_keep_the_width_and_write_no_file(
    logs: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    record_seeds(logs, [-0.1], name="case-e")
    record_seeds(logs, [0.1], name="case-f")
    title, *lines = run_plot("--terminal", "case-e", "case-f").stdout.splitlines()
    assert title == "Test accuracy on CIFAR-10: case-e and case-f"
    lines = lines[next(place for place, line in enumerate(lines) if "\u2800" < line[-3] < "\u2900") :]
    assert max(map(len, lines)) == min(width, 100)
    assert any("\u2800" < letter < "\u2900" for letter in lines[0])
    assert lines[0].endswith(" A")
    assert [line[:9] for line in lines[-2:]] == ["A  case-f", "B  case-e"]  # the higher one first
    assert not list(logs.rglob("*.png"))


def test_curves_in_the_terminal_are_means_over_seeds_called_by_what_differs(logs: Path) -> None:
    for alpha in (0.5, 1.0):
        record_seeds(logs, [alpha / 10, alpha / 10 + 0.02], name="case-g", alpha=alpha)
    lines = run_plot("--terminal", "case-g").stdout.splitlines()
    assert lines[0] == "Test accuracy on CIFAR-10: case-g by alpha"
    assert "mean of 2 seeds" in lines[1]
    plain = make_metrics(3).test_accuracy
    assert lines[-2:] == [f"A  alpha 1  {plain + 0.11:.4f}", f"B  alpha 0.5  {plain + 0.06:.4f}"]


def test_the_axis_in_the_terminal_never_writes_two_values_alike(logs: Path) -> None:
    record_seeds(logs, [0.0], name="case-g", epochs=1)
    record_seeds(logs, [0.004], name="case-h", epochs=1)
    lines = run_plot("--terminal", "case-g", "case-h").stdout.splitlines()
    ticks = [line.split()[0] for line in lines if line.startswith("0.")]
    assert len(ticks) == 4
    assert len(set(ticks)) == 4


@pytest.mark.usefixtures("logs")
def test_curves_are_plain_text_where_colours_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[34m" in run_plot("--terminal", "case-c").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[34m" not in run_plot("--terminal", "case-c").stdout
