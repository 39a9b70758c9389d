"""Which run is resumed, and with which case."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from celu_cli.case.difference import differences, settings
from celu_cli.case.load import load_case
from celu_cli.case.schema import Case
from celu_cli.errors import CaseError, RunError
from celu_cli.files import is_directory
from celu_cli.runs.directory import FoundRuns, find_runs
from celu_cli.runs.run import CASE_NAME, Run, read_overrides
from celu_cli.text import celu_command, counted, shown

_UNFINISHED = ("interrupted", "failed", "crashed")
_TRAINING = ("running", "suspended")


class NothingToResumeError(RunError):
    """No run of the case is unfinished and trains what was asked for."""


@dataclass(frozen=True)
class _Candidate:
    """A run, and the case that was asked for where this run is meant."""

    run: Run
    wanted: Case

    @property
    def changes(self) -> list[str]:
        """What resuming would change and must not: a run changed on the way is neither the old case nor the new."""
        now, wanted = self.run.case, self.wanted
        lines = [str(change) for change in differences(now, wanted) if change.key != "epochs"]
        if wanted.name != now.name:
            lines.append(f"name: {now.name} -> {wanted.name}")
        if wanted.epochs < now.epochs:
            lines.append(f"epochs: {now.epochs} -> {wanted.epochs} (they can only be raised)")
        elif wanted.epochs > now.epochs and now.schedule.name == "cosine":
            lines.append(f"epochs: {now.epochs} -> {wanted.epochs} (the cosine schedule depends on them)")
        return lines

    @property
    def is_longer(self) -> bool:
        return self.wanted.epochs > self.run.case.epochs


def find_run_to_resume(
    reference: str, logs: Path, overrides: Sequence[str] = (), *, exactly: bool = False
) -> tuple[Run, Case]:
    """The run that `reference` means and the case to resume it with.

    `reference` is a run, several runs of which one is unfinished, or a case: then its unfinished run is meant that
    trains what case and `overrides` say. First the overrides alone count; where no run is that, those count too that
    the run began with, unless it is to be `exactly` that. Of runs that train the same, the newest is meant. The
    epochs may be higher than the run's, and nothing else may change.

    Raises:
        NothingToResumeError: there is no such unfinished run of the case.
        RunError: several are meant, it is complete or training, or its case would change; the text says what differs.
        CaseError: the case or an override is not valid.
    """
    if _is_case(reference):
        chosen = _of_case(reference, logs, overrides, exactly)
    else:
        found = find_runs(logs, [reference])
        candidates = [_Candidate(run, load_case(run.path / CASE_NAME, overrides)) for run in found.runs]
        if len(candidates) == 1:
            (chosen,) = candidates
        else:
            chosen = _choose([_unfinished(candidates), _longer(candidates)]) or _refuse(
                candidates, reference, found
            )
    _refuse_changes(chosen, reference)
    run = chosen.run
    if run.status == "completed" and not chosen.is_longer:
        raise RunError(
            f"{run.path} has completed its {counted(run.case.epochs, 'epoch')}; "
            f"to train it longer, raise them: epochs={2 * run.case.epochs}"
        )
    _refuse_changed_code(run)
    wanted = load_case(run.path / CASE_NAME, overrides)
    return run, wanted.model_copy(update={"epochs": chosen.wanted.epochs})


def _is_case(reference: str) -> bool:
    """Whether `reference` names a case or its file; a directory of that name is meant rather than the case."""
    if is_directory(reference):
        return False
    try:
        load_case(reference, to_train=False)
    except CaseError:
        if os.path.isfile(reference):  # noqa: PTH113 - False for what cannot be a path
            raise
        return False
    return True


def _of_case(reference: str, logs: Path, overrides: Sequence[str], exactly: bool) -> _Candidate:
    said = load_case(reference, overrides, to_train=False)
    try:
        found = find_runs(logs, [said.name])
    except RunError as error:
        raise NothingToResumeError(str(error)) from error
    runs = [run for run in found.runs if run.case.name == said.name]
    as_said = [_Candidate(run, said) for run in runs]
    with_its_own = [
        _Candidate(run, _over_its_own(run, reference, overrides, said)) for run in runs if not exactly
    ]
    tiers = [_unfinished(as_said), _unfinished(with_its_own)]
    chosen = _choose(tiers if exactly else [*tiers, _longer(as_said), _longer(with_its_own)])
    return chosen or _refuse(with_its_own or as_said, said.name, found, exactly)


def _over_its_own(run: Run, reference: str, overrides: Sequence[str], said: Case) -> Case:
    """What is said of a case on top of what was said when the run began."""
    try:
        return load_case(reference, [*read_overrides(run.path), *overrides], to_train=False)
    except CaseError:  # the two do not go together
        return said


def _unfinished(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    return [candidate for candidate in candidates if candidate.run.status in _UNFINISHED]


def _longer(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The complete ones that are to be trained longer."""
    return [one for one in candidates if one.run.status == "completed" and one.is_longer]


