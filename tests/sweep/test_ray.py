"""Ray: a real cluster of two nodes on this machine, of which one is killed in the middle of a run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from celu_cli.errors import InterruptedByUser
from celu_cli.events import EpochDone
from celu_cli.runs.checkpoint import CHECKPOINT_NAME, read_checkpoint
from celu_cli.runs.run import read_run
from celu_cli.sweep.conduct import CellEnded, CellProgress, CellStarted, Conductor, SweepEvent
from celu_cli.sweep.ray import RayWorkers, RunFiles, put_files
from celu_cli.sweep.standing import Standings
from tests.cli.invoke import Celu
from tests.sweep.fakes import runs_in
from tests.sweep.test_local import SMALL, assert_as_undisturbed, plan_of

MEMORY = 10**8


def test_a_run_that_comes_home_file_by_file_can_be_resumed_at_any_moment(tmp_path: Path) -> None:
    there, home = tmp_path / "there", tmp_path / "home"
    (there / CHECKPOINT_NAME).mkdir(parents=True)
    files = RunFiles(there)
    (there / "run.json").write_text("{}")
    (there / ".lock").write_text("")
    (there / CHECKPOINT_NAME / "one").write_bytes(b"1")
    (there / "metrics.jsonl").write_text("1\n")
    changed, names = files.changed()
    assert list(changed) == [f"{CHECKPOINT_NAME}/one", "metrics.jsonl", "run.json"]
    put_files(home, changed, names)
    (there / CHECKPOINT_NAME / "one").rename(there / CHECKPOINT_NAME / "two")
    (there / "metrics.jsonl").write_text("1\n2\n")
    changed, names = files.changed()
    assert set(changed) == {f"{CHECKPOINT_NAME}/two", "metrics.jsonl"}
    put_files(home, changed, names)
    assert [path.name for path in (home / CHECKPOINT_NAME).iterdir()] == ["two"]
    assert (home / "metrics.jsonl").read_text() == "1\n2\n"
    assert files.changed()[0] == {}


def test_without_ray_the_message_says_how_to_get_it(celu: Celu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    refused = celu("sweep", *SMALL, "seed=0..1", "epochs=1", "--on", "ray")
    assert (refused.code, "pip install 'celu[ray]'" in refused.err) == (2, True)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head with no room for workers, so that each of the two nodes that are added can be killed."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'celu[ray]'")
    from ray.cluster_utils import Cluster

    logging.getLogger("ray").setLevel(logging.ERROR)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    made.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::Warning:ray.*")
def test_a_killed_node_costs_no_cell_and_no_bit(tmp_path: Path, cluster: Any) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    logs, plan = tmp_path / "logs", plan_of("seed=0..3", "epochs=120")
    launcher = RayWorkers(None, len(plan.cells), 1, 0, MEMORY, cluster.address)
    assert launcher.count == 2
    events: list[SweepEvent] = []

    def observe(event: SweepEvent) -> None:
        events.append(event)
        epochs = Counter(
            e.worker for e in events if isinstance(e, CellProgress) and isinstance(e.event, EpochDone)
        )
        if len(nodes) == 2 and min(epochs[0], epochs[1]) >= 5:
            cluster.remove_node(nodes.pop(), allow_graceful=False)

    result = Conductor(plan, logs, launcher, Standings(logs)).conduct(observe)
    assert (result.completed, result.failed, result.unfinished) == (4, [], 0)
    lost = [e for e in events if isinstance(e, CellEnded) and e.outcome.status == "lost"]
    assert [(end.again, end.outcome.retry) for end in lost] == [(True, True)]
    assert len(runs_in(logs)) == 4
    resumed = [e.resumed for e in events if isinstance(e, CellStarted) and e.resumed]
    assert [read_run(path).case.seed for path in resumed] == [lost[0].cell.case.seed]
    run = read_run(resumed[0])
    assert run.status == "completed"
    assert run.manifest.resumed[0].epoch > 1
    assert_as_undisturbed(run.path, plan, tmp_path / "alone")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::Warning:ray.*")
def test_a_stopped_sweep_has_its_checkpoints_at_home_and_goes_on_elsewhere(
    tmp_path: Path, cluster: Any
) -> None:
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    plan = plan_of("seed=0..1", "epochs=2000")
    begun: list[SweepEvent] = []

    def stop() -> InterruptedByUser | None:
        return InterruptedByUser("stopped by SIGINT") if len(begun) > 20 else None

    launcher = RayWorkers(None, 2, 1, 0, MEMORY, cluster.address)
    result = Conductor(plan, tmp_path, launcher, Standings(tmp_path)).conduct(begun.append, stop)
    assert result.unfinished == 2
    (path,) = runs_in(tmp_path)
    assert read_run(path).status == "interrupted"
    assert read_checkpoint(path).checkpoint is not None
    assert not list(Path(tmp_path).glob("*/*/checkpoint/.*"))
