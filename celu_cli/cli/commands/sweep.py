"""`celu sweep`: many runs from one line or one file."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from celu_cli.cli.options import DEFAULT_LOGS, DataDirectory, Logs
from celu_cli.errors import CeluError, ExitCode, UsageError
from celu_cli.text import celu_command, counted

if TYPE_CHECKING:
    from celu_cli.sweep.conduct import Conductor, Result
    from celu_cli.sweep.plan import Plan

_PATIENCE_SECONDS = 120.0  # twice as long as it takes to know that another worker is dead
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
            help="Cases or a sweep file, and values: alpha=0.5,1,2 or alpha=log:0.25:4:5, seed=0..4",
        ),
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Workers that train at the same time, each on cores of its own; default: on this machine one for "
            "each core, as far as memory allows, elsewhere one for each cell, at most 100.",
        ),
    ] = None,
    on: Annotated[
        Literal["local", "ray", "slurm"],
        typer.Option(
            "--on",
            help="Where the workers are: processes of this machine, actors of Ray, or a job array of Slurm, whose "
            "script is printed.",
        ),
    ] = "local",
    submit: Annotated[
        bool,
        typer.Option("--submit", help="With --on slurm: hand the script to sbatch instead of printing it."),
    ] = False,
    ray_address: Annotated[
        str | None,
        typer.Option(
            "--ray-address", help="With --on ray: the cluster; default: one started here for the sweep."
        ),
    ] = None,
    cpus_per_run: Annotated[
        int | None,
        typer.Option(
            "--cpus-per-run",
            min=1,
            help="Cores for each worker; default: an equal part of this machine's, elsewhere 1.",
        ),
    ] = None,
    gpus_per_run: Annotated[
        float, typer.Option("--gpus-per-run", min=0, help="GPUs for each worker, on Ray or Slurm.")
    ] = 0,
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

    Cells that are complete are skipped, interrupted ones go on from their checkpoint. docs/sweeps.md says more.
    """
    from celu_cli.cli.output.sweep import plan_lines
    from celu_cli.sweep.conduct import Conductor
    from celu_cli.sweep.cores import worker_bytes
    from celu_cli.sweep.local import LocalWorkers
    from celu_cli.sweep.plan import freeze, make_plan, read_plan
    from celu_cli.sweep.ray import RayWorkers
    from celu_cli.sweep.request import read_request
    from celu_cli.sweep.slurm import MOST_TASKS, batch_script
    from celu_cli.sweep.slurm import submit as hand_to_sbatch
    from celu_cli.sweep.standing import Standings

    for option, given, places in (
        ("--submit", submit, ("slurm",)),
        ("--ray-address", ray_address, ("ray",)),
        ("--gpus-per-run", gpus_per_run, ("ray", "slurm")),
    ):
        if given and on not in places:
            raise UsageError(f"{option} needs --on {' or --on '.join(places)}")
    # A frozen plan is what each task of a job array is given.
    frozen = Path(words[0]) if len(words) == 1 and words[0].endswith(".json") else None
    plan = read_plan(frozen) if frozen else make_plan(read_request(words, name))
    standings = Standings(logs)
    states = [standings.state(cell.identity) for cell in plan.cells]
    left = sum(not state.has_ended for state in states)
    memory = worker_bytes(plan.most_memory(cpus_per_run or 1))
    if on == "local":
        workers = _local_workers(len(plan.cells), memory, workers, cpus_per_run)
    if dry_run:
        typer.echo("\n".join(plan_lines(plan, states, workers or 1)))
        return
    file = frozen or freeze(plan, logs)
    if on == "slurm" and not left:
        typer.echo("every cell is complete; there is nothing to submit")
        return
    if on == "slurm":
        command = [str(file.resolve()), "--logs", str(logs.resolve()), "--workers", "1"]
        command += ["--data-dir", str(data_directory.resolve())] if data_directory else []
        command += ["--fail-fast"] if fail_fast else []
        tasks = workers or min(left, MOST_TASKS)
        script = batch_script(file, plan.name, command, tasks, cpus_per_run or 1, gpus_per_run, memory)
        if submit:
            job = hand_to_sbatch(script)
            typer.echo(f"submitted as job {job}; see it with: squeue --job {job}")
        else:
            typer.echo(script, nl=False)
        return
    launcher = (
        RayWorkers(workers, left, cpus_per_run or 1, gpus_per_run, memory, ray_address)
        if on == "ray"
        else LocalWorkers(workers or 1, cpus_per_run)
    )
    conductor = Conductor(
        plan,
        logs,
        launcher,
        standings,
        data_directory=data_directory,
        fail_fast=fail_fast,
        patience=_PATIENCE_SECONDS if frozen else inf,
    )
    _summarise(_train(plan, conductor, launcher.count), plan, logs)


def _local_workers(cells: int, memory: int, asked: int | None, cores_each: int | None) -> int:
    """How many processes of this machine train `cells` cells, with `memory` bytes each.

    Raises:
        UsageError: more are asked for than there are cores.
    """
    from celu_cli.machine import usable_cores
    from celu_cli.sweep.cores import default_workers

    cores = len(usable_cores())
    if asked is not None and asked > cores:
        raise UsageError(
            f"--workers {asked}: this process may use {counted(cores, 'core')}, and a worker needs one of its own"
        )
    if (asked or 1) * (cores_each or 1) > cores:
        raise UsageError(
            f"--cpus-per-run {cores_each}: this process may use {counted(cores, 'core')}; "
            f"{asked or 1} x {cores_each} are too many"
        )
    return min(asked or default_workers(cells, memory, cores_each or 1), cells)


def _train(plan: Plan, conductor: Conductor, workers: int) -> Result:
    from celu_cli.cli.output.sweep import SweepDisplay
    from celu_cli.cli.signals import StopRequest

    display = SweepDisplay(plan, conductor.result, conductor.left(), workers)
    with StopRequest(display.stopping, _GOES_ON) as stop, display:
        return conductor.conduct(display, stop)


def _summarise(result: Result, plan: Plan, logs: Path) -> None:
    """Say on stdout what came of the sweep.

    Raises:
        InterruptedByUser: the user stopped it.
        SweepError: a cell failed.
    """
    typer.echo(f"{result.completed} of {counted(len(plan.cells), 'cell')} complete")
    if result.diverged:
        typer.echo(f"{result.diverged} diverged, which is a result too")
    if result.stopped is not None:
        result.stopped.args = (f"{result.stopped}; {_GOES_ON}",)
        raise result.stopped
    if result.failed:
        cell, outcome = result.failed[0]
        last = outcome.message.strip().splitlines()[-1]
        raise SweepError(
            f"{len(result.failed)} of {counted(len(plan.cells), 'cell')} failed, first {cell.label}: {last}\n"
            "The same command tries them again",
            outcome.exit_code,
        )
    if result.unfinished:
        typer.echo(f"{result.unfinished} are being trained by other workers")
    where = [] if logs == DEFAULT_LOGS else ["--logs", str(logs)]
    typer.echo(f"compare them with: {celu_command('compare', '--sweep', plan.name, *where)}")