def _choose(tiers: Iterable[Sequence[_Candidate]]) -> _Candidate | None:
    """The newest run of the first tier that has what was asked for.

    Raises:
        RunError: runs that differ have it.
    """
    for tier in tiers:
        matching = [candidate for candidate in tier if not candidate.changes]
        matching = [one for one in matching if not one.is_longer] or matching
        if not matching:
            continue
        if all(not differences(matching[-1].run.case, one.run.case) for one in matching):
            return matching[-1]
        raise RunError("\n".join(["several unfinished runs match; name one of them:", *_listed(matching)]))
    return None


def _listed(candidates: Sequence[_Candidate]) -> list[str]:
    """The command that resumes each, and what it has for every key that differs between them."""
    cases = [candidate.run.case for candidate in candidates]
    keys = dict.fromkeys(change.key for case in cases for change in differences(cases[0], case))
    lines = []
    for candidate in candidates:
        run, values = candidate.run, settings(candidate.run.case)
        said = " ".join(f"{key}={values[key]}" for key in keys if key in values)
        done = f"{run.status} with {len(run.metrics)} of {counted(run.case.epochs, 'epoch')}"
        lines.append(f"  {celu_command('run', '--resume', run.path)}\n    {said}; {done}")
    return lines


def _refuse(
    candidates: Sequence[_Candidate], name: str, found: FoundRuns, exactly: bool = False
) -> _Candidate:
    """Say why none of `candidates` is resumed; returns the one unfinished, for `_refuse_changes` to say it."""
    problems = [f"  left out: {problem}" for problem in found.problems]
    same = [one for one in candidates if not [line for line in one.changes if not line.startswith("epochs:")]]
    if exactly and (training := [one.run for one in same if one.run.status in _TRAINING]):
        raise RunError(
            f"{training[-1].path} is already training this, on {training[-1].manifest.process.host}"
        )
    unfinished = _unfinished(same if exactly else candidates)
    if len(unfinished) == 1:
        return unfinished[0]
    if not unfinished:
        states = ", ".join(f"{one.run.path.name} is {one.run.status}" for one in candidates[-4:])
        what = f"no unfinished run of {name}" + (" trains what is asked for" if exactly else "")
        raise NothingToResumeError("\n".join([f"{what}: {states}" if states else what, *problems]))
    lines = [f"  {shown(one.run.path)}: {', '.join(one.changes)}" for one in unfinished]
    raise RunError(
        "\n".join([f"none of the unfinished runs of {name} is what is asked for:", *lines, *problems])
    )


def _refuse_changes(chosen: _Candidate, source: str) -> None:
    if chosen.changes:
        path = chosen.run.path
        raise RunError(
            f"{path} cannot be resumed with another case; this differs from {source}:\n"
            + "".join(f"  {line}\n" for line in chosen.changes)
            + f"Resume it with its own case: {celu_command('run', '--resume', path)}\n"
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
