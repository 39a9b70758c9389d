"""The error boundary, the exit codes, and what start-up leaves alone."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
import typer

import celu_cli
from celu_cli.case import load
from celu_cli.cli.app import command_line
from celu_cli.cli.commands.data import app as data
from celu_cli.errors import CeluError, DataError, DivergedError, ExitCode, InterruptedByUser, RunError
from tests.cli.invoke import Celu


def raising(error: BaseException) -> Callable[..., None]:
    def resolve_case(*_: object) -> None:
        raise error

    return resolve_case


def test_the_version_is_printed(celu: Celu) -> None:
    assert celu("--version").out == f"celu {celu_cli.__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RunError("no such run"), 2),
        (DataError("no such file"), 3),
        (DivergedError("loss is NaN"), 4),
        (InterruptedByUser("stopped by SIGINT"), 130),
        (InterruptedByUser("stopped by SIGTERM", ExitCode.TERMINATED), 143),
        (CeluError("[bold]plain[/bold] :smile:\nsecond line"), 1),
    ],
)
def test_an_expected_error_is_plain_text_with_its_exit_code(
    error: CeluError, code: int, celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "resolve_case", raising(error))
    outcome = celu("show", "case-a")
    assert (outcome.code, outcome.out, outcome.err) == (code, "", f"celu: {error}\n")


def test_a_bug_keeps_its_traceback(celu: Celu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "resolve_case", raising(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        celu("show", "case-a")


def test_ctrl_c_outside_training_exits_with_130_and_no_traceback(
    celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "resolve_case", raising(KeyboardInterrupt()))
    outcome = celu("show", "case-a")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "")


def test_what_an_error_says_to_type_is_one_line_however_narrow_the_terminal(
    celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = (
        f"there is nothing in '/a folder/{'long' * 20}'; train one with: celu run case-a --sample seed=1"
    )
    monkeypatch.setattr(load, "resolve_case", raising(RunError(message)))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "50")
    assert celu("show", "case-a").err == f"celu: {message}\n"


def commands_of(command: Any, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", {})
    return [(words, command), *(pair for name in inner for pair in commands_of(inner[name], (*words, name)))]


COMMANDS = dict(commands_of(typer.main.get_command(command_line())))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_help_shows_names_words_and_commands_whole_and_flags_without_a_value(
    words: tuple[str, ...], width: int, celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    command, out = COMMANDS[words], celu(*words, "--help").out
    lines = [line.strip() for line in out.splitlines()]
    texts = [
        command.help,
        *(re.split(r"\.\s|\.$", inner.help)[0] for inner in getattr(command, "commands", {}).values()),
    ]
    for parameter in command.params:
        texts.append(parameter.help or "")
        names = [*parameter.opts, *parameter.secondary_opts]
        if parameter.param_type_name == "option":
            line = next(line for line in lines if re.split("[ ,]", line)[0] in names)
            shown = re.split(r"[ ,/]+", line.partition("  ")[0])
            assert not set(names) - set(shown), line
            assert (len(shown) > len(names)) == (not parameter.is_flag), line
    text = " ".join(filter(None, texts))
    missing = set(text.replace(".", "").split()) - set(out.replace(".", "").split())
    assert missing == set()
    usage = " ".join(out.partition("\n\n")[0].split())
    assert not re.search(r"[{}<>]|\.\.\.\.|\[\[|\]\]", usage), usage
    assert not re.search(r" <\w| (list|tuple)\[", out)  # what Python calls a type
    for quoted in re.findall(r"`[^`]+`", text):
        assert any(quoted in line for line in lines)
    assert max(map(len, out.splitlines())) <= width


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--alpha", "2"), "alpha=2"),
        (("--alpha=2",), "alpha=2"),
        (("--optimizer.learning_rate", "1e-3"), "optimizer.learning_rate=1e-3"),
        (("--learning-rate", "0.1", "--sample"), "optimizer.learning_rate=0.1"),
        (("--batch-size", "--sample"), "batch_size=VALUE"),
    ],
)
def test_a_key_written_as_an_option_is_refused_with_how_to_write_it(
    words: tuple[str, ...], hint: str, celu: Celu
) -> None:
    for command in ("run", "show", "check"):
        outcome = celu(command, "case-a", *words)
        assert outcome.code == 2
        assert outcome.err.endswith(f"a value of the case is not an option: write {hint}\n")
    assert "write" not in celu("show", "case-a", "--frobnicate", "2").err


@pytest.mark.parametrize(
    "words", [("shew",), ("show",), ("show", "case-a", "--jsn"), ("run", "--epochs", "x", "case-a")]
)
def test_wrong_usage_exits_with_2(words: tuple[str, ...], celu: Celu) -> None:
    outcome = celu(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err != ""


def test_the_garbage_collector_is_left_as_it_was(celu: Celu) -> None:
    before = gc.get_threshold()
    assert celu("cases").code == celu("show", "no-such-case").code - 2 == 0
    assert gc.get_threshold() == before


def test_a_misspelled_command_is_told_the_nearest(celu: Celu) -> None:
    assert "'show'" in celu("shw").err


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "celu_cli", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


def test_a_letter_that_the_terminal_lacks_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    text = "description: é\ndataset: mnist\noptimizer: adam\nepochs: 5\n"
    (tmp_path / "cases" / "mine.yaml").write_text(text, encoding="utf-8")
    shown = subprocess.run(
        [sys.executable, "-m", "celu_cli", "show", "mine"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "description: \\xe9" in shown.stdout


_REPORT = """
import sys
from celu_cli.cli.app import main
sys.argv = ["celu", *{words!r}]
try:
    main()
