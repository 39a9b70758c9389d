"""What `celu why` compares: a case, or a run with the case it trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from celu_cli.case.catalog import find_case
from celu_cli.case.difference import settings
from celu_cli.case.load import load_case
from celu_cli.case.schema import UNTRAINED_KEYS, Case
from celu_cli.errors import CaseError, RunError, UsageError
from celu_cli.files import is_directory
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import CASE_NAME, OVERRIDES_NAME, Run
from celu_cli.text import shown

_LISTED = 5


@dataclass(frozen=True)
class Subject:
    """A case or a run; `reference` and `overrides` are how to train its case again with ``celu run``.

    `runs` are the names of the runs that a case of this name has in the logs.
    """

    name: str
    case: Case
    reference: str
    overrides: tuple[str, ...] = ()
    run: Run | None = None
    runs: tuple[str, ...] = ()


def find_subject(name: str, logs: Path) -> Subject:
    """What `name` means: the case of that name or file where there is one, else one run in `logs`.

    Raises:
        CaseError: the case is not valid.
        RunError: the name means a directory of several runs, or the run cannot be read.
        UsageError: there is no case and no single run of that name.
    """
    try:
        find_case(name)
    except CaseError as no_case:
        return _run_subject(name, logs, no_case)
    case = load_case(name, to_train=False)
    return Subject(name, case, name, runs=_runs_of(name, logs))


def _run_subject(name: str, logs: Path, no_case: CaseError) -> Subject:
    try:
        found = find_runs(logs, [name])
    except RunError as no_run:
        raise UsageError(f"{name!r} names no case and no single run: {no_run}; {no_case}") from None
    if not found.runs:
        raise RunError(found.problems[0])
    if len(found.runs) > 1:
        newest = [run.name for run in reversed(found.runs)][:_LISTED]
        rest = f" and {len(found.runs) - _LISTED} more" if len(found.runs) > _LISTED else ""
        listed = ", ".join(newest) + rest
        raise RunError(f"{name!r} means {len(found.runs)} runs; name one of them: {listed}")
    (run,) = found.runs
    return Subject(run.name, run.case, *_shortest_command(run), run)


def _shortest_command(run: Run) -> tuple[str, tuple[str, ...]]:
    """The reference and the overrides that give the run's case again."""
    trained = settings(run.case, but=UNTRAINED_KEYS)
    for overrides in ((), _read_overrides(run.path)):
        try:
            case = load_case(run.case.name, overrides, to_train=False)
        except CaseError:
            continue
        if settings(case, but=UNTRAINED_KEYS) == trained:
            return run.case.name, overrides
    return shown(run.path / CASE_NAME), ()


def _read_overrides(path: Path) -> tuple[str, ...]:
    try:
        return tuple((path / OVERRIDES_NAME).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return ()


def _runs_of(name: str, logs: Path) -> tuple[str, ...]:
    """Runs that lie in ``logs/<name>``; a case's runs are named by their directories."""
    try:
        found = find_runs(logs, [name]).runs if is_directory(logs / name) else ()
    except (RunError, OSError):
        return ()
    return tuple(run.name for run in found)
