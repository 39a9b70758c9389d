"""`celu run` from the words a person types to the files and the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from celu_cli.case.load import load_case
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import Run
from tests.cli.invoke import Celu
from tests.cli.small import SMALL


@pytest.fixture
def celu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Celu:
    return Celu(capsys, monkeypatch)


def only_run(logs: Path) -> Run:
    (run,) = find_runs(logs).runs
    return run


def test_a_run_leaves_its_case_log_metrics_and_plots(celu: Celu, tmp_path: Path) -> None:
    outcome = celu("run", "case-c", *SMALL, "--epochs", "2", "--logs", str(tmp_path))

    assert outcome.code == 0
    run = only_run(tmp_path)
    assert run.status == "completed"
    assert [metrics.epoch for metrics in run.metrics] == [1, 2]
    assert {path.name for path in run.path.iterdir()} == {
        ".lock",
        "case.yaml",
        "checkpoint",
        "metrics.jsonl",
        "overrides.txt",
        "plots",
        "run.json",
        "train.log",
    }
    assert {path.name for path in (run.path / "plots").iterdir()} == {"train.png", "test.png"}
    for name in ("train.log", "metrics.jsonl", "plots"):
        assert str(run.path / name) in outcome.out


SWISH = """
import tensorflow as tf
from celu_cli.engine.activations import Activation


def slope(x, alpha):
    s = tf.sigmoid(alpha * x)
    return s + alpha * x * s * (1.0 - s)


swish = Activation(value=lambda x, alpha: x * tf.sigmoid(alpha * x), derivative=slope, keeps="input")
"""


def test_an_activation_of_one_s_own_trains_and_its_run_can_be_compared(celu: Celu, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SWISH)
    words = ("alpha=null", f"activation={tmp_path}/mine.py:swish", "epochs=1")
    assert celu("run", "case-c", *SMALL, *words, "--logs", str(tmp_path / "logs")).code == 0
    (tmp_path / "mine.py").unlink()
    assert celu("compare", "--logs", str(tmp_path / "logs")).code == 0


def test_an_activation_of_one_s_own_that_fails_leaves_no_run(celu: Celu, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("1 / 0\n")
    outcome = celu(
        "run", "case-c", *SMALL, f"activation={tmp_path}/mine.py:swish", "--logs", str(tmp_path / "logs")
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].endswith("mine.py:1: ZeroDivisionError: division by zero")
    assert not (tmp_path / "logs").exists()


def test_the_case_of_a_run_can_be_run_again_to_the_same_numbers(celu: Celu, tmp_path: Path) -> None:
    words = ("--logs", str(tmp_path))
    celu("run", "case-d", *SMALL, "epochs=1", "seed=7", *words)
    first = only_run(tmp_path)
    assert load_case(first.path / "case.yaml") == first.case

    celu("run", str(first.path / "case.yaml"), *words)
    one, other = (run.metrics[0] for run in find_runs(tmp_path).runs)
    assert (one.train_loss, one.test_loss) == (other.train_loss, other.test_loss)
    assert one.train_accuracy == other.train_accuracy


def test_results_go_to_stdout_and_progress_to_stderr(celu: Celu, tmp_path: Path) -> None:
    outcome = celu("run", "case-c", *SMALL, "--epochs", "1", "--logs", str(tmp_path))
    assert "test accuracy" in outcome.out
    assert "epoch 1/1" not in outcome.out
    assert "epoch 1/1" in outcome.err


def test_a_diverging_run_exits_with_4_and_names_epoch_and_step(celu: Celu, tmp_path: Path) -> None:
    words = ("--sample", "network.filters=4", "batch_size=500", "optimizer.learning_rate=1e12")
    outcome = celu("run", "case-a", *words, "--logs", str(tmp_path))
    assert outcome.code == 4
    assert "NaN or infinite in epoch 1, step " in outcome.err
    run = only_run(tmp_path)
    assert run.status == "failed"
    assert run.manifest.error is not None
    assert "epoch 1" in run.manifest.error


def test_an_invalid_case_is_refused_before_tensorflow_loads_and_leaves_no_directory(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from celu_cli.cli.app import main\n"
        f"sys.argv = ['celu', 'run', 'case-c', 'alpha=-1', '--logs', {str(tmp_path / 'logs')!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    print(end.code, 'tensorflow' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["2", "False"]
    assert not (tmp_path / "logs").exists()


def test_without_data_and_network_the_sources_tried_and_the_ways_out_are_named(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "celu_cli", "run", "case-c", "--logs", str(tmp_path / "logs")],
        env={
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "PATH": str(tmp_path),  # no npm
            "HTTPS_PROXY": "http://127.0.0.1:9",  # nobody listens there
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 3
    for word in ("--sample", "--data-dir", "npm", "cs.toronto.edu"):
        assert word in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("number", "code", "times"),
    [
        (signal.SIGINT, 130, 1),
        (signal.SIGTERM, 143, 1),
        (signal.SIGHUP, 143, 1),
        (signal.SIGUSR1, 143, 1),
        (signal.SIGINT, 130, 3),  # wrappers hand on the Ctrl-C that the terminal has sent already
    ],
)
def test_a_signal_stops_the_run_and_keeps_its_epochs(
    tmp_path: Path, number: int, code: int, times: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "celu_cli", "run", "case-c", *SMALL, "epochs=100000", "--logs", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for_epochs(tmp_path, 2)
    for _ in range(times):
        os.kill(process.pid, number)
        time.sleep(0.05)
    out, err = process.communicate(timeout=60)

    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in err
    run = only_run(tmp_path)
    assert run.status == "interrupted"
    assert len(run.metrics) >= 2
    assert (run.path / "plots" / "test.png").exists()
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, len(lines) + 1))


def wait_for_epochs(logs: Path, epochs: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        written = sum(path.read_text().count("\n") for path in logs.glob("*/*/metrics.jsonl"))
        if written >= epochs:
            return
        time.sleep(0.1)
    raise AssertionError(f"no {epochs} epochs within 90 s")
