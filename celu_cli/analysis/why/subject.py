"""The two sides of `celu why`: a case, or a run with the case it trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from celu_cli.case.catalog import find_case
from celu_cli.case.load import load_case
from celu_cli.case.schema import UNTRAINED_KEYS, Case
from celu_cli.errors import CaseError, RunError, UsageError
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import CASE_NAME, OVERRIDES_NAME, Run
from celu_cli.text import shown

_LISTED = 5


@dataclass(frozen=True)
class Subject:
    """A case or a run; `runs` are the names of the runs that a case of this name has in the logs."""

    name: str
    case: Case
    base: Base
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
        return _run_side(name, logs, no_case)
    case = load_case(name, to_train=False)
    return Subject(name, case, Base(case, name), runs=_runs_of(name, logs))


def _run_side(name: str, logs: Path, no_case: CaseError) -> Subject:
    try:
        found = find_runs(logs, [name])
    except RunError as no_run:
        raise UsageError(f"{name!r} names no case and no single run: {no_run}; {no_case}") from None
    if not found.runs:
        raise RunError(found.problems[0])
    if len(found.runs) > 1:
        raise RunError(f"{name!r} means {len(found.runs)} runs; name one of them: {_list_runs(found.runs)}")
    (run,) = found.runs
    return Subject(run.name, run.case, _base(run), run)


def _base(run: Run) -> Base:
    """The shortest command that trains the run's case again."""
    written = _read_overrides(run.path)
    for reference, overrides in ((run.case.name, ()), (run.case.name, written)):
        try:
            case = load_case(reference, overrides, to_train=False)
        except CaseError:
            continue
        if _what_counts(case) == _what_counts(run.case):
            return Base(run.case, reference, overrides)
    return Base(run.case, shown(run.path / CASE_NAME))


def _read_overrides(path: Path) -> tuple[str, ...]:
    try:
        return tuple((path / OVERRIDES_NAME).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return ()


def _what_counts(case: Case) -> dict[str, object]:
    return case.model_dump(exclude=set(UNTRAINED_KEYS))


def _runs_of(name: str, logs: Path) -> tuple[str, ...]:
    """Runs that lie in ``logs/<name>``; a case's runs are named by their directories."""
    try:
        found = find_runs(logs, [name]).runs if (logs / name).is_dir() else ()
    except (RunError, OSError):
        return ()
    return tuple(run.name for run in found)


def _list_runs(runs: tuple[Run, ...]) -> str:
    newest = [run.name for run in reversed(runs)][:_LISTED]
    rest = len(runs) - len(newest)
    return ", ".join(newest) + (f" and {rest} more" if rest else "")


@dataclass(frozen=True)
class Base:
    """A case and how to name it on the command line."""

    case: Case
    reference: str
    overrides: tuple[str, ...] = ()
