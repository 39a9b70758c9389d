"""What the cells of a sweep have come to, gathered by what was swept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any

from celu_cli.analysis.compare.contrast import not_at_one_epoch
from celu_cli.analysis.compare.groups import Choice, uneven_epochs, value_of
from celu_cli.analysis.compare.swept import Point, Swept
from celu_cli.case.schema import Case
from celu_cli.case.where import parse_where
from celu_cli.errors import RunError, UsageError
from celu_cli.runs.run import Run, read_run
from celu_cli.sweep.plan import SWEEPS_NAME, Plan, newest_plan
from celu_cli.sweep.standing import Standings


def read_sweep(name: str, logs: Path, choice: Choice, where: str | None = None) -> Swept:
    """What the newest plan of the sweep `name` came to, in its order; of its cells those that `where` chooses.

    Raises:
        UsageError: `where` chooses none, or unfinished runs count and stand at other epochs than the rest.
        RunError: there is no such sweep, or a run of it cannot be read.
    """
    plan = newest_plan(name, logs)
    if where is not None:
        chosen = parse_where(where).choose([cell.case for cell in plan.cells])
        plan = replace(plan, cells=tuple(compress(plan.cells, chosen)))
    swept = _gather(plan, Standings(logs), choice)
    if swept.epochs:
        raise UsageError(f"--include-unfinished: the cells of {name} are {not_at_one_epoch(swept.epochs)}")
    return swept


def sweeps_of(runs: Sequence[Run], choice: Choice) -> tuple[list[Swept], list[str]]:
    """The sweeps that `runs` are of, as far as these show them, and what is wrong with plans that cannot be read."""
    sweeps, problems = [], []
    known = {run.path.resolve(): run for run in runs}
    for logs in dict.fromkeys(run.path.parent.parent for run in runs):
        standings = Standings(logs)
        for name in sorted({path.parent.name for path in (logs / SWEEPS_NAME).glob("*/plan-*.json")}):
            try:
                swept = _gather(newest_plan(name, logs), standings, choice, known)
            except RunError as error:
                problems.append(str(error))
                continue
            if swept.epochs:
                problems.append(f"sweep {name}: its cells are {not_at_one_epoch(swept.epochs)}")
            elif swept.keys and any(point.values for point in swept.points):
                sweeps.append(swept)
    return sweeps, problems


def _gather(
    plan: Plan, standings: Standings, choice: Choice, known: Mapping[Path, Run] | None = None
) -> Swept:
    """The points of `plan`; with `known` without the cells that other runs are of."""
    found: dict[str, tuple[dict[str, Any], dict[int, float], int]] = {}
    cases: list[Case] = []
    counted: list[Run] = []
    for cell in plan.cells:
        state = standings.state(cell.identity)
        if known is not None and state.run is not None and state.run.resolve() not in known:
            continue
        cases.append(cell.case)
        settings = {key: cell.settings[key] for key in plan.keys}
        _, values, cells = found.get(repr(settings), (settings, {}, 0))
        found[repr(settings)] = settings, values, cells + 1
        if state.run is None or (state.standing != "completed" and not choice.unfinished):
            continue
        run = known[state.run.resolve()] if known is not None else read_run(state.run)
        if (value := value_of(run, choice)) is not None:
            values[cell.case.seed] = value
            counted.append(run)
    points = [
        Point(settings, tuple(values.values()), cells, tuple(values))
        for settings, values, cells in found.values()
    ]
    one_length = choice.epoch is not None or "epochs" in plan.keys
    epochs = () if one_length else tuple(uneven_epochs(counted))
    return Swept(plan.name, plan.keys, plan.logarithmic, tuple(points), epochs, tuple(cases), tuple(counted))
