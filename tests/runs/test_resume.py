"""Which of several runs is resumed, and what is refused; nothing is trained here."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from celu_cli.case.load import load_case
from celu_cli.errors import RunError
from celu_cli.events import Checkpoint
from celu_cli.runs.checkpoint import CHECKPOINT_NAME, write_checkpoint
from celu_cli.runs.recorder import RunRecorder
from celu_cli.runs.resume import NothingToResumeError, find_run_to_resume
from celu_cli.runs.run import OVERRIDES_NAME, read_overrides, read_run
from tests.runs.fakes import make_events

CASE = "extends: case-c\ndataset: {name: cifar10, sample: true}\nepochs: 3\n"


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory; beside it the case file mine.yaml, of three epochs."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CASE)
    return Path("logs")


def begin(logs: Path, *overrides: str, done: int | None = 1, case: str = "mine.yaml") -> Path:
    """A run that stopped after `done` epochs, or is complete."""
    loaded = load_case(case, overrides)
    with RunRecorder.open(logs, loaded, overrides) as recorder:
        for event in make_events(loaded.epochs, done):
            recorder(event)
        epoch = loaded.epochs if done is None else done
        if epoch:
            write_checkpoint(recorder.path, Checkpoint(epoch, 500, 500, 1.0, {"weights/0": np.zeros(3)}))
    return recorder.path


def content(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_of_two_unfinished_runs_the_one_that_was_asked_for_is_resumed(logs: Path) -> None:
    zero, one = begin(logs, "seed=0"), begin(logs, "seed=1")
    for path, seed in ((zero, 0), (one, 1)):
        run, case = find_run_to_resume("mine.yaml", logs, [f"seed={seed}"])
        assert (run.path, case.seed) == (path, seed)


def test_several_runs_that_can_be_meant_are_listed_with_what_differs(logs: Path) -> None:
    paths = [begin(logs, "seed=1"), begin(logs, "seed=2", "alpha=1")]
    with pytest.raises(RunError, match="several unfinished runs match") as raised:
        find_run_to_resume("mine.yaml", logs)
    for path, said in zip(paths, ("seed=1 alpha=2.0", "seed=2 alpha=1.0"), strict=True):
        assert f"celu run --resume {path}\n    " in str(raised.value)
        assert set(said.split()) <= set(str(raised.value).split(str(path))[1].replace(";", " ").split())


def test_what_a_run_began_with_counts_where_nothing_else_was_said(logs: Path) -> None:
    path = begin(logs, "seed=1", "alpha=1")
    run, case = find_run_to_resume("mine.yaml", logs)
    assert (run.path, case.seed, case.alpha) == (path, 1, 1.0)
    plain = begin(logs)
    assert find_run_to_resume("mine.yaml", logs)[0].path == plain


def test_a_run_of_another_name_is_neither_taken_over_nor_renamed(logs: Path) -> None:
    path = begin(logs)
    with pytest.raises(RunError, match="no run in logs is called 'yours'"):
        find_run_to_resume("mine.yaml", logs, ["name=yours"])
    with pytest.raises(RunError, match="name: mine -> yours"):
        find_run_to_resume(str(path), logs, ["name=yours"])
    named = begin(logs, "name=yours")
    assert find_run_to_resume("mine.yaml", logs, ["name=yours"])[0].path == named


def test_epochs_raised_in_the_case_file_are_trained(logs: Path) -> None:
    begin(logs)
    Path("mine.yaml").write_text(CASE.replace("3", "7"))
    assert find_run_to_resume("mine.yaml", logs)[1].epochs == 7
    Path("mine.yaml").write_text(CASE.replace("3", "2"))
    with pytest.raises(RunError, match=r"epochs: 3 -> 2 \(they can only be raised\)"):
        find_run_to_resume("mine.yaml", logs)


def test_a_complete_run_of_the_case_goes_on_when_its_epochs_are_raised_and_none_is_unfinished(
    logs: Path,
) -> None:
    complete = begin(logs, done=None)
    with pytest.raises(NothingToResumeError, match=r"no unfinished run of mine: .* is completed"):
        find_run_to_resume("mine.yaml", logs)
    run, case = find_run_to_resume("mine.yaml", logs, ["epochs=5"])
    assert (run.path, case.epochs) == (complete, 5)
    unfinished = begin(logs)
    assert find_run_to_resume("mine.yaml", logs, ["epochs=5"])[0].path == unfinished


def test_a_name_of_several_runs_means_the_one_that_is_unfinished(logs: Path) -> None:
    begin(logs, done=None)
    begin(logs, "seed=1", done=None)
    with pytest.raises(RunError, match=r"no unfinished run of mine: .* is completed"):
        find_run_to_resume("mine", logs)
    path = begin(logs, "seed=2")
    for reference in ("mine", "logs/mine", "logs"):
        assert find_run_to_resume(reference, logs)[0].path == path
    begin(logs, "seed=3")
    with pytest.raises(RunError, match="several unfinished runs match"):
        find_run_to_resume("mine", logs)


def test_none_of_several_unfinished_runs_that_fits_is_each_said_with_what_differs(logs: Path) -> None:
    begin(logs, "seed=1")
    begin(logs, "seed=2")
    with pytest.raises(RunError, match="none of the unfinished runs of mine is what is asked for") as raised:
        find_run_to_resume("mine.yaml", logs, ["seed=3"])
    assert "seed: 1 -> 3" in str(raised.value)
    assert "seed: 2 -> 3" in str(raised.value)


def test_for_a_job_that_may_be_started_again_only_exactly_its_own_run_counts(logs: Path) -> None:
    with pytest.raises(NothingToResumeError, match="there are no runs in logs yet"):
        find_run_to_resume("mine.yaml", logs, exactly=True)
    other = begin(logs, "seed=1")
    with pytest.raises(NothingToResumeError, match="no unfinished run of mine trains what is asked for"):
        find_run_to_resume("mine.yaml", logs, exactly=True)
    assert find_run_to_resume("mine.yaml", logs, ["seed=1"], exactly=True)[0].path == other
    begin(logs, done=None)
    with pytest.raises(NothingToResumeError):
        find_run_to_resume("mine.yaml", logs, ["epochs=5"], exactly=True)
    own = begin(logs)
    assert find_run_to_resume("mine.yaml", logs, exactly=True)[0].path == own
    with pytest.raises(RunError, match="they can only be raised") as raised:
        find_run_to_resume("mine.yaml", logs, ["epochs=2"], exactly=True)
    assert not isinstance(raised.value, NothingToResumeError)


def test_a_job_does_not_begin_what_is_in_training_already(logs: Path) -> None:
    recorder = RunRecorder.open(logs, load_case("mine.yaml"))
    with recorder, pytest.raises(RunError, match="is already training this") as raised:
        find_run_to_resume("mine.yaml", logs, exactly=True)
    assert not isinstance(raised.value, NothingToResumeError)


def test_an_unreadable_run_of_the_case_is_named_where_none_is_found(logs: Path) -> None:
    path = begin(logs)
    (path / "case.yaml").write_text("epochs: many\n")
    begin(logs, done=None)
    with pytest.raises(NothingToResumeError, match=rf"left out: .*{path}") as raised:
        find_run_to_resume("mine.yaml", logs)
    assert "epochs" in str(raised.value)


@pytest.mark.parametrize("done", [1, None])
def test_a_run_that_was_copied_without_its_checkpoints_is_refused_and_not_touched(
    logs: Path, done: int | None
) -> None:
    path = begin(logs, done=done)
    shutil.rmtree(path / CHECKPOINT_NAME)
    before = content(path)
    with pytest.raises(RunError, match=r"no checkpoint to go on from; copy .*as a new run: celu run logs/"):
        RunRecorder.reopen(path, load_case("mine.yaml", ["epochs=5"]), ["epochs=5"])
    assert content(path) == before


def test_a_run_that_stopped_before_its_first_checkpoint_begins_again(logs: Path) -> None:
    path = begin(logs, done=0)
    with RunRecorder.reopen(path, read_run(path).case) as recorder:
        assert recorder.found.checkpoint is None


def test_a_run_without_its_overrides_goes_on_and_they_are_not_made_up(logs: Path) -> None:
    path = begin(logs, "seed=1")
    (path / OVERRIDES_NAME).unlink()
    run, case = find_run_to_resume(str(path), logs)
    with RunRecorder.reopen(path, case):
        pass
    assert read_overrides(path) == ()
    assert read_run(path).case == run.case
    with RunRecorder.reopen(path, case, ["epochs=9"]):
        pass
    assert read_overrides(path) == ("epochs=9",)


def test_overrides_that_cannot_be_written_leave_the_other_files_as_they_are(logs: Path) -> None:
    path = begin(logs)
    (path / OVERRIDES_NAME).unlink()
    (path / OVERRIDES_NAME).mkdir()
    before = content(path)
    with pytest.raises(RunError, match=r"cannot write the run's files in logs/mine/.*: Is a directory"):
        RunRecorder.reopen(path, load_case("mine.yaml", ["epochs=5"]), ["epochs=5"])
    assert content(path) == before


def test_the_overrides_of_a_resumed_run_are_those_of_all_its_processes(logs: Path) -> None:
    path = begin(logs, "seed=1", "description=a b")
    with RunRecorder.reopen(path, load_case("mine.yaml", ["seed=1", "epochs=5"]), ["epochs=5"]):
        pass
    assert read_overrides(path) == ("seed=1", "description=a b", "epochs=5")


def test_an_override_of_several_lines_is_one_override_and_means_the_same(logs: Path) -> None:
    overrides = (
        "description=one\n\ntwo\n three",
        "seed=1\n",
        "dataset={name: cifar10,\n  sample: true}",
    )
    path = begin(logs, *overrides)
    assert read_overrides(path) == overrides
    again = load_case("mine.yaml", read_overrides(path))
    assert again == read_run(path).case
    assert again.description == "one\ntwo three"


def test_a_run_directory_is_known_by_its_name_wherever_one_stands(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = begin(logs)
    monkeypatch.chdir(path)
    run, _ = find_run_to_resume(".", Path("logs"))
    assert run.name == f"mine/{path.name}"
    monkeypatch.chdir("checkpoint")
    assert find_run_to_resume("..", Path("logs"))[0].name == run.name
