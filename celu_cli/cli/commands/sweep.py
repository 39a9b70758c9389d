"""`celu sweep`: many runs from one line or one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from celu_cli.cli.options import DEFAULT_LOGS, DataDirectory, Logs
from celu_cli.errors import CeluError, ExitCode, UsageError
from celu_cli.text import celu_command

if TYPE_CHECKING:
    from celu_cli.sweep.conduct import Result
    from celu_cli.sweep.plan import Plan
    from celu_cli.sweep.standing import Standings


_GOES_ON = "the same command goes on where it was stopped"


class SweepError(CeluError):
    """Some cells of a sweep failed; `exit_code` is the first one's."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = ExitCode(exit_code)


def sweep(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="CASE...|FILE [KEY=VALUES]...",
            help="Cases or a sweep file, and values: alpha=0.5,1,2 seed=0..4 optimizer.learning_rate=log:1e-4:1e-1:7",
        ),
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Processes that train at the same time, each on cores of its own; default: one a core, as far as "
            "the memory is enough.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the cells and what is left to do; train nothing.")
    ] = False,
    fail_fast: Annotated[
        bool,
        typer.Option(
            "--fail-fast", help="Stop at the first cell that fails instead of going on with the others."
        ),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help="What to call the sweep; default: the file's name, or cases and swept keys."
        ),
    ] = None,
    logs: Logs = DEFAULT_LOGS,
    data_directory: DataDirectory = None,
) -> None:
    """Train every combination of values and seeds; the same command again does what is missing.

    Cells that are complete are skipped, interrupted ones go on from their checkpoint. docs/sweeps.md tells the rest.
    """
    from celu_cli.case.cost import cost_of
    from celu_cli.case.plan import plan_network
    from celu_cli.machine import usable_cores
    from celu_cli.sweep.local import default_workers
    from celu_cli.sweep.plan import freeze, make_plan
    from celu_cli.sweep.request import read_request
    from celu_cli.sweep.standing import Standings

    plan = make_plan(read_request(words, name))
    cores = len(usable_cores())
    if workers is not None and workers > cores:
        raise UsageError(
            f"--workers {workers}: this process may use {cores} cores, and a worker needs one of its own"
        )
    cases = {cell.case.model_copy(update={"seed": 0}) for cell in plan.cells}
    largest = max(cost_of(case, plan_network(case)).memory for case in cases)
    count = min(workers or default_workers(len(plan.cells), largest), len(plan.cells))
    standings = Standings(logs)
    if dry_run:
        _print_plan(plan, standings, count)
        return
    freeze(plan, logs)
    _summarise(_train(plan, logs, standings, count, data_directory, fail_fast), plan, logs)


def _print_plan(plan: Plan, standings: Standings, workers: int) -> None:
    from celu_cli.cli.output.sweep import plan_lines

    for line in plan_lines(plan, [standings.state(cell.identity) for cell in plan.cells], workers):
        typer.echo(line)


def _train(
    plan: Plan, logs: Path, standings: Standings, workers: int, data_directory: Path | None, fail_fast: bool
) -> Result:
    from celu_cli.cli.output.sweep import SweepDisplay
    from celu_cli.cli.signals import StopRequest
    from celu_cli.sweep.conduct import Conductor
    from celu_cli.sweep.local import LocalWorkers

    conductor = Conductor(
        plan,
        logs,
        LocalWorkers(workers),
        standings,
        data_directory=data_directory,
        fail_fast=fail_fast,
    )
    display = SweepDisplay(plan, conductor.result, conductor.left(), workers)
    with StopRequest(display.stopping, _GOES_ON) as stop, display:
        return conductor.conduct(display, stop)


def _summarise(result: Result, plan: Plan, logs: Path) -> None:
    """Say on stdout what came of the sweep.

    Raises:
        InterruptedByUser: the user stopped it.
        SweepError: a cell failed.
    """
    typer.echo(f"{result.completed} of {len(plan.cells)} cells complete")
    if result.diverged:
        typer.echo(f"{result.diverged} diverged, which is a result too")
    if result.stopped is not None:
        result.stopped.args = (f"{result.stopped}; {_GOES_ON}",)
        raise result.stopped
    if result.failed:
        cell, outcome = result.failed[0]
        last = outcome.message.strip().splitlines()[-1]
        raise SweepError(
            f"{len(result.failed)} of {len(plan.cells)} cells failed, first {cell.label}: {last}\n"
            "The same command tries them again",
            outcome.exit_code,
        )
    where = [] if logs == DEFAULT_LOGS else ["--logs", str(logs)]
    typer.echo(f"compare them with: {celu_command('compare', '--sweep', plan.name, *where)}")
