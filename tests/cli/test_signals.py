"""Signals that end a training, in processes and terminals of their own."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

from celu_cli.cli.signals import StopRequest
from celu_cli.runs.checkpoint import read_checkpoint
from celu_cli.runs.directory import find_runs, runs_under
from tests.cli.small import SMALL

COMMAND = (sys.executable, "-m", "celu_cli", "run", "case-c", *SMALL)


def wait_for_an_epoch(logs: Path) -> None:
    deadline = time.monotonic() + 90
    while not any(path.read_bytes().count(b"\n") for path in logs.glob("*/*/metrics.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_lost_terminal_stops_the_run_with_a_checkpoint(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "epochs=100000", "--logs", str(tmp_path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    deadline = time.monotonic() + 90
    while not any(path.read_bytes().count(b"\n") for path in tmp_path.glob("*/*/metrics.jsonl")):
        assert time.monotonic() < deadline
        try:
            os.read(ours, 65536)
        except BlockingIOError:
            time.sleep(0.05)
    os.close(ours)
    assert process.wait(timeout=60) == 143
    (run,) = find_runs(tmp_path).runs
    assert (run.status, run.manifest.error) == ("interrupted", "stopped by SIGHUP")
    checkpoint = read_checkpoint(run.path).checkpoint
    assert checkpoint is not None
    assert checkpoint.epoch >= len(run.metrics)


def test_a_run_under_nohup_outlives_the_connection(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "epochs=40", "--logs", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    wait_for_an_epoch(tmp_path)
    os.kill(process.pid, signal.SIGHUP)
    assert process.wait(timeout=90) == 0
    (path,) = runs_under(tmp_path)
    assert path.joinpath("metrics.jsonl").read_bytes().count(b"\n") == 40


def test_signals_within_a_second_are_one_request_and_the_handlers_before_come_back() -> None:
    heard: list[str] = []
    before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGHUP)
    with StopRequest(heard.append) as stop:
        assert stop() is None
        for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR1):
            os.kill(os.getpid(), number)
        deadline = time.monotonic() + 10
        while not heard:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        request = stop()
        assert request is not None
        assert int(request.exit_code) == 143
    assert len(heard) == 1
    assert str(request) == f"stopped by {heard[0]}"
    assert before == (signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGHUP))
