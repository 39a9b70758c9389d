"""Commands and paths in what celu prints are whole, at any width: what is to be copied is one line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run

LONG = "a-case-with-a-name-of-some-length-that-no-narrow-terminal-has-room-for"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, celu: Celu) -> Path:
    here = tmp_path / "a folder" / "of-some-depth"
    (here / "cases").mkdir(parents=True)
    monkeypatch.chdir(here)
    (here / "cases" / f"{LONG}.yaml").write_text("extends: case-c\n")
    (here / "cases" / "wrong, and in need of-quotes.yaml").write_text("epochs: many\n")
    (here / "acts.py").write_text("import tensorflow as tf\n\n\ndef squareplus(x):\n    return x\n")
    record_run(here / "logs", make_case(name=LONG))
    record_run(here / "logs", make_case(name="case-c", optimizer={"name": "adam"}, batch_size=50))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-of-some-length" / "and-some-depth"))
    celu("data", "list")
    return here


def copied(text: str) -> set[str]:
    """The commands and paths in `text`."""
    commands = re.findall(
        r"`(celu [^`]+)`|(?:: |^ +)(celu (?:run|show|data|compare|sweep) .*)$", text, re.MULTILINE
    )
    paths = re.findall(r"(?<!\S)(?:[\w.,-]*/)+[\w./,-]+\w", text)
    return {part for pair in commands for part in pair if part} | set(paths) - {
        "./cases"
    }  # a column that may leave


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    ("words", "least"),
    [
        (("show", LONG), 1),
        (("show", "case-c", "activation=./acts.py:squareplus"), 2),
        (("cases",), 0),
        (("data", "list"), 1),
        (("data", "verify", "cifar10"), 1),
        (("why", "case-b", "case-c"), 4),
        (("why", f"logs/{LONG}", "logs/case-c"), 3),
        (("watch", "--once", "--all"), 0),
        (("export", "--to", "csv", "-o", f"{LONG}/{LONG}.csv"), 0),
        (("compare", "--runs"), 0),
        (("compare", "case-d"), 1),
        (("sweep", LONG), 1),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_may_be_copied_is_whole_on_one_line(
    words: tuple[str, ...], least: int, width: int, celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    wide = celu(*words)
    shutil.rmtree(LONG, ignore_errors=True)
    monkeypatch.setenv("COLUMNS", str(width))
    narrow = celu(*words)
    for before, after in ((wide.out, narrow.out), (wide.err, narrow.err)):
        missing = [part for part in copied(before) if not any(part in line for line in after.splitlines())]
        assert missing == []
    assert len(copied(wide.out + wide.err)) >= least