except SystemExit:
    pass
print("LOADED", *sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], ["tensorflow", "matplotlib", "numpy", "pydantic", "yaml", "requests", "PIL"]),
        (["cases"], ["tensorflow", "matplotlib", "numpy", "requests"]),
        (["show", "case-d"], ["tensorflow", "matplotlib", "numpy", "requests"]),
        (["compare"], ["tensorflow", "matplotlib", "filelock"]),
        (["plot"], ["tensorflow"]),
        (["run", "case-x"], ["tensorflow"]),
    ],
)
def test_a_command_loads_only_what_it_needs(words: list[str], heavy: list[str], tmp_path: Path) -> None:
    code = _REPORT.format(words=words, heavy=heavy)
    report = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert report.stderr.splitlines()[-1] == "LOADED"


def test_a_command_that_is_named_is_imported_alone(tmp_path: Path) -> None:
    others = sorted(
        f"celu_cli.cli.commands.{words[0]}" for words in COMMANDS if words not in ((), ("cases",))
    )
    code = _REPORT.format(words=["cases"], heavy=others)
    report = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert report.stderr.splitlines()[-1] == "LOADED"


def test_no_command_reads_what_other_packages_there_are(tmp_path: Path) -> None:
    code = "import sys\nsys.addaudithook(lambda event, found: event == 'open' and print(found[0]))\n"
    code += "from celu_cli.cli.app import main\nsys.argv = ['celu', 'show', 'case-a']\nmain()"
    report = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "case-a.yaml" in report.stdout
    assert "entry_points.txt" not in report.stdout


def test_every_command_is_one_file_of_its_name_registered_in_app_and_has_its_place_in_the_docs() -> None:
    """To add a command: its file in cli/commands/ and its name in cli/app.py."""
    package = Path(celu_cli.__file__).parent
    root: Any = typer.main.get_command(command_line())
    files = {path.stem for path in (package / "cli" / "commands").glob("*.py")} - {"__init__"}
    assert root.commands.keys() == files
    page = (package.parent / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, command in root.commands.items():
        for inner in getattr(command, "commands", {name: command}).values():
            assert inner.callback.__module__ == f"celu_cli.cli.commands.{name}"
        assert f"\n## celu {name}" in page


def test_every_path_on_the_command_line_may_begin_with_the_home_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    commands = [*command_line().registered_commands, *data.registered_commands]
    hints = [get_type_hints(one.callback, include_extras=True) for one in commands if one.callback]
    parameters = [
        (name, hint) for one in hints for name, hint in one.items() if get_origin(hint) is Annotated
    ]
    # Paths, and what may be one among other things.
    paths = [
        (name, hint.__metadata__[0].parser)
        for name, hint in parameters
        if Path in (hint.__origin__, *get_args(hint.__origin__)) or name in ("case", "targets", "a", "b")
    ]
    assert len(paths) > 20
    for name, parser in paths:
        assert parser is not None, f"{name} would keep its tilde"
        assert str(parser("~/runs")) == "/home/someone/runs"


def test_a_tilde_that_no_shell_has_seen_is_the_home_directory(
    celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text("extends: case-a\nactivation: ~/acts.py:swish\n")
    (tmp_path / "acts.py").write_text("def swish(x, alpha):\n    return x\n")
    (tmp_path / "mine.yaml").write_text("extends: ~/base.yaml\n")
    shown = json.loads(celu("show", "~/mine.yaml", "--json").out)
    assert shown["case"]["activation"] == f"{tmp_path}/acts.py:swish"
    monkeypatch.setenv("CELU_DATA_DIR", "~/data")
    assert f"{tmp_path}/data" in celu("data", "list", "--json").out
    assert celu("plot", "--logs=~/runs").err.startswith("celu: there are no runs in runs yet")
    assert not (tmp_path / "~").exists()
