"""What the commands on runs accept: a directory of runs first, then cases and runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from celu_cli.errors import RunError
from celu_cli.runs.directory import FoundRuns, find_runs, is_directory_of_cases
from celu_cli.runs.run import Run

_LISTED = 12


def read_targets(targets: Sequence[str], logs: Path) -> list[Run]:
    """The runs that `targets` mean; one that cannot be read is reported on stderr and left out.

    Raises:
        RunError: there is no run to show.
    """
    found = find_targets(targets, logs)
    for problem in found.problems:
        typer.echo(f"left out: {problem}", err=True)
    return list(found.runs)


def find_targets(targets: Sequence[str], logs: Path) -> FoundRuns:
    """The runs that `targets` mean, at least one, and what cannot be read of them.

    When the first target is a directory of cases, as ``logs/`` is, it stands for `logs`; where all targets are such
    directories, they mean the runs in all of them.

    Raises:
        RunError: there is no run to show.
    """
    names = list(targets)
    of_cases = [is_directory_of_cases(name, logs) for name in names]
    if of_cases and of_cases[0] and not (len(names) > 1 and all(of_cases)):
        logs = Path(names.pop(0))
    found = find_runs(logs, names)
    if not found.runs:
        more = len(found.problems) - _LISTED
        rest = [f"and {more} more"] if more > 0 else []
        raise RunError("\n  ".join(["none of these runs can be read:", *found.problems[:_LISTED], *rest]))
    return found
