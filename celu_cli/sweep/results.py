"""What the cells of a sweep have come to, gathered by what was swept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from celu_cli.analysis.compare.groups import Choice, value_of
from celu_cli.analysis.compare.swept import Point
from celu_cli.case.where import parse_where
from celu_cli.runs.run import read_run
from celu_cli.sweep.plan import Plan, newest_plan
from celu_cli.sweep.standing import Standings


def read_sweep(name: str, logs: Path, choice: Choice, where: str | None = None) -> tuple[Plan, list[Point]]:
    """The newest plan of the sweep `name`, and its points in its order; of its cells those that `where` chooses.

    Raises:
        UsageError: `where` chooses none.
        RunError: there is no such sweep, or a run of it cannot be read.
    """
    plan, standings = newest_plan(name, logs), Standings(logs)
    if where is not None:
        chosen = parse_where(where).choose([cell.case for cell in plan.cells])
        plan = replace(
            plan, cells=tuple(cell for cell, wanted in zip(plan.cells, chosen, strict=True) if wanted)
        )
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
