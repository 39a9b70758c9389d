from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from celu_cli.case.identity import identity
from celu_cli.case.load import load_case
from celu_cli.errors import DivergedError, InterruptedByUser, RunError
from celu_cli.events import EpochDone
from celu_cli.runs import recorder as recorder_module
from celu_cli.runs.checkpoint import write_checkpoint
from celu_cli.runs.directory import lock_run
from celu_cli.runs.manifest import read_manifest, utc_now, write_manifest
from celu_cli.runs.metrics import METRICS_NAME, read_metrics
from celu_cli.runs.recorder import RunRecorder
from celu_cli.runs.run import read_run
from tests.runs.fakes import make_case, make_events, make_metrics, record_run
from tests.runs.test_checkpoint import make_checkpoint


def test_a_completed_run_leaves_every_file_the_design_names(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    names = {file.name for file in path.iterdir()}
    assert names == {".lock", "case.yaml", "overrides.txt", "run.json", "train.log", "metrics.jsonl"}


def test_the_recorded_case_loads_again_to_the_same_case(tmp_path: Path) -> None:
    case = make_case(backprop={"method": "dilated", "rate": 1e-4}, seed=7, published="case-c")
    path = record_run(tmp_path, case)
    assert load_case(path / "case.yaml") == case


def test_overrides_are_kept_as_given(tmp_path: Path) -> None:
    recorder = RunRecorder.open(tmp_path, make_case(), ["alpha=1", "epochs=3"])
    assert (recorder.path / "overrides.txt").read_text() == "alpha=1\nepochs=3\n"


def test_the_manifest_has_the_hash_of_the_user_s_code_and_the_run_outlives_the_file(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_bytes(b"swish = None\n")
    path = record_run(tmp_path, make_case(activation=f"{code}:swish"))
    code.unlink()
    run = read_run(path)
    assert run.manifest.code == {str(code): hashlib.sha256(b"swish = None\n").hexdigest()}
    assert run.case.activation == f"{code}:swish"


def test_the_manifest_tells_what_the_run_was_made_with(tmp_path: Path) -> None:
    case = make_case(seed=5)
    with RunRecorder.open(tmp_path, case, dataset_source="cache") as recorder:
        for event in make_events(3):
            recorder(event)
    manifest = read_manifest(recorder.path)
    assert manifest.status == "completed"
    assert (manifest.seed, manifest.dataset_source) == (5, "cache")
    assert (manifest.initial_weights_hash, manifest.batch_order_hash) == ("sha256:weights", "sha256:order")
    assert (manifest.train_images, manifest.test_images, manifest.shares) == (50_000, 10_000, 2)
    assert {"celu", "python", "numpy", "tensorflow"} <= set(manifest.versions)
    assert manifest.pid == os.getpid()
    assert manifest.cpu_model
    assert manifest.cpu_threads >= 1
    assert manifest.ended is not None
    assert manifest.started <= manifest.ended <= manifest.heartbeat


@pytest.mark.parametrize(
    ("error", "status", "text", "exit_code"),
    [
        (KeyboardInterrupt(), "interrupted", "stopped by the user", None),
        (InterruptedByUser("stopped by SIGTERM"), "interrupted", "stopped by SIGTERM", None),
        (DivergedError("the loss is NaN in epoch 2"), "failed", "the loss is NaN in epoch 2", 4),
        (ValueError("shapes differ"), "failed", "ValueError: shapes differ", 1),
    ],
)
def test_how_a_run_ended_is_recorded_and_the_exception_passes(
    tmp_path: Path, error: BaseException, status: str, text: str, exit_code: int | None
) -> None:
    recorder = RunRecorder.open(tmp_path, make_case())
    for event in make_events(3, done=1):
        recorder(event)
    with pytest.raises(type(error)), recorder:
        raise error
    run = read_run(recorder.path)
    assert (run.status, run.manifest.error, run.manifest.exit_code) == (status, text, exit_code)
    assert run.manifest.identity == identity(make_case())
    assert [metrics.epoch for metrics in run.metrics] == [1]


def test_a_training_that_stops_early_without_a_word_is_not_called_completed(tmp_path: Path) -> None:
    run = read_run(record_run(tmp_path, done=2))
    assert run.status == "interrupted"
    assert run.manifest.error == "the training stopped before its last epoch"


def test_a_directory_is_a_run_only_when_all_its_first_files_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder_module, "write_manifest", fail)
    with pytest.raises(RunError, match="No space left on device"):
        RunRecorder.open(tmp_path, make_case())
    assert list((tmp_path / "case-c").iterdir()) == []


def test_a_full_disk_while_training_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    recorder = RunRecorder.open(tmp_path, make_case())
    monkeypatch.setattr(recorder_module, "append_metrics", fail)
    with pytest.raises(RunError, match="No space left on device"), recorder:
        recorder(EpochDone(make_metrics(1)))
    assert read_manifest(recorder.path).status == "failed"


def test_the_heart_beats_while_the_training_says_nothing(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    with RunRecorder(read_run(path), lock_run(path), heartbeat_seconds=0.01) as recorder:
        first = read_manifest(recorder.path).heartbeat
        deadline = time.monotonic() + 5
        while read_manifest(recorder.path).heartbeat == first and time.monotonic() < deadline:
            time.sleep(0.01)
        assert read_manifest(recorder.path).heartbeat > first


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.runs.fakes import make_case, make_events
from celu_cli.runs.recorder import RunRecorder
with RunRecorder.open(Path(sys.argv[1]), make_case()) as recorder:
    for event in make_events(3, done=2):
        recorder(event)
    with (recorder.path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "train_lo')
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_a_killed_run_reads_as_crashed_with_the_epochs_it_finished(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert result.returncode == -signal.SIGKILL
    (path,) = (tmp_path / "case-c").iterdir()
    run = read_run(path)
    assert json.loads((path / "run.json").read_text())["status"] == "running"
    assert run.status == "crashed"
    assert [metrics.epoch for metrics in run.metrics] == [1, 2]


def refuse(code: int) -> Callable[..., None]:
    def refused(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return refused


_WAITING = """
import sys, time
from pathlib import Path
from tests.runs.fakes import make_case, make_events
from celu_cli.runs.recorder import RunRecorder
recorder = RunRecorder.open(Path(sys.argv[1]), make_case())
for event in make_events(3, done=2):
    recorder(event)
print(recorder.path, flush=True)
time.sleep(600)
"""


@pytest.fixture
def suspended(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A run of two finished epochs whose process was stopped hours ago."""
    child = subprocess.Popen([sys.executable, "-c", _WAITING, tmp_path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    path = Path(child.stdout.readline().strip())
    child.send_signal(signal.SIGSTOP)
    os.waitpid(child.pid, os.WUNTRACED)
    silent = read_manifest(path).model_copy(update={"heartbeat": utc_now() - timedelta(hours=3)})
    write_manifest(path, silent)
    yield path, child
    child.kill()
    child.communicate()


def test_a_suspended_run_is_called_so_and_not_taken_over_until_its_process_is_gone(
    suspended: tuple[Path, subprocess.Popen[str]],
) -> None:
    path, child = suspended
    assert read_run(path).status == "suspended"
    before = {file: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(RunError, match=rf"suspended in process {child.pid}.*kill -CONT {child.pid}"):
        RunRecorder.reopen(path, read_run(path).case)
    assert {file: file.read_bytes() for file in path.iterdir()} == before
    child.kill()
    child.wait()
    write_checkpoint(path, make_checkpoint(2, 10))
    with RunRecorder.reopen(path, read_run(path).case) as recorder:
        assert recorder.run.status == "running"


def test_on_a_filesystem_without_locks_and_syncs_a_run_is_trained_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOTSUP))
    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    monkeypatch.setattr(recorder_module, "_SETTLED_SECONDS", 0.01)
    path = record_run(tmp_path, done=0)
    assert read_run(path).status == "interrupted"
    with RunRecorder.reopen(path, read_run(path).case) as recorder:
        for event in make_events(3):
            recorder(event)
    assert (read_run(path).status, read_run(path).metrics.done) == ("completed", 3)


def test_without_locks_a_run_is_not_taken_over_while_its_process_lives(
    suspended: tuple[Path, subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, child = suspended
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    with pytest.raises(RunError, match=f"is being trained by process {child.pid} of"):
        RunRecorder.reopen(path, read_run(path).case)


def test_without_locks_a_silent_process_elsewhere_is_watched_first_as_its_clock_may_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record_run(tmp_path, done=0)
    silent = utc_now() - timedelta(hours=3)
    elsewhere = {"status": "running", "heartbeat": silent, "pid_space": "another boot", "host": "another"}
    manifest = read_manifest(path).model_copy(update=elsewhere)
    write_manifest(path, manifest)
    case = read_run(path).case

    def beat(_: float) -> None:
        write_manifest(path, manifest.model_copy(update={"heartbeat": silent + timedelta(seconds=10)}))

    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    monkeypatch.setattr(time, "sleep", beat)
    with pytest.raises(RunError, match="of another, whose clock differs"):
        RunRecorder.reopen(path, case)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert RunRecorder.reopen(path, case).run.status == "running"


def test_without_locks_the_first_of_two_that_resume_at_once_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record_run(tmp_path, done=0)
    case = read_run(path).case

    def come(_: float) -> None:
        manifest = read_manifest(path)
        for latest in manifest.resumed[-1:]:  # waiting for another program sleeps as well
            other = latest.model_copy(update={"pid": 1})
            write_manifest(path, manifest.model_copy(update={"resumed": (*manifest.resumed, other)}))

    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    monkeypatch.setattr(time, "sleep", come)
    with pytest.raises(RunError, match=r"process 1 of .* resumed the run .* at the same moment"):
        RunRecorder.reopen(path, case)


def test_metrics_are_appended_not_rewritten(tmp_path: Path) -> None:
    recorder = RunRecorder.open(tmp_path, make_case())
    contents = []
    for epoch in (1, 2):
        recorder(EpochDone(make_metrics(epoch)))
        contents.append((recorder.path / METRICS_NAME).read_bytes())
    assert contents[1].startswith(contents[0])
    assert read_metrics(recorder.path) == (make_metrics(1), make_metrics(2))
