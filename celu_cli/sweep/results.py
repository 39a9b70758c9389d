"""What the cells of a sweep have come to, gathered by what was swept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celu_cli.analysis.compare.groups import Choice, value_of
from celu_cli.analysis.compare.swept import Point
from celu_cli.runs.run import read_run
from celu_cli.sweep.plan import Plan, newest_plan
from celu_cli.sweep.standing import Standings


def read_sweep(name: str, logs: Path, choice: Choice) -> tuple[Plan, list[Point]]:
    """The newest plan of the sweep `name`, and its points in the order of the plan.

    Raises:
        RunError: there is no such sweep, or a run of it cannot be read.
    """
    plan, standings = newest_plan(name, logs), Standings(logs)
    found: dict[str, tuple[dict[str, Any], list[float], int]] = {}
    for cell in plan.cells:
        settings = {key: cell.settings[key] for key in plan.keys}
        _, values, cells = found.get(repr(settings), (settings, [], 0))
        found[repr(settings)] = settings, values, cells + 1
        state = standings.state(cell.identity)
        if state.run is None or (state.standing != "completed" and not choice.unfinished):
            continue
        if (value := value_of(read_run(state.run), choice)) is not None:
            values.append(value)
    return plan, [Point(settings, tuple(values), cells) for settings, values, cells in found.values()]
