"""stdin, stdout and stderr closed, full or without a reader, in processes of their own: a shell opens them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")


def shell(words: str, streams: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = f"{shlex.quote(sys.executable)} -m celu_cli {words} {streams}"
    return subprocess.run(["sh", "-c", command], cwd=directory, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", ["cases", "schema", "--help", "show case-a --json"])
def test_a_closed_stdout_is_like_dev_null(words: str, tmp_path: Path) -> None:
    ended = shell(words, "<&- >&-", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="a system without /dev/full")
@pytest.mark.parametrize("words", ["cases", "schema", "--help", "show case-a --json"])
def test_a_full_stdout_is_one_line_and_exit_code_2(words: str, tmp_path: Path) -> None:
    ended = shell(words, ">/dev/full", tmp_path)
    assert ended.stderr == "celu: cannot write to stdout: No space left on device\n"
    assert ended.returncode == 2


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", "<&- 2>&-"])
def test_an_error_that_nobody_can_read_keeps_its_exit_code(streams: str, tmp_path: Path) -> None:
    ended = shell("show no-such-case", streams, tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "")


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", ">&- 2>/dev/full", "2>&1 >&- | :", "2>&1 | head -1"])
def test_a_run_that_nobody_can_watch_is_trained_and_logged_all_the_same(streams: str, tmp_path: Path) -> None:
    shell("run case-a --sample network.filters=2 batch_size=500 epochs=2", streams, tmp_path)
    [log] = tmp_path.glob("logs/case-a/*/train.log")
    assert "epoch=2" in log.read_text()
    assert '"status": "completed"' in log.with_name("run.json").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs"]


@pytest.mark.parametrize("words", ["cases", "schema", "show case-a --json", "--help"])
def test_a_command_whose_reader_has_gone_ends_as_other_tools_do(words: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "celu_cli", *words.split()]
    with os.fdopen(writing, "wb") as stdout:
        ended = subprocess.run(command, cwd=tmp_path, stdout=stdout, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGPIPE, b"")
