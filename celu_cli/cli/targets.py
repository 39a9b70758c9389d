"""What the commands on runs accept: a directory of runs first, then cases and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from celu_cli.case.where import parse_where
from celu_cli.errors import RunError
from celu_cli.runs.directory import FoundRuns, find_runs, is_directory_of_cases
from celu_cli.runs.run import Run
from celu_cli.text import listed
from celu_cli.trained.network import TrainedNetwork, trained_network


def read_targets(targets: Sequence[str], logs: Path, where: str | None = None) -> list[Run]:
    """The runs that `targets` mean; one that cannot be read is reported on stderr and left out.

    Raises:
        RunError: there is no run to show.
    """
    found = find_targets(targets, logs, where)
    for problem in found.problems:
        typer.echo(f"left out: {problem}", err=True)
    return list(found.runs)


def find_targets(targets: Sequence[str], logs: Path, where: str | None = None) -> FoundRuns:
    """The runs that `targets` mean and whose values are as in `where`, at least one, and what cannot be read of them.

    When the first target is a directory of cases, as ``logs/`` is, it stands for `logs`; where all targets are such
    directories, they mean the runs in all of them.

    Raises:
        RunError: there is no run to show.
        UsageError: `where` chooses none.
    """
    names = list(targets)
    of_cases = [is_directory_of_cases(name, logs) for name in names]
    if of_cases and of_cases[0] and not (len(names) > 1 and all(of_cases)):
        logs = Path(names.pop(0))
    found = find_runs(logs, names)
    if not found.runs:
        raise RunError("none of these runs can be read:\n  " + listed(found.problems, between="\n  "))
    return found if where is None else replace(found, runs=tuple(choose_runs(found.runs, where)))


def choose_runs(runs: Sequence[Run], where: str) -> list[Run]:
    """Those of `runs` whose values are as in `where`.

    Raises:
        UsageError: it chooses none, or is not written as it should be.
    """
    chosen = parse_where(where).choose([run.case for run in runs])
    return [run for run, wanted in zip(runs, chosen, strict=True) if wanted]


def newest_trained(reference: str, logs: Path, where: str | None = None) -> TrainedNetwork:
    """The network of the newest run with a checkpoint that `reference` means; which one is said on stderr.

    Raises:
        RunError: there is no such run, or none has a checkpoint.
    """
    runs = find_targets([reference], logs, where).runs
    for run in reversed(runs):
        try:
            network = trained_network(run)
        except RunError:
            if run is runs[0]:
                raise
        else:
            typer.echo(f"{run.path}: {network.trained}", err=True)
            return network
    raise AssertionError("find_targets gives at least one run")
