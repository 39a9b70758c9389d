from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from celu_cli.case import load
from celu_cli.case.schema import Case
from celu_cli.runs import watch
from celu_cli.runs.manifest import read_manifest, utc_now, write_manifest
from celu_cli.runs.recorder import RunRecorder
from celu_cli.runs.run import read_run
from celu_cli.runs.watch import Watcher
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
    original = watch.read_metrics
    monkeypatch.setattr(watch, "read_metrics", lambda path: (read.append(path), original(path))[1])
    for _ in range(3):
        assert len(watcher.look(utc_now()).runs[0].metrics) == 1
    assert len(read) == 1


def test_cases_are_read_by_the_quick_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_run(tmp_path)
    monkeypatch.setattr(load, "load_case", lambda *_, **__: pytest.fail("the thorough loader was called"))
    assert statuses(Watcher(tmp_path)) == ["running"]


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
    original, failures = watch.runs_under, [FileNotFoundError(), FileNotFoundError()]

    def listed(directory: Path) -> Sequence[Path]:
        if failures:
            raise failures.pop()
        return original(directory)

    monkeypatch.setattr(watch, "runs_under", listed)
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
    assert run.elapsed_seconds(later) == 3600
    ended = read_run(record_run(tmp_path))
    assert ended.elapsed_seconds(later) < 60
    lost = record_run(tmp_path)
    lose(lost)
    crashed = read_run(lost)
    assert crashed.elapsed_seconds(later) == crashed.elapsed_seconds(later + timedelta(hours=1)) < 60


@pytest.mark.parametrize("killed", [False, True])
def test_the_pause_of_a_resumed_run_is_no_elapsed_time(tmp_path: Path, killed: bool) -> None:
    path = record_run(tmp_path, done=0)
    began, stopped = utc_now() - timedelta(hours=10), utc_now() - timedelta(hours=9)
    changes = {"started": began, "heartbeat": stopped, "ended": None if killed else stopped}
    write_manifest(path, read_manifest(path).model_copy(update=changes))
    for _ in range(2):  # the second time it goes on at once: the first pause still does not count
        with RunRecorder.reopen(path, make_case()):
            run = read_run(path)
            assert run.status == "running"
            assert 3600 <= run.elapsed_seconds(utc_now()) < 3660
        assert 3600 <= read_run(path).elapsed_seconds(utc_now()) < 3660


def test_the_time_left_counts_down_within_an_epoch_but_not_below_the_epochs_to_come(tmp_path: Path) -> None:
    run = read_run(begin_run(tmp_path, make_case(epochs=4)).path)
    done = datetime.fromisoformat(run.metrics[-1].time.replace("Z", "+00:00"))
    # The first epoch took 301 seconds and three are left.
    assert run.remaining_seconds(done) == 3 * 301
    assert run.remaining_seconds(done + timedelta(seconds=100)) == 3 * 301 - 100
    assert run.remaining_seconds(done + timedelta(hours=9)) == 2 * 301
    assert read_run(begin_run(tmp_path, done=0).path).remaining_seconds(done) is None
    assert read_run(record_run(tmp_path)).remaining_seconds(done) is None
