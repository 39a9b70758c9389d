"""Runs that are stopped, damaged or starved of disk, and go on."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from celu_cli.errors import RunError
from celu_cli.events import Event, RunOpened
from celu_cli.runs.checkpoint import CHECKPOINT_NAME
from celu_cli.runs.directory import find_runs, lock_run
from celu_cli.runs.metrics import METRICS_NAME
from celu_cli.runs.run import Run, read_run
from tests.cli.invoke import Celu
from tests.cli.small import SMALL
from tests.soak.kills import unequal

COMMAND = (sys.executable, "-m", "celu_cli", "run")


@pytest.fixture
def celu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Celu:
    return Celu(capsys, monkeypatch)


@pytest.fixture(autouse=True)
def _without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing them takes longer than these trainings, and no test here looks at one."""
    monkeypatch.setattr("celu_cli.execute.draw_run", lambda *_: None)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three epochs of four steps, with a checkpoint in the middle of each."""
    logs = tmp_path_factory.mktemp("complete")
    words = ("case-c", *SMALL, "epochs=3", "--checkpoint-steps", "2", "--logs", str(logs))
    subprocess.run([*COMMAND, *words], check=True, capture_output=True)
    (run,) = find_runs(logs).runs
    return run


@pytest.fixture
def interrupted(complete: Run, tmp_path: Path) -> Path:
    """The same run as it was in the middle of its last epoch."""
    path = tmp_path / "logs" / "case-c" / complete.path.name
    shutil.copytree(complete.path, path)
    newest = max((path / CHECKPOINT_NAME).iterdir())
    newest.unlink()
    lines = (path / METRICS_NAME).read_text().splitlines(keepends=True)
    (path / METRICS_NAME).write_text("".join(lines[:2]) + lines[2][:30])
    manifest = (path / "run.json").read_text()
    (path / "run.json").write_text(manifest.replace('"status": "completed"', '"status": "interrupted"'))
    return path


def test_a_run_is_taken_up_by_its_directory_or_by_its_case(
    celu: Celu, complete: Run, interrupted: Path
) -> None:
    outcome = celu("run", "--resume", str(interrupted))
    assert outcome.code == 0, outcome.err
    assert "Resuming after step 2 of 4 in epoch 3" in outcome.err
    run = read_run(interrupted)
    assert unequal(run, complete) == []
    (resumption,) = run.manifest.resumed
    assert (resumption.epoch, resumption.step) == (3, 2)
    assert "event=resume epoch=3 step=2" in (interrupted / "train.log").read_text()


def test_a_case_means_its_newest_unfinished_run(celu: Celu, complete: Run, interrupted: Path) -> None:
    older = interrupted.with_name("2001-01-01T00-00-00Z-seed0")
    shutil.copytree(interrupted, older)
    text = (older / "run.json").read_text()
    started = read_run(older).manifest.started.isoformat().replace("+00:00", "Z")
    (older / "run.json").write_text(text.replace(started, "2001-01-01T00:00:00Z"))
    logs = str(interrupted.parents[1])

    outcome = celu("run", "case-c", "--resume", "--logs", logs)
    assert outcome.code == 0, outcome.err
    assert unequal(read_run(interrupted), complete) == []
    assert read_run(older).status == "interrupted"


def test_a_job_begins_its_run_and_resumes_it_when_it_is_started_again(
    celu: Celu, complete: Run, interrupted: Path
) -> None:
    logs = interrupted.parents[1]
    job = ("run", "case-c", *SMALL, "epochs=3", "--resume-or-begin", "--logs")
    outcome = celu(*job, str(logs))
    assert outcome.code == 0, outcome.err
    assert "Resuming after step 2 of 4 in epoch 3 of 3" in outcome.err
    assert unequal(read_run(interrupted), complete) == []

    outcome = celu(*job, str(logs / "elsewhere"))
    assert outcome.code == 0, outcome.err
    assert "there are no runs of case-c in" in outcome.err
    assert "A new run begins" in outcome.err
    (run,) = find_runs(logs / "elsewhere").runs
    assert unequal(run, complete) == []


def test_a_damaged_newest_checkpoint_costs_only_the_work_since_the_one_before(
    celu: Celu, complete: Run, tmp_path: Path
) -> None:
    path = tmp_path / "case-c" / complete.path.name
    shutil.copytree(complete.path, path)
    newest = max((path / CHECKPOINT_NAME).iterdir())
    newest.write_bytes(newest.read_bytes()[:100])
    # The epochs are raised, as a completed run has nothing left to do.
    outcome = celu("run", "--resume", str(path), "epochs=4")
    assert outcome.code == 0, outcome.err
    assert f"{newest} cannot be used" in outcome.err
    assert "Resuming after step 2 of 4 in epoch 3" in outcome.err
    metrics = read_run(path).metrics
    assert [epoch.epoch for epoch in metrics] == [1, 2, 3, 4]
    assert metrics[2].test_loss == complete.metrics[2].test_loss


def test_without_any_whole_checkpoint_nothing_is_touched(celu: Celu, interrupted: Path) -> None:
    for path in (interrupted / CHECKPOINT_NAME).iterdir():
        path.write_bytes(b"")
    before = (interrupted / METRICS_NAME).read_bytes(), (interrupted / "run.json").read_bytes()
    outcome = celu("run", "--resume", str(interrupted))
    assert outcome.code == 2
    assert "has no checkpoint to go on from" in outcome.err
    assert before == ((interrupted / METRICS_NAME).read_bytes(), (interrupted / "run.json").read_bytes())


def test_raising_the_epochs_goes_on_as_if_they_had_been_asked_for_at_once(
    celu: Celu, complete: Run, tmp_path: Path
) -> None:
    celu("run", "case-c", *SMALL, "epochs=2", "--logs", str(tmp_path))
    (short,) = find_runs(tmp_path).runs
    assert celu("run", "--resume", str(short.path), "--epochs", "3").code == 0
    run = read_run(short.path)
    assert run.case.epochs == 3
    assert unequal(run, complete) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("alpha=1", "seed=4"), ("alpha: 2.0 -> 1.0", "seed: 0 -> 4")),
        (("epochs=2",), ("epochs: 3 -> 2 (they can only be raised)",)),
        (("optimizer=adam",), ("optimizer.name: amsgrad -> adam",)),
    ],
)
def test_any_other_change_is_refused_with_what_differs(
    celu: Celu, interrupted: Path, words: tuple[str, ...], message: tuple[str, ...]
) -> None:
    outcome = celu("run", "--resume", str(interrupted), *words)
    assert outcome.code == 2
    for text in message:
        assert text in outcome.err
    assert read_run(interrupted).status == "interrupted"


def test_a_case_file_that_has_changed_since_is_refused(
    celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "extends: case-c\ndataset: {name: cifar10, sample: true}\nnetwork: {filters: 4}\nepochs: 1\n"
    (tmp_path / "mine.yaml").write_text(text + "optimizer: {name: sgd, learning_rate: 1.0e+30}\n")
    assert celu("run", "mine.yaml").code == 4
    (tmp_path / "mine.yaml").write_text(text + "optimizer: {name: sgd, learning_rate: 0.5}\n")
    outcome = celu("run", "mine.yaml", "--resume")
    assert outcome.code == 2
    assert "optimizer.learning_rate: 1e+30 -> 0.5" in outcome.err


def test_a_completed_run_is_not_run_again(celu: Celu, complete: Run) -> None:
    outcome = celu("run", "--resume", str(complete.path))
    assert outcome.code == 2
    assert "has completed its 3 epochs" in outcome.err
    assert "epochs=6" in outcome.err


def test_a_run_that_another_process_trains_is_refused(celu: Celu, interrupted: Path) -> None:
    lock = lock_run(interrupted)
    try:
        with pytest.raises(RunError):
            lock_run(interrupted)
        outcome = celu("run", "--resume", str(interrupted))
    finally:
        lock.release()
    assert outcome.code == 2
    assert "another process is training the run" in outcome.err


def test_a_stopped_run_names_the_command_that_goes_on_and_the_command_works(
    celu: Celu, complete: Run, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [*COMMAND, "case-c", *SMALL, "epochs=3", "--logs", str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("case-c:"):
            break
    os.kill(process.pid, signal.SIGTERM)
    said += process.communicate(timeout=60)[1]
    assert process.returncode == 143, said
    assert "SIGTERM: stopping after this step" in said
    words = said.rpartition("resume it with: ")[2].split()
    assert words[:3] == ["celu", "run", "--resume"]
    assert celu(*words[1:]).code == 0
    assert unequal(read_run(Path(words[3])), complete) == []


def test_a_second_signal_leaves_at_once_and_says_how_to_go_on(tmp_path: Path) -> None:
    words = ["case-c", "--sample", "batch_size=2000", "network.filters=200", "epochs=1"]
    process = subprocess.Popen([*COMMAND, *words, "--logs", str(tmp_path)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("case-c:"):
            break
    time.sleep(1.0)  # its one step takes far longer
    os.kill(process.pid, signal.SIGINT)
    time.sleep(1.3)  # what comes within a second is the same request
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert time.monotonic() - begun < 3.4
    (run,) = find_runs(tmp_path).runs
    assert run.status == "crashed"
    assert said.endswith(f"resume it with: celu run --resume {run.path}\n")


def test_a_full_disk_stops_the_run_and_what_was_kept_goes_on(
    celu: Celu, complete: Run, tmp_path: Path
) -> None:
    """No file may grow beyond some bytes, fewer than a checkpoint has."""
    limit = 4096

    def starve() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = subprocess.run(
        [*COMMAND, "case-c", *SMALL, "epochs=3", "--logs", str(tmp_path)],
        preexec_fn=starve,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2, process.stderr
    assert "cannot write the run's files" in process.stderr
    assert "File too large" in process.stderr
    assert "Traceback" not in process.stderr
    (run,) = find_runs(tmp_path).runs
    assert run.status == "failed"
    assert celu("run", "--resume", str(run.path)).code == 0
    assert unequal(read_run(run.path), complete) == []


def test_metrics_that_cannot_be_written_stop_the_run_after_a_checkpoint(
    celu: Celu, complete: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("celu_cli.runs.recorder.append_metrics", full)
        outcome = celu("run", "case-c", *SMALL, "epochs=3", "--logs", str(tmp_path))
    assert outcome.code == 2
    assert "No space left on device" in outcome.err
    (run,) = find_runs(tmp_path).runs
    assert run.status == "failed"
    outcome = celu("run", "--resume", str(run.path))
    assert "Resuming after step 4 of 4 in epoch 1" in outcome.err
    assert unequal(read_run(run.path), complete) == []


def test_a_run_directory_that_is_deleted_ends_the_run_with_a_clear_error(
    celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celu_cli.cli.output import live

    class Deleting(live.LiveDisplay):
        def __call__(self, event: Event) -> None:
            super().__call__(event)
            if isinstance(event, RunOpened):
                shutil.rmtree(tmp_path / "logs")

    monkeypatch.setattr(live, "LiveDisplay", Deleting)
    outcome = celu("run", "case-c", *SMALL, "epochs=1", "--logs", str(tmp_path / "logs"))
    assert outcome.code == 2
    assert "cannot write the run's files in" in outcome.err
    assert "resume it with" not in outcome.err
    assert not (tmp_path / "logs").exists()
