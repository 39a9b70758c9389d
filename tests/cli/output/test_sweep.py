"""The time left of a sweep: as cells of about the same size took, or no word of it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from celu_cli.cli.output.sweep import Costs, SweepDisplay, shared_time
from celu_cli.events import EpochDone, EpochMetrics, Epochs, RunOpened
from celu_cli.sweep.conduct import CellEnded, CellProgress, CellStarted, Result
from celu_cli.sweep.plan import Plan, make_plan
from celu_cli.sweep.request import read_request
from celu_cli.sweep.worker import Outcome


def plan_of(*words: str) -> Plan:
    return make_plan(read_request(["case-c", "dataset.sample=true", *words]))


def epoch(number: int, seconds: float) -> EpochDone:
    return EpochDone(EpochMetrics(number, 2, 0.1, 2, 0.1, 1e-3, 0, seconds, 500, "2026-01-01T00:00:00Z"))


def lines_of(plan: Plan, *events: object, workers: int = 2) -> list[str]:
    said = StringIO()
    console = Console(file=said, width=200)
    display = SweepDisplay(plan, Result(), plan.cells, workers, console)
    with display:
        for event in events:
            display(event)  # type: ignore[arg-type]
    return said.getvalue().splitlines()


def trained(plan: Plan, cell: int, worker: int = 0, seconds: float = 60) -> list[object]:
    epochs = plan.cells[cell].case.epochs
    each = [CellProgress(worker, epoch(number + 1, seconds / epochs)) for number in range(epochs)]
    return [
        CellStarted(worker, plan.cells[cell], None),
        CellProgress(worker, RunOpened(None, Epochs())),  # type: ignore[arg-type]
        *each,
        CellEnded(worker, plan.cells[cell], Outcome("completed"), again=False),
    ]


def test_a_tiny_cell_says_nothing_of_a_large_one() -> None:
    plan = plan_of("network.filters=2,200", "epochs=2", "seed=0,1")
    assert [cell.settings["network.filters"] for cell in plan.cells] == [2, 200, 2, 200]
    *_, ended = lines_of(plan, *trained(plan, 0))
    assert "1 of 4 cells" in ended
    assert "left" not in ended
    *_, both = lines_of(plan, *trained(plan, 0, seconds=2), *trained(plan, 1, seconds=600))
    assert "about 10:00 left" in both  # the large one that is left cannot be shared out


def test_equal_cells_are_shared_out_among_the_workers() -> None:
    plan = plan_of("epochs=2", "seed=0..4")
    *_, ended = lines_of(plan, *trained(plan, 0, seconds=60))
    assert "about 2:00 left" in ended
    *_, ended = lines_of(plan, *trained(plan, 0, seconds=60), workers=1)
    assert "about 4:00 left" in ended


@pytest.mark.parametrize(
    ("seconds", "workers", "time"), [([10.0, 10.0, 10.0], 2, 15.0), ([100.0, 1.0], 2, 100.0), ([], 2, 0.0)]
)
def test_a_cell_is_trained_by_one_worker(seconds: list[float], workers: int, time: float) -> None:
    assert shared_time(seconds, workers) == time


def test_what_a_cell_takes_beside_its_epochs_counts_and_time_follows_work() -> None:
    small, twice = (cell.case for cell in plan_of("epochs=2,4").cells)
    costs = Costs()
    assert (costs.known, costs.seconds(small)) == (False, None)
    costs.measure(small, 8, 2)
    costs.measure(small, 2, 0)
    assert costs.seconds(small) == 10
    assert costs.seconds(twice) == 20
