from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from celu_cli.cli.output.watch import frame_lines
from celu_cli.runs.manifest import read_manifest, utc_now, write_manifest
from celu_cli.runs.watch import View, Watcher
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run
from tests.runs.test_watch import begin_run

CHILD = """
import sys, time
from pathlib import Path
from tests.runs.test_watch import begin_run
print(begin_run(Path(sys.argv[1]), done=2).path, flush=True)
time.sleep(600)
"""

# Only a terminal that is the process's own turns Ctrl-C into a signal.
IN_ITS_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextmanager
def another_process(logs: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a run of two finished epochs under way."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, logs], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline()
        yield child
    finally:
        child.kill()
        child.communicate()


def view_of(logs: Path) -> View:
    return Watcher(logs, everything=True).look(utc_now())


def test_one_frame_tells_each_run_on_one_line(celu: Celu, tmp_path: Path) -> None:
    begin_run(tmp_path, make_case(name="case-c", epochs=51, seed=3, published="case-c"), done=10)
    outcome = celu("watch", str(tmp_path), "--once")
    assert (outcome.code, outcome.err) == (0, "")
    heading, line, summary = outcome.out.splitlines()
    assert heading.split() == [
        *("case", "seed", "epochs", "train", "test", "best", "published", "elapsed", "left", "status")
    ]
    cells = line.split()
    assert cells[:3] == ["case-c", "3", "10/51"]
    assert cells[5:9] == ["0.6917", "@10", "0.7582", "@9"]
    assert cells[-1] == "running"
    assert "1 running" in summary


def test_a_pipe_gets_one_frame_and_no_control_codes(celu: Celu, tmp_path: Path) -> None:
    begin_run(tmp_path)
    outcome = celu("watch", "--logs", str(tmp_path))
    assert outcome.code == 0
    assert "\x1b" not in outcome.out
    assert len(outcome.out.splitlines()) == 3


def test_ended_runs_are_counted_and_shown_when_all_are_asked_for(celu: Celu, tmp_path: Path) -> None:
    record_run(tmp_path, make_case(name="case-b"))
    record_run(tmp_path, done=1)
    out = celu("watch", str(tmp_path)).out
    assert out.startswith(f"nothing is running, 2 ended earlier (--all shows them); {tmp_path}")
    lines = celu("watch", str(tmp_path), "--all").out.splitlines()
    assert [line.split()[-1] for line in lines[1:3]] == ["completed", "interrupted"]


def test_a_killed_process_is_shown_as_crashed(celu: Celu, tmp_path: Path) -> None:
    with another_process(tmp_path) as child:
        assert celu("watch", str(tmp_path)).out.splitlines()[1].split()[-1] == "running"
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert celu("watch", str(tmp_path)).out.splitlines()[1].split()[-1] == "crashed"


def test_a_run_that_failed_says_why_below_the_table(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    failed = read_manifest(path).model_copy(update={"status": "failed", "error": "the loss became NaN\nmore"})
    write_manifest(path, failed)
    lines = [line.plain for line in frame_lines(view_of(tmp_path), "logs", 200)]
    assert lines[2] == f"case-c/{path.name}: the loss became NaN"


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_the_frame_keeps_case_and_status_at_any_width(tmp_path: Path, width: int) -> None:
    name = "a-case-with-a-name-as-long-as-names-may-be"
    begin_run(tmp_path, make_case(name=name, epochs=51, published="case-c"), done=9)
    _, line, _ = frame_lines(view_of(tmp_path), "logs", width)
    assert len(line.plain) <= width
    assert line.plain.startswith("a-case-wi")
    assert line.plain.endswith("running")


def test_a_low_terminal_shows_the_runs_that_go_on_first(tmp_path: Path) -> None:
    begin_run(tmp_path, make_case(name="case-a"))
    for _ in range(9):
        record_run(tmp_path)
    lines = [line.plain for line in frame_lines(view_of(tmp_path), "logs", 120, height=8)]
    assert len(lines) <= 8
    assert any(line.startswith("case-a") for line in lines)
    assert "and 6 more; a higher terminal shows them" in lines


def test_runs_of_one_case_and_seed_are_told_apart_by_their_start(tmp_path: Path) -> None:
    begin_run(tmp_path)
    assert "started" not in frame_lines(view_of(tmp_path), "logs", 120)[0].plain
    begin_run(tmp_path)
    assert "started" in frame_lines(view_of(tmp_path), "logs", 120)[0].plain


def test_a_directory_that_is_not_there_is_one_message(celu: Celu, tmp_path: Path) -> None:
    outcome = celu("watch", str(tmp_path / "none"))
    assert (outcome.code, outcome.out) == (2, "")
    assert "there is no directory" in outcome.err
    assert "celu run case-a --sample" in outcome.err


def test_tensorflow_is_not_loaded(tmp_path: Path) -> None:
    begin_run(tmp_path)
    program = (
        "import sys\n"
        "from celu_cli.cli.app import command_line\n"
        f"command_line(['watch'])(['watch', {str(tmp_path)!r}], standalone_mode=False)\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@dataclass
class Terminal:
    """A command with a terminal of its own as stdin, stdout and stderr."""

    process: subprocess.Popen[bytes]
    master: int
    shown: str = field(default="")

    def wait_for(self, text: str, seconds: float = 30.0) -> None:
        """Read what the terminal gets until `text` is in it."""
        deadline = time.monotonic() + seconds
        while text not in self.shown and time.monotonic() < deadline:
            self._read()
        assert text in self.shown

    def wait_for_end(self, seconds: float = 30.0) -> int:
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read()
        self._read()
        return self.process.wait(1)

    def _read(self) -> None:
        import select

        if select.select([self.master], [], [], 0.1)[0]:
            with suppress(OSError):  # Linux says so when the other end is closed
                self.shown += os.read(self.master, 65536).decode(errors="replace")


@contextmanager
def in_a_terminal(*words: str, **environment: str) -> Iterator[Terminal]:
    pytest.importorskip("pty")
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    variables = {
        key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")
    }
    process = subprocess.Popen(
        [sys.executable, "-c", IN_ITS_TERMINAL, sys.executable, "-m", "celu_cli", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**variables, "TERM": "xterm-256color", **environment},
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_terminal_sees_a_run_begin_advance_and_crash_and_then_the_end(tmp_path: Path) -> None:
    with (
        another_process(tmp_path) as child,
        in_a_terminal("watch", str(tmp_path), "--interval", "0.2") as terminal,
    ):
        terminal.wait_for("2/3")
        second = begin_run(tmp_path, make_case(name="case-d"))
        terminal.wait_for("case-d")
        write_manifest(second.path, read_manifest(second.path).model_copy(update={"status": "completed"}))
        terminal.wait_for("completed")
        child.kill()
        child.wait()
        terminal.wait_for("crashed")
        assert terminal.wait_for_end() == 0
        assert terminal.shown.splitlines()[-1].endswith(f"nothing is running any more in {tmp_path}")


def test_ctrl_c_ends_with_130_and_gives_the_cursor_back(tmp_path: Path) -> None:
    begin_run(tmp_path)
    with in_a_terminal("watch", str(tmp_path)) as terminal:
        terminal.wait_for("1 running")
        os.write(terminal.master, b"\x03")
        assert terminal.wait_for_end() == 130
        assert terminal.shown.rfind("\x1b[?25h") > terminal.shown.rfind("\x1b[?25l")
        assert "Traceback" not in terminal.shown


def test_a_terminal_without_anything_to_watch_is_told_at_once(tmp_path: Path) -> None:
    record_run(tmp_path)
    with in_a_terminal("watch", str(tmp_path)) as terminal:
        assert terminal.wait_for_end() == 0
        assert "nothing is running, 1 ended earlier (--all shows it)" in terminal.shown


def test_no_color_leaves_no_colour_codes(tmp_path: Path) -> None:
    begin_run(tmp_path)
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with in_a_terminal("watch", str(tmp_path), **environment) as terminal:
            terminal.wait_for("1 running")
            assert ("\x1b[36m" in terminal.shown) == coloured
