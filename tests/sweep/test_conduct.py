"""A sweep as its user sees it: nothing is trained twice, nothing is lost, one failure does not stop the rest."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Barrier

import pytest

from celu_cli.case.load import load_case
from celu_cli.errors import InterruptedByUser
from celu_cli.execute import Job
from celu_cli.runs.recorder import RunRecorder
from celu_cli.runs.run import read_run
from celu_cli.sweep import conduct
from celu_cli.sweep.claims import Claims
from celu_cli.sweep.conduct import CellElsewhere, Conductor, Result, SweepEvent
from celu_cli.sweep.plan import Plan, make_plan
from celu_cli.sweep.request import read_request
from celu_cli.sweep.standing import Standings
from tests.runs.fakes import make_events
from tests.sweep.fakes import FakeLauncher, runs_in

WORDS = ("case-c", "alpha=1,2", "seed=0..2", "epochs=3")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "_ELSEWHERE_SECONDS", 0.01)
    monkeypatch.setattr(conduct, "_RETRY_SECONDS", 0.01)


def plan_of(*words: str) -> Plan:
    return make_plan(read_request(words or WORDS))


def sweep(
    logs: Path, launcher: FakeLauncher, *words: str, fail_fast: bool = False, stop_after: int = 10**6
) -> Result:
    conductor = Conductor(plan_of(*words), logs, launcher, Standings(logs), fail_fast=fail_fast)

    def stop() -> InterruptedByUser | None:
        return InterruptedByUser("stopped by SIGINT") if len(launcher.jobs) >= stop_after else None

    result = conductor.conduct(stop=stop)
    assert launcher.closed
    assert not list((logs / ".sweeps" / "claims").glob("[!.]*"))
    return result


def test_every_cell_is_trained_once_by_all_workers(tmp_path: Path) -> None:
    launcher = FakeLauncher(3)
    result = sweep(tmp_path, launcher)
    assert (result.completed, result.failed, result.unfinished) == (6, [], 0)
    assert launcher.most_at_once == 3
    assert [job.case for job in launcher.jobs] == [cell.case for cell in plan_of().cells]
    assert len(runs_in(tmp_path)) == 6


def test_the_same_command_again_trains_nothing_and_more_seeds_only_what_is_missing(tmp_path: Path) -> None:
    sweep(tmp_path, FakeLauncher())
    again = FakeLauncher()
    assert sweep(tmp_path, again).completed == 6
    assert again.jobs == []
    more = FakeLauncher()
    sweep(tmp_path, more, "case-c", "alpha=1,2", "seed=0..3", "epochs=3")
    assert [job.case.seed for job in more.jobs] == [3, 3]


def test_a_deleted_run_opens_its_cell_again(tmp_path: Path) -> None:
    sweep(tmp_path, FakeLauncher())
    gone = read_run(runs_in(tmp_path)[2])
    shutil.rmtree(gone.path)
    again = FakeLauncher()
    assert sweep(tmp_path, again).completed == 6
    assert [job.case for job in again.jobs] == [gone.case]


def test_runs_of_celu_run_count_too_whatever_describes_them(tmp_path: Path) -> None:
    case = load_case("case-c", ["alpha=1", "epochs=3", "description=by hand", "name=mine"])
    recorder = RunRecorder.open(tmp_path, case)
    with recorder:
        for event in make_events(3):
            recorder(event)
    launcher = FakeLauncher()
    sweep(tmp_path, launcher)
    assert len(launcher.jobs) == 5


def test_runs_of_an_older_celu_are_known_by_their_case(tmp_path: Path) -> None:
    sweep(tmp_path, FakeLauncher())
    for path in runs_in(tmp_path):
        manifest = json.loads((path / "run.json").read_text())
        del manifest["identity"], manifest["exit_code"]
        (path / "run.json").write_text(json.dumps(manifest))
    again = FakeLauncher()
    sweep(tmp_path, again)
    assert again.jobs == []


def test_an_interrupted_sweep_goes_on_with_the_same_runs(tmp_path: Path) -> None:
    launcher = FakeLauncher(fate=lambda job, _: "completed" if job.case.seed == 0 else "busy")
    result = sweep(tmp_path, launcher, stop_after=4)
    assert launcher.stopped
    assert str(result.stopped) == "stopped by SIGINT"
    assert (result.completed, result.unfinished) == (2, 4)
    assert len(runs_in(tmp_path)) == 4
    again = FakeLauncher()
    assert sweep(tmp_path, again).completed == 6
    assert sum(job.resume is not None for job in again.jobs) == 2
    assert len(runs_in(tmp_path)) == 6


def test_one_failure_does_not_stop_the_rest_and_is_tried_again_by_the_next_sweep(tmp_path: Path) -> None:
    def fate(job: Job, _: int) -> str:
        return "bug" if job.case.alpha == 1 and job.case.seed == 0 else "completed"

    result = sweep(tmp_path, FakeLauncher(fate=fate))
    assert result.completed == 5
    assert [cell.label for cell, _ in result.failed] == ["case-c alpha=1 seed=0"]
    assert sweep(tmp_path, FakeLauncher()).completed == 6


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    launcher = FakeLauncher(1, lambda *_: "bug")
    result = sweep(tmp_path, launcher, fail_fast=True)
    assert (len(result.failed), result.unfinished, len(launcher.jobs)) == (1, 5, 1)


def test_a_diverged_run_is_a_result(tmp_path: Path) -> None:
    result = sweep(
        tmp_path, FakeLauncher(fate=lambda job, _: "diverged" if job.case.alpha == 2 else "completed")
    )
    assert (result.completed, result.diverged, result.failed) == (3, 3, [])
    again = FakeLauncher()
    assert sweep(tmp_path, again).diverged == 3
    assert again.jobs == []


def test_a_full_disk_is_tried_again_and_not_for_ever(tmp_path: Path) -> None:
    passing = FakeLauncher(fate=lambda _, tried: "full" if tried == 1 else "completed")
    assert sweep(tmp_path / "passing", passing).completed == 6
    assert len(passing.jobs) == 12
    lasting = FakeLauncher(fate=lambda *_: "full")
    result = sweep(tmp_path / "lasting", lasting)
    assert (len(result.failed), len(lasting.jobs)) == (6, 18)


def test_a_run_that_cannot_go_on_is_begun_again_in_a_new_directory(tmp_path: Path) -> None:
    sweep(tmp_path, FakeLauncher(fate=lambda *_: "bug"), "case-c", "seed=0,1", "epochs=3")
    launcher = FakeLauncher(fate=lambda job, _: "unresumable" if job.resume else "completed")
    assert sweep(tmp_path, launcher, "case-c", "seed=0,1", "epochs=3").completed == 2
    assert [job.resume is None for job in launcher.jobs] == [False, False, True, True]


def test_two_sweeps_over_one_directory_share_the_work(tmp_path: Path) -> None:
    plan, at_once = plan_of(), Barrier(2)
    events: list[SweepEvent] = []

    def conduct_one(launcher: FakeLauncher) -> Result:
        conductor = Conductor(plan, tmp_path, launcher, Standings(tmp_path))
        at_once.wait()
        return conductor.conduct(events.append)

    launchers = [FakeLauncher(1), FakeLauncher(1)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(conduct_one, launchers))
    assert [result.completed for result in results] == [6, 6]
    assert sum(len(launcher.jobs) for launcher in launchers) == len(runs_in(tmp_path)) == 6
    assert sum(isinstance(event, CellElsewhere) for event in events) == 6


def test_a_cell_that_another_sweep_trains_is_waited_for(tmp_path: Path) -> None:
    plan = plan_of("case-c", "seed=0..1", "epochs=3")
    launcher = FakeLauncher()
    with Claims(tmp_path / ".sweeps" / "claims") as elsewhere:
        assert elsewhere.take(plan.cells[0].identity)
        conductor = Conductor(plan, tmp_path, launcher, Standings(tmp_path))
        looks = count()

        def stop() -> None:
            if next(looks) == 20:
                elsewhere.release(plan.cells[0].identity)

        assert conductor.conduct(stop=stop).completed == 2
    assert [job.case.seed for job in launcher.jobs] == [1, 0]


def test_two_sweeps_as_two_processes_share_the_cells_of_one_directory(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from celu_cli.sweep.conduct import CellElsewhere, Conductor\n"
        "from celu_cli.sweep.standing import Standings\n"
        "from tests.sweep.fakes import FakeLauncher\n"
        "from tests.sweep.test_conduct import plan_of\n"
        "slowly = lambda *_: time.sleep(0.02) or 'completed'\n"
        "logs, launcher, elsewhere = Path(sys.argv[1]), FakeLauncher(1, slowly), []\n"
        "conductor = Conductor(plan_of('case-c', 'seed=0..19', 'epochs=2'), logs, launcher, Standings(logs))\n"
        "print('ready', flush=True); input()\n"
        "note = lambda event: elsewhere.append(event) if isinstance(event, CellElsewhere) else None\n"
        "result = conductor.conduct(note)\n"
        "print(result.completed, len(launcher.jobs), len(elsewhere))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    sweeps = [subprocess.Popen(command, text=True, cwd=Path(__file__).parents[2], **pipes) for _ in range(2)]
    for process in sweeps:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in sweeps:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    results = [[int(word) for word in process.communicate()[0].split()] for process in sweeps]
    assert [completed for completed, *_ in results] == [20, 20]
    assert sum(trained for _, trained, _ in results) == len(runs_in(tmp_path)) == 20
    assert all(trained > 0 for _, trained, _ in results)
    assert [elsewhere for *_, elsewhere in results] == [20 - trained for _, trained, _ in results]
