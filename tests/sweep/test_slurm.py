"""Slurm: the script as printed, and a job array on a real Slurm of one node, with its own daemons, keys and ports."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from celu_cli.runs.run import read_run
from celu_cli.sweep.plan import newest_plan, read_plan
from celu_cli.sweep.standing import Standings
from tests.cli.invoke import Celu
from tests.cli.small import NETWORK
from tests.sweep.fakes import runs_in
from tests.sweep.test_local import assert_as_undisturbed

WORDS = ("sweep", "case-c", "dataset.sample=true", NETWORK, "batch_size=500", "seed=0..3", "--name", "here")
SLURM = (*WORDS, "--on", "slurm")
_CONFIGURATION = """\
ClusterName=celu
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={place}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={place}
SlurmdSpoolDir={place}
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=8000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_DAEMONS = ("munged", "slurmctld", "slurmd")
needs_slurm = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0 or not all(map(shutil.which, _DAEMONS)),
    reason="a real Slurm is tried as root, with the packages slurmctld, slurmd, slurm-client and munge",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_script_is_an_array_of_workers_that_claim_cells_of_a_frozen_plan(celu: Celu) -> None:
    printed = celu(*SLURM, "--cpus-per-run", "2", "--gpus-per-run", "1")
    assert printed.code == 0
    assert subprocess.run(["bash", "-n"], input=printed.out, text=True).returncode == 0
    for option in ("array=0-3", "cpus-per-task=2", "gpus-per-task=1", "signal=B:USR1@120", "requeue"):
        assert f"#SBATCH --{option}\n" in printed.out
    (plan,) = Path("logs/.sweeps/here").glob("plan-*.json")
    assert str(plan.resolve()) in printed.out
    assert len(read_plan(plan).cells) == 4
    assert not runs_in(Path("logs"))


def test_a_submission_without_slurm_is_a_plain_error(celu: Celu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    refused = celu(*SLURM, "--submit")
    assert (refused.code, "cannot start sbatch" in refused.err) == (2, True)


def test_there_is_nothing_to_submit_where_every_cell_is_complete(celu: Celu) -> None:
    assert celu(*WORDS, "epochs=1", "--workers", "1").code == 0
    done = celu(*SLURM, "epochs=1")
    assert (done.code, "there is nothing to submit" in done.out) == (0, True)


def test_a_worker_that_others_leave_nothing_to_do_goes(
    celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celu_cli.cli.commands import sweep
    from celu_cli.sweep.claims import Claims

    monkeypatch.setattr(sweep, "_PATIENCE_SECONDS", 0.5)
    celu(*SLURM, "epochs=1")
    (plan,) = Path("logs/.sweeps/here").glob("plan-*.json")
    with Claims(tmp_path / "logs/.sweeps/claims") as others:
        for cell in read_plan(plan).cells:
            others.take(cell.identity)
        left = celu("sweep", str(plan), "--workers", "1", "--cpus-per-run", "1")
    assert (left.code, "4 are being trained by other workers" in left.out) == (0, True)


@dataclass(frozen=True)
class Slurm:
    environment: dict[str, str]

    def __call__(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.environment, check=True, text=True, stdout=subprocess.PIPE
        ).stdout.strip()

    def wait_for(self, what: Callable[[], object], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self("squeue")
            time.sleep(0.05)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    place = tmp_path / "slurm"
    place.mkdir()
    key = place / "key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    configuration = place / "slurm.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            place=place,
            controller_port=ports[0],
            node_port=ports[1],
            cpus=len(os.sched_getaffinity(0)),
        )
    )
    monkeypatch.setenv("SLURM_CONF", str(configuration))
    here = Slurm({**os.environ})
    names = {
        "socket": "munge.socket",
        "pid-file": "munged.pid",
        "log-file": "munged.log",
        "seed-file": "seed",
    }
    files = [f"--{option}={place / name}" for option, name in {"key-file": "key", **names}.items()]
    try:
        here("munged", "--force", *files)
        here("slurmctld")
        here("slurmd")
        here.wait_for(lambda: here("sinfo", "-h", "-o", "%T") == "idle", 30)
        yield here
    finally:
        for name in ("slurmd", "slurmctld", "munged"):
            with suppress(OSError, ValueError):
                os.kill(int((place / f"{name}.pid").read_text()), signal.SIGTERM)


@needs_slurm
@pytest.mark.slow
def test_an_array_completes_every_cell_though_its_tasks_are_stopped_in_the_middle_of_runs(
    celu: Celu, tmp_path: Path, slurm: Slurm
) -> None:
    job = celu(*SLURM, "epochs=150", "--workers", "2", "--submit").out.split()[3].rstrip(";")
    logs = Path("logs")

    def stop(task: str, sent: str) -> None:
        """Send a task's script a signal while it trains, and wait until Slurm has it no more running."""
        before = [path for path in runs_in(logs) if read_run(path).status == "running"]
        slurm("scancel", "--batch", f"--signal={sent}", task)
        slurm.wait_for(
            lambda: slurm("squeue", "-h", "-o", "%T", "--job", task) not in ("RUNNING", "COMPLETING")
        )
        assert "interrupted" in {read_run(path).status for path in before}

    slurm.wait_for(lambda: len(list(logs.glob("*/*/metrics.jsonl"))) >= 2)
    stop(f"{job}_0", "USR1")  # as Slurm does near the time limit: the script requeues itself
    stop(f"{job}_1", "TERM")  # as by scancel; the user requeues it
    slurm("scontrol", "requeue", f"{job}_1")
    for task in ("0", "1"):  # a requeued job would wait two minutes
        slurm.wait_for(
            lambda task=task: slurm("squeue", "-h", "-o", "%T", "--job", f"{job}_{task}") == "PENDING"
        )
        slurm("scontrol", "update", f"JobId={job}_{task}", "StartTime=now")
    slurm.wait_for(lambda: not slurm("squeue", "-h"), 300)

    plan, standings = newest_plan("here", logs), Standings(logs)
    states = [standings.state(cell.identity) for cell in plan.cells]
    assert [state.standing for state in states] == ["completed"] * 4
    assert len(runs_in(logs)) == 4
    runs = [read_run(state.run) for state in states if state.run]
    assert {run.manifest.cpu_threads for run in runs} == {1}
    (stopped, *_) = [run for run in runs if run.manifest.resumed]
    assert_as_undisturbed(stopped.path, plan, tmp_path / "alone")
