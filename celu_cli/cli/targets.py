"""What `celu plot` and `celu compare` accept: a directory of runs first, then cases and runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from celu_cli.errors import RunError
from celu_cli.runs.directory import find_runs, is_directory_of_cases
from celu_cli.runs.run import Run


def read_targets(targets: Sequence[str], logs: Path) -> list[Run]:
    """The runs that `targets` mean; one that cannot be read is told on stderr and left out.

    When the first target is a directory of cases, as ``logs/`` is, it stands for `logs`.

    Raises:
        RunError: there is no run to show.
    """
    names = list(targets)
    if names and is_directory_of_cases(names[0], logs):
        logs = Path(names.pop(0))
    found = find_runs(logs, names)
    for problem in found.problems:
        typer.echo(f"left out: {problem}", err=True)
    if not found.runs:
        raise RunError("none of these runs can be read")
    return list(found.runs)
