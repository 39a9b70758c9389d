"""A job is a value: whoever gets it, in whatever process, trains the same run."""

from __future__ import annotations

import gc
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from celu_cli import execute as execute_module
from celu_cli.case import shares
from celu_cli.case.load import load_case
from celu_cli.datasets.reporter import SilentReporter
from celu_cli.errors import InterruptedByUser, RunError
from celu_cli.events import EpochDone, Event, RunOpened, TrainingEnded, TrainingStarted
from celu_cli.execute import Job, Workshop, execute
from celu_cli.runs.manifest import read_manifest, write_manifest
from celu_cli.runs.run import Run, read_run
from tests.cli.small import NETWORK
from tests.runs.fakes import record_run
from tests.soak.kills import unequal

OVERRIDES = ("dataset.sample=true", NETWORK, "batch_size=500", "epochs=2")


def test_a_run_that_cannot_be_resumed_is_refused_before_anything_is_loaded_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("the data was loaded")

    monkeypatch.setattr(execute_module, "load_dataset", load)
    path = record_run(tmp_path, done=1)
    (path / ".lock").unlink()
    before = {file: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(RunError, match="no checkpoint to go on from"):
        execute(Job(read_run(path).case, tmp_path, resume=path))
    assert {file: file.read_bytes() for file in path.iterdir()} == before


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(load_case("case-c", OVERRIDES), tmp_path / "logs", OVERRIDES, checkpoint_steps=2)


def train_pickled(pickled: bytes) -> Run:
    return execute(pickle.loads(pickled))


def test_a_pickled_job_trains_the_same_run_in_another_process(job: Job, tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(job)) == job
    elsewhere = replace(job, logs=tmp_path / "elsewhere")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        theirs = pool.submit(train_pickled, pickle.dumps(elsewhere)).result()
    assert theirs.status == "completed"
    assert unequal(theirs, execute(job)) == []


def test_the_run_handed_on_is_the_one_in_its_directory(job: Job) -> None:
    seen: list[Event] = []
    run = execute(job, [seen.append])
    assert run == read_run(run.path)
    assert (run.path / "overrides.txt").read_text().splitlines() == list(OVERRIDES)
    assert seen[0] == RunOpened(run.path, ())  # type: ignore[arg-type]
    assert isinstance(seen[1], TrainingStarted)
    assert isinstance(seen[-1], TrainingEnded)
    assert tuple(event.metrics for event in seen if isinstance(event, EpochDone)) == run.metrics


def test_a_training_leaves_nothing_that_only_the_garbage_collector_frees(job: Job) -> None:
    found = []

    def count(event: Event) -> None:
        if isinstance(event, EpochDone):
            found.append(gc.collect())

    gc.disable()
    try:
        execute(replace(job, case=job.case.model_copy(update={"epochs": 3}), plots=False), [count])
    finally:
        gc.enable()
    assert found[1:] == [0, 0]  # the first epoch traces


def interrupted(job: Job) -> Path:
    """The run of `job`, stopped after its first epoch."""
    seen: list[Event] = []

    def stop() -> InterruptedByUser | None:
        return InterruptedByUser("enough") if any(isinstance(event, EpochDone) for event in seen) else None

    with pytest.raises(InterruptedByUser):
        execute(job, [seen.append], stop)
    opened = seen[0]
    assert isinstance(opened, RunOpened)
    return opened.path


def test_a_job_that_resumes_ends_where_one_that_never_stopped_ends(job: Job, tmp_path: Path) -> None:
    path = interrupted(job)
    resumed = execute(replace(job, resume=path))
    assert (resumed.path, resumed.status, resumed.metrics.done) == (path, "completed", 2)
    assert unequal(resumed, execute(replace(job, logs=tmp_path / "whole"))) == []


def use_threads(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(shares, "cpu_threads", lambda: threads)


def test_a_run_that_another_machine_resumes_keeps_its_shares_and_ends_at_the_same_bits(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = Workshop()
    use_threads(monkeypatch, 4)
    whole = execute(replace(job, logs=tmp_path / "whole"), workshop=workshop)
    path = interrupted(job)
    assert read_manifest(path).shares == whole.manifest.shares == 4
    use_threads(monkeypatch, 8)
    elsewhere = execute(replace(job, logs=tmp_path / "elsewhere"), workshop=workshop)
    assert elsewhere.manifest.shares == 8
    assert unequal(elsewhere, whole)  # or the shares would not matter here
    resumed = execute(replace(job, resume=path), workshop=workshop)
    assert unequal(resumed, whole) == []
    assert resumed.manifest.shares == 4
    assert resumed.case == job.case
    assert resumed.case.shares is None


def test_a_case_s_own_shares_come_before_recorded_ones_and_an_older_celu_recorded_none(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_threads(monkeypatch, 4)
    path, own = interrupted(job), replace(job, case=job.case.model_copy(update={"shares": 3}))
    path_of_own = interrupted(replace(own, logs=tmp_path / "own"))
    assert read_manifest(path_of_own).shares == 3
    for one, recorded in ((path, None), (path_of_own, 5)):
        write_manifest(one, read_manifest(one).model_copy(update={"shares": recorded}))
    use_threads(monkeypatch, 8)
    messages: list[str] = []
    reporter = SilentReporter()
    monkeypatch.setattr(reporter, "message", messages.append)
    assert execute(replace(job, resume=path), reporter=reporter).manifest.shares == 8
    assert [line for line in messages if line.startswith("An older celu began the run")]
    assert execute(replace(own, resume=path_of_own)).manifest.shares == 3
