"""Which run is resumed, and with which case."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from celu_cli.case.difference import differences
from celu_cli.case.load import load_case
from celu_cli.case.schema import Case
from celu_cli.errors import CaseError, RunError
from celu_cli.files import is_directory
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import CASE_NAME, OVERRIDES_NAME, Run
from celu_cli.text import celu_command

_UNFINISHED = ("interrupted", "failed", "crashed")


def find_run_to_resume(reference: str, logs: Path, overrides: Sequence[str] = ()) -> tuple[Run, Case]:
    """The run that `reference` means and the case to resume it with.

    `reference` is a run, as `find_runs` knows it, or a case: then the newest unfinished run of that case is meant.
    `overrides` may raise ``epochs`` and nothing else.

    Raises:
        RunError: there is no such run, it is complete, or its case would change; the text says what differs.
        CaseError: the case or an override is not valid.
    """
    case = _case_named(reference)
    if case is not None:
        run = _newest_unfinished(case, logs)
        _refuse_changes(run, load_case(reference, [*_overrides_of(run), *overrides]), reference)
    else:
        runs = find_runs(logs, [reference]).runs
        if len(runs) != 1:
            raise RunError(f"{reference} holds {len(runs)} runs; name the one to resume")
        run = runs[0]
    wanted = load_case(run.path / CASE_NAME, overrides)
    _refuse_changes(run, wanted, str(run.path))
    if run.status == "completed" and wanted.epochs == run.case.epochs:
        more = 2 * run.case.epochs
        raise RunError(
            f"{run.path} has completed its {run.case.epochs} epochs; to train it longer, raise them: epochs={more}"
        )
    _refuse_changed_code(run)
    return run, wanted


def _case_named(reference: str) -> Case | None:
    """The case of that name or file; None where `reference` is a directory or no case at all."""
    if is_directory(reference):
        return None
    try:
        return load_case(reference, to_train=False)
    except CaseError:
        if os.path.isfile(reference):  # noqa: PTH113 - False for what cannot be a path
            raise
        return None


def _newest_unfinished(case: Case, logs: Path) -> Run:
    runs = [run for run in find_runs(logs, [case.name]).runs if run.case.name == case.name]
    unfinished = [run for run in runs if run.status in _UNFINISHED]
    if not unfinished:
        found = ", ".join(f"{run.path.name} is {run.status}" for run in runs[-4:])
        raise RunError(f"there is no unfinished run of {case.name} in {logs}: {found}")
    return unfinished[-1]


def _overrides_of(run: Run) -> list[str]:
    try:
        return (run.path / OVERRIDES_NAME).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RunError(f"cannot read {run.path / OVERRIDES_NAME}: {error.strerror}") from error


def _refuse_changes(run: Run, wanted: Case, source: str) -> None:
    """A run that changed on the way would be neither the old case nor the new one."""
    changes = differences(run.case, wanted)
    refused = [change for change in changes if change.key != "epochs"]
    lines = [str(change) for change in refused]
    if wanted.epochs < run.case.epochs:
        lines.append(f"epochs: {run.case.epochs} -> {wanted.epochs} (they can only be raised)")
    elif wanted.epochs > run.case.epochs and run.case.schedule.name == "cosine":
        lines.append(f"epochs: {run.case.epochs} -> {wanted.epochs} (the cosine schedule depends on them)")
    if lines:
        raise RunError(
            f"{run.path} cannot be resumed with another case; this differs from {source}:\n"
            + "".join(f"  {line}\n" for line in lines)
            + f"Resume it with its own case: {celu_command('run', '--resume', run.path)}\n"
            + "or train the other case from its start, without --resume"
        )


def _refuse_changed_code(run: Run) -> None:
    for name, digest in run.manifest.code.items():
        try:
            found = sha256(Path(name).read_bytes()).hexdigest()
        except OSError as error:
            raise RunError(
                f"cannot read {name}, which defines the run's activation: {error.strerror}"
            ) from error
        if found != digest:
            raise RunError(f"{name}, which defines the run's activation, has changed since the run began")
