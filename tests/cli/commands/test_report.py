"""`celu report`."""

from __future__ import annotations

import re
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run, record_seeds


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    record_seeds(Path("logs"), [0.0, 0.01], name="case-b")
    record_seeds(Path("logs"), [0.1], name="case-c")
    return Path("logs")


def page(name: str = "report.html") -> str:
    """The page, without the marks around words that no line may break."""
    text = Path(name).read_text(encoding="utf-8")
    return re.sub('<span class="whole">(.*?)</span>', r"\1", text)


@pytest.mark.usefixtures("logs")
def test_the_path_goes_to_stdout_and_what_it_holds_to_stderr(celu: Celu) -> None:
    outcome = celu("report")
    assert (outcome.code, outcome.out) == (0, "report.html\n")
    assert outcome.err == "3 runs of 2 cases, 0.1 MB\n"
    assert "Highest test accuracy on CIFAR-10: case-c, 0.4610" in page()


@pytest.mark.usefixtures("logs")
def test_what_is_named_is_reported_where_it_is_asked_for(celu: Celu) -> None:
    assert celu("report", "logs/", "case-b", "-o", "pages/b.html", "--baseline", "case-b").code == 0
    assert "2 runs of 1 case" in page("pages/b.html")


@pytest.mark.usefixtures("logs")
def test_two_directories_of_cases_make_one_report(celu: Celu) -> None:
    record_run(Path("other"), make_case(name="case-d"))
    assert "4 runs of 3 cases" in celu("report", "logs", "other").err
    assert len(celu("compare", "logs", "other", "--runs", "--format", "csv").out.splitlines()) == 5


@pytest.mark.usefixtures("logs")
def test_the_metric_the_epoch_and_the_baseline_are_those_of_compare(celu: Celu) -> None:
    celu("report", "--metric", "best-test-loss", "--at-epoch", "2", "--baseline", "case-b")
    assert "Lowest best test loss on CIFAR-10" in page()
    assert "chosen by looking at the test images" in page()
    assert "no winner can be called" in page()


def test_a_run_that_cannot_be_read_is_told_in_both_places(celu: Celu, logs: Path) -> None:
    path = record_run(logs, make_case(name="case-d"))
    (path / "run.json").write_text("{<b>")
    outcome = celu("report")
    assert outcome.code == 0
    assert outcome.err.startswith("left out: ")
    assert "run.json is not a run&#39;s manifest" in page()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("report", "--logs", "none"),
            "there are no runs in none yet; train one with: celu run case-a --sample",
        ),
        (("report", "case-x"), "no run in logs is called 'case-x'"),
        (("report", "--baseline", "case-x"), "no such group among the runs compared"),
        (("report", "--at-epoch", "9"), "--at-epoch 9: no run has that epoch; the longest has 3"),
        (("report", "-o", "report.txt"), "the name of a report ends in .html or .htm"),
        (("report", "-o", "logs.html"), "logs.html is a directory, which a report does not replace"),
    ],
)
@pytest.mark.usefixtures("logs")
def test_what_cannot_be_reported_is_refused_and_no_page_is_left(
    celu: Celu, words: tuple[str, ...], message: str
) -> None:
    Path("logs.html").mkdir()
    before = sorted(Path().iterdir())
    outcome = celu(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert sorted(Path().iterdir()) == before


def test_where_no_run_can_be_read_all_reasons_are_told(celu: Celu, logs: Path) -> None:
    for manifest in logs.glob("*/*/run.json"):
        manifest.write_text("{}")
    outcome = celu("report")
    assert outcome.code == 2
    assert "none of these runs can be read:" in outcome.err
    assert outcome.err.count("is not a run's manifest") == 3


@pytest.mark.usefixtures("logs")
def test_the_page_is_shown_in_the_browser_where_that_is_asked_for(
    celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    celu("report", "--open")
    assert shown == [Path("report.html").resolve().as_uri()]


@pytest.mark.usefixtures("logs")
def test_a_report_imports_neither_tensorflow_nor_matplotlib() -> None:
    code = (
        "import sys\nfrom celu_cli.cli.app import command_line\n"
        "try:\n    command_line(['report'])(['report'])\n"
        "finally:\n    print({'tensorflow', 'matplotlib'} & sys.modules.keys(), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "set()" in result.stderr


def test_start_up_does_not_wait_for_the_template_engine() -> None:
    code = (
        "import sys\nfrom celu_cli.cli.app import command_line\ncommand_line()\n"
        "print({'jinja2', 'numpy'} & sys.modules.keys())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
