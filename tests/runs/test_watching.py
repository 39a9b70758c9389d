from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from celu_cli.case.schema import Case
from celu_cli.runs import watching
from celu_cli.runs.manifest import read_manifest, utc_now, write_manifest
from celu_cli.runs.recorder import RunRecorder
from celu_cli.runs.run import read_run
from celu_cli.runs.watching import Watcher, elapsed_seconds, published_now, remaining_seconds
from tests.runs.fakes import make_case, make_events, record_run


def begin_run(logs: Path, case: Case | None = None, done: int = 1) -> RunRecorder:
    """A run of this process that has not ended."""
    case = case or make_case()
    recorder = RunRecorder.open(logs, case)
    for event in make_events(case.epochs, done):
        recorder(event)
    return recorder


def end(recorder: RunRecorder) -> None:
    manifest = read_manifest(recorder.path)
    write_manifest(recorder.path, manifest.model_copy(update={"status": "completed", "ended": utc_now()}))


def lose(path: Path, ago: timedelta = timedelta(0)) -> None:
    """Make the run look as if its process had been killed."""
    changes = {"status": "running", "heartbeat": utc_now() - ago, "pid": 2**22 + 1}  # above the largest pid
    write_manifest(path, read_manifest(path).model_copy(update=changes))


def statuses(watcher: Watcher) -> list[str]:
    return [run.status for run in watcher.look(utc_now()).runs]


def test_only_what_runs_is_seen_until_all_is_asked_for(tmp_path: Path) -> None:
    record_run(tmp_path)
    begin_run(tmp_path)
    view = Watcher(tmp_path).look(utc_now())
    assert [run.status for run in view.runs] == ["running"]
    assert (view.running, view.left_out) == (1, 1)
    assert statuses(Watcher(tmp_path, everything=True)) == ["completed", "running"]


def test_a_run_that_ends_while_watching_stays_with_its_final_status(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    assert not watcher.has_seen_running
    recorder = begin_run(tmp_path)
    assert statuses(watcher) == ["running"]
    end(recorder)
    assert statuses(watcher) == ["completed"]
    assert watcher.has_seen_running
    assert statuses(Watcher(tmp_path)) == []


def test_a_run_whose_process_is_gone_has_crashed_and_is_seen_for_a_day(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    lose(path)
    assert statuses(Watcher(tmp_path)) == ["crashed"]
    lose(path, ago=timedelta(days=2))
    assert statuses(Watcher(tmp_path)) == []
    assert statuses(Watcher(tmp_path, everything=True)) == ["crashed"]


def test_new_epochs_are_seen_at_the_next_look(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    recorder = begin_run(tmp_path, done=0)
    assert watcher.look(utc_now()).runs[0].metrics == ()
    for number, event in enumerate(make_events(3, done=2)):
        if number:
            recorder(event)
    assert [metrics.epoch for metrics in watcher.look(utc_now()).runs[0].metrics] == [1, 2]


def test_a_file_that_did_not_change_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_run(tmp_path)
    watcher = Watcher(tmp_path)
    read: list[Path] = []
    original = watching.read_metrics
    monkeypatch.setattr(watching, "read_metrics", lambda path: (read.append(path), original(path))[1])
    for _ in range(3):
        assert len(watcher.look(utc_now()).runs[0].metrics) == 1
    assert len(read) == 1


def test_runs_that_appear_or_vanish_disturb_no_other(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    first = begin_run(tmp_path, make_case(name="case-b"))
    assert len(statuses(watcher)) == 1
    begin_run(tmp_path)
    assert len(statuses(watcher)) == 2
    shutil.rmtree(first.path.parent)
    view = watcher.look(utc_now())
    assert ([run.case.name for run in view.runs], view.unreadable) == (["case-c"], 0)


def test_a_directory_that_vanishes_while_it_is_listed_costs_no_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_run(tmp_path)
    watcher = Watcher(tmp_path)
    original, failures = watching.runs_under, [FileNotFoundError(), FileNotFoundError()]

    def listed(directory: Path) -> Sequence[Path]:
        if failures:
            raise failures.pop()
        return original(directory)

    monkeypatch.setattr(watching, "runs_under", listed)
    assert statuses(watcher) == ["running"]
    assert failures == []


@pytest.mark.parametrize("name", ["run.json", "case.yaml", "metrics.jsonl"])
def test_a_damaged_run_is_counted_and_the_others_are_seen(tmp_path: Path, name: str) -> None:
    (begin_run(tmp_path, make_case(name="case-b")).path / name).write_text("{\n")
    begin_run(tmp_path)
    view = Watcher(tmp_path).look(utc_now())
    assert ([run.case.name for run in view.runs], view.unreadable) == (["case-c"], 1)


def test_elapsed_time_stops_with_the_run(tmp_path: Path) -> None:
    run = read_run(begin_run(tmp_path).path)
    later = run.manifest.started + timedelta(hours=1)
    assert elapsed_seconds(run, later) == 3600
    ended = read_run(record_run(tmp_path))
    assert elapsed_seconds(ended, later) < 60
    lost = record_run(tmp_path)
    lose(lost)
    crashed = read_run(lost)
    assert elapsed_seconds(crashed, later) == elapsed_seconds(crashed, later + timedelta(hours=1)) < 60


@pytest.mark.parametrize("killed", [False, True])
def test_the_pause_of_a_resumed_run_is_no_elapsed_time(tmp_path: Path, killed: bool) -> None:
    path = record_run(tmp_path, done=1)
    began, stopped = utc_now() - timedelta(hours=10), utc_now() - timedelta(hours=9)
    changes = {"started": began, "heartbeat": stopped, "ended": None if killed else stopped}
    write_manifest(path, read_manifest(path).model_copy(update=changes))
    for _ in range(2):  # the second time it goes on at once: the first pause still does not count
        with RunRecorder.reopen(path, make_case()):
            run = read_run(path)
            assert run.status == "running"
            assert 3600 <= elapsed_seconds(run, utc_now()) < 3660
        assert 3600 <= elapsed_seconds(read_run(path), utc_now()) < 3660


def test_the_time_left_counts_down_within_an_epoch_but_not_below_the_epochs_to_come(tmp_path: Path) -> None:
    run = read_run(begin_run(tmp_path, make_case(epochs=4)).path)
    done = datetime.fromisoformat(run.metrics[-1].time.replace("Z", "+00:00"))
    # The first epoch took 301 seconds and three are left.
    assert remaining_seconds(run, done) == 3 * 301
    assert remaining_seconds(run, done + timedelta(seconds=100)) == 3 * 301 - 100
    assert remaining_seconds(run, done + timedelta(hours=9)) == 2 * 301
    assert remaining_seconds(read_run(begin_run(tmp_path, done=0).path), done) is None
    assert remaining_seconds(read_run(record_run(tmp_path)), done) is None


def test_the_published_value_is_of_this_epoch_or_the_last_one_shown_before_it(tmp_path: Path) -> None:
    case = make_case(epochs=20, published="case-c")
    at = {done: published_now(read_run(begin_run(tmp_path, case, done).path)) for done in (0, 9, 10)}
    assert at[0] is None
    assert at[9] == at[10]
    assert at[9] is not None
    assert (at[9].epoch, at[9].test_accuracy) == (9, 0.7582)
