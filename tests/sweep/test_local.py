"""Worker processes: real trainings, small enough for a test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from celu_cli.execute import Job, execute
from celu_cli.machine import usable_cores
from celu_cli.runs.checkpoint import read_checkpoint
from celu_cli.runs.run import read_run
from celu_cli.sweep.conduct import CellEnded, CellProgress, Conductor, SweepEvent
from celu_cli.sweep.local import LocalWorkers
from celu_cli.sweep.plan import Plan, make_plan
from celu_cli.sweep.request import read_request
from celu_cli.sweep.standing import Standings
from tests.cli.small import NETWORK
from tests.sweep.fakes import runs_in

SMALL = ("case-c", "dataset.sample=true", NETWORK, "batch_size=500")


def plan_of(*words: str) -> Plan:
    return make_plan(read_request([*SMALL, *words]))


def weights_of(path: Path) -> dict[str, np.ndarray]:
    checkpoint = read_checkpoint(path).checkpoint
    assert checkpoint is not None
    return dict(checkpoint.arrays)


def assert_as_undisturbed(path: Path, plan: Plan, logs: Path) -> None:
    """That the run in `path`, of a worker with one core, has the bits of an undisturbed one, trained in `logs`."""
    (cell,) = [cell for cell in plan.cells if cell.case == read_run(path).case]
    Conductor(replace(plan, cells=(cell,)), logs, LocalWorkers(1, cores_each=1), Standings(logs)).conduct()
    ours, theirs = weights_of(path), weights_of(runs_in(logs)[0])
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])


def test_a_worker_that_trained_other_cells_trains_the_same_bits_as_a_fresh_process(tmp_path: Path) -> None:
    words = ("seed=0..1", "optimizer.learning_rate=8e-4,1e-2", "schedule=constant,cosine", "epochs=2")
    plan = plan_of(*words)
    Conductor(plan, tmp_path / "sweep", LocalWorkers(1), Standings(tmp_path / "sweep")).conduct()
    fresh = execute(Job(plan.cells[-1].case, tmp_path / "fresh"))
    reused = Standings(tmp_path / "sweep").state(plan.cells[-1].identity).run
    assert reused is not None
    ours, theirs = weights_of(reused), weights_of(fresh.path)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])
    assert read_run(reused).manifest.cpu_threads == len(usable_cores())


def test_a_killed_worker_is_replaced_and_its_cell_goes_on(tmp_path: Path) -> None:
    launcher = LocalWorkers(1)
    events: list[SweepEvent] = []

    def observe(event: SweepEvent) -> None:
        events.append(event)
        if isinstance(event, CellProgress) and not any(isinstance(earlier, CellEnded) for earlier in events):
            os.kill(launcher.pids(0)[0], signal.SIGKILL)

    plan = plan_of("seed=0..1", "epochs=2")
    result = Conductor(plan, tmp_path, launcher, Standings(tmp_path)).conduct(observe)
    assert result.completed == 2
    ends = [event for event in events if isinstance(event, CellEnded)]
    assert [(end.outcome.status, end.again) for end in ends] == [
        ("lost", True),
        ("completed", False),
        ("completed", False),
    ]
    assert "SIGKILL" in ends[0].outcome.message
    assert len(runs_in(tmp_path)) == 2


@pytest.fixture
def long_sweep(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [
        sys.executable,
        "-m",
        "celu_cli",
        "sweep",
        *SMALL,
        "seed=0..1",
        "epochs=5000",
        "--workers",
        "1",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("logs/case-c/*/metrics.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_checkpoints_and_says_how_to_go_on(tmp_path: Path, long_sweep: subprocess.Popen[str]) -> None:
    long_sweep.send_signal(signal.SIGINT)
    _, said = long_sweep.communicate(timeout=30)
    assert long_sweep.returncode == 130
    assert "the same command goes on" in said
    (path,) = runs_in(tmp_path / "logs")
    assert read_run(path).status == "interrupted"
    assert read_checkpoint(path).checkpoint is not None


def test_workers_of_a_killed_sweep_checkpoint_and_end(
    tmp_path: Path, long_sweep: subprocess.Popen[str]
) -> None:
    (path,) = runs_in(tmp_path / "logs")
    worker = read_run(path).manifest.pid
    assert worker != long_sweep.pid
    long_sweep.kill()
    long_sweep.wait()
    deadline = time.monotonic() + 30
    while read_run(path).status == "running":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert read_run(path).status == "interrupted"
