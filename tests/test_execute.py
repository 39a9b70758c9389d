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
from celu_cli.case.load import load_case
from celu_cli.errors import InterruptedByUser, RunError
from celu_cli.events import EpochDone, Event, RunOpened, TrainingEnded, TrainingStarted
from celu_cli.execute import Job, execute
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


def test_a_job_that_resumes_ends_where_one_that_never_stopped_ends(job: Job, tmp_path: Path) -> None:
    seen: list[Event] = []

    def stop() -> InterruptedByUser | None:
        return InterruptedByUser("enough") if any(isinstance(event, EpochDone) for event in seen) else None

    with pytest.raises(InterruptedByUser):
        execute(job, [seen.append], stop)
    opened = seen[0]
    assert isinstance(opened, RunOpened)
    resumed = execute(replace(job, resume=opened.path))
    assert (resumed.path, resumed.status, resumed.metrics.done) == (opened.path, "completed", 2)
    assert unequal(resumed, execute(replace(job, logs=tmp_path / "whole"))) == []
