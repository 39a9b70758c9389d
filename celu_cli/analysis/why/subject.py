"""What `celu why` compares: a case, or a run with the case it trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from celu_cli.case.catalog import find_case
from celu_cli.case.difference import settings
from celu_cli.case.load import load_case
from celu_cli.case.schema import UNTRAINED_KEYS, Case
from celu_cli.case.settings import settings_in_force
from celu_cli.case.where import Where, parse_group_name
from celu_cli.errors import CaseError, RunError, UsageError
from celu_cli.files import is_directory
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import CASE_NAME, Run, read_overrides
from celu_cli.text import listed, shown


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


def find_subject(name: str, logs: Path, where: Where | None = None) -> Subject:
    """What `name` means: the case of that name or file where there is one, otherwise one run in `logs`.

    With `where`, which chooses among the runs of that name, it means a run.

    Raises:
        CaseError: the case is not valid.
        RunError: the name means a directory of several runs, or the run cannot be read.
        UsageError: there is no case and no single run of that name.
    """
    if where is not None:
        return _run_subject(name, logs, None, where)
    try:
        find_case(name)
    except CaseError as no_case:
        return _run_subject(name, logs, no_case, Where())
    case = load_case(name, to_train=False)
    return Subject(name, case, name, runs=_runs_of(name, logs))


def case_file(name: str, logs: Path) -> tuple[str, Path | None]:
    """How to load the case that `name` means, and the directory of the run where it means a run of that case.

    Raises:
        CaseError: there is neither a case nor a run of that name.
        RunError: the name means a directory of several runs, or the run cannot be read.
    """
    try:
        find_case(name)
    except CaseError as no_case:
        try:
            run = find_subject(name, logs).run
        except UsageError:
            run = None
        if run is None:
            raise no_case from None
        return str(run.path / CASE_NAME), run.path
    return name, None


def _run_subject(name: str, logs: Path, no_case: CaseError | None, where: Where) -> Subject:
    try:
        found = find_runs(logs, [name])
    except RunError as no_run:
        if no_case is None or parse_group_name(name):
            raise
        raise UsageError(f"{no_case}; and {no_run}") from None
    if not found.runs:
        raise RunError(found.problems[0])
    chosen = where.choose([run.case for run in found.runs])
    runs = [run for run, wanted in zip(found.runs, chosen, strict=True) if wanted]
    if len(runs) > 1 and not (parse_group_name(name) and len({_but_seed(run) for run in runs}) == 1):
        newest = listed([run.name for run in reversed(runs)], most=5)
        raise RunError(f"{name!r} means {len(runs)} runs; name one of them: {newest}")
    run = min(reversed(runs), key=lambda run: run.case.seed)
    return Subject(run.name, run.case, *_shortest_command(run), run)


def _but_seed(run: Run) -> str:
    return repr(settings_in_force(run.case.model_copy(update={"seed": 0})))


def _shortest_command(run: Run) -> tuple[str, tuple[str, ...]]:
    """The reference and the overrides that give the run's case again."""
    trained = settings(run.case, but=UNTRAINED_KEYS)
    for overrides in ((), read_overrides(run.path)):
        try:
            case = load_case(run.case.name, overrides, to_train=False)
        except CaseError:
            continue
        if settings(case, but=UNTRAINED_KEYS) == trained:
            return run.case.name, overrides
    return shown(run.path / CASE_NAME), ()


def _runs_of(name: str, logs: Path) -> tuple[str, ...]:
    """Runs that lie in ``logs/<name>``; a case's runs are named by their directories."""
    try:
        found = find_runs(logs, [name]).runs if is_directory(logs / name) else ()
    except (RunError, OSError):
        return ()
    return tuple(run.name for run in found)
