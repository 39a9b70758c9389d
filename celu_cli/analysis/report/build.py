"""Everything a report says, as plain values; `celu_cli.analysis.report.page` makes a page of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celu_cli import __version__
from celu_cli.analysis.compare.groups import Choice, Group, find_group, group_runs, until
from celu_cli.analysis.compare.run_columns import run_order
from celu_cli.analysis.compare.swept import Swept
from celu_cli.analysis.report.activations import activations_of
from celu_cli.analysis.report.curves import curves_of, describe_curves
from celu_cli.analysis.report.gradients import check_table, fidelity_of
from celu_cli.analysis.report.origin import origins_of
from celu_cli.analysis.report.results import Results, find_results
from celu_cli.analysis.report.sweeps import SweepText, describe_sweeps
from celu_cli.analysis.report.tables import Table
from celu_cli.case.dump import dump_case
from celu_cli.check.file import read_check
from celu_cli.errors import RunError
from celu_cli.runs.run import CASE_NAME, Run
from celu_cli.text import counted, iso_time


@dataclass(frozen=True)
class CaseText:
    """A group's case in YAML, as the run `of` has it; the others differ in their seed alone."""

    label: str
    description: str
    of: str
    runs: int
    yaml: str


@dataclass(frozen=True)
class CheckText:
    """A gradient check found in a run's directory."""

    run: str
    verdict: str
    findings: tuple[str, ...]
    table: Table


@dataclass(frozen=True)
class Report:
    """`problems` are texts of what could not be read. `alternatives` say in words what the curves show.

    `curves`, `measured` (fidelity) and `activation_curves` are for drawing, ready for JSON.
    """

    title: str
    made: str
    version: str
    problems: tuple[str, ...]
    results: Results
    sweeps: tuple[SweepText, ...]
    alternatives: dict[str, str]
    curves: dict[str, Any]
    fidelity: Table
    measured: list[dict[str, Any]]
    checks: tuple[CheckText, ...]
    activations: Table
    activation_curves: dict[str, Any]
    cases: tuple[CaseText, ...]
    environments: Table
    origins: Table

    @property
    def tables(self) -> list[Table]:
        """All tables of the page."""
        return [
            self.results.groups,
            *(sweep.table for sweep in self.sweeps),
            self.results.runs,
            self.fidelity,
            *(check.table for check in self.checks),
            self.activations,
            self.environments,
            self.origins,
        ]


def build_report(
    runs: Sequence[Run],
    choice: Choice,
    baseline: str | None,
    problems: Sequence[str],
    now: datetime,
    sweeps: Sequence[Swept] = (),
) -> Report:
    """The report of `runs`, at least one, whose groups are compared by `choice` and against `baseline`, and `sweeps`.

    Raises:
        UsageError: `baseline` means no group, or several.
        RunError: a published curve cannot be read.
    """
    runs = sorted((until(run, choice.epoch) for run in runs), key=run_order)
    groups = group_runs(runs, choice)
    results = find_results(runs, groups, choice, find_group(groups, baseline) if baseline else None)
    fidelity, measured = fidelity_of(runs)
    activations, activation_curves = activations_of([(group.label, group.case) for group in groups])
    environments, origins = origins_of(runs)
    curves = curves_of(runs, groups)
    damaged: list[str] = []
    checks = tuple(_checks(runs, damaged))
    return Report(
        title=_title(len(runs), groups),
        made=iso_time(now),
        version=__version__,
        problems=(*problems, *damaged),
        results=results,
        sweeps=tuple(describe_sweeps(sweeps, choice.metric)),
        alternatives={measure: describe_curves(curves, measure) for measure in ("accuracy", "loss")},
        curves=curves,
        fidelity=fidelity,
        measured=measured,
        checks=checks,
        activations=activations,
        activation_curves=activation_curves,
        cases=tuple(map(_case_text, groups)),
        environments=environments,
        origins=origins,
    )


def _checks(runs: Sequence[Run], damaged: list[str]) -> Iterator[CheckText]:
    """The checks beside `runs`; the text for one that cannot be read goes to `damaged`."""
    for place, run in enumerate(runs):
        try:
            found = read_check(run.path)
        except RunError as error:
            damaged.append(str(error))
            continue
        if found is not None:
            check, verdict = found
            yield CheckText(run.name, verdict.kind, verdict.findings, check_table(f"check-{place}", check))


def _case_text(group: Group) -> CaseText:
    run = group.runs[0]
    try:
        yaml = (run.path / CASE_NAME).read_text(encoding="utf-8", errors="replace")
    except OSError:  # gone since it was read
        yaml = dump_case(run.case)
    return CaseText(group.label, run.case.description, run.name, len(group.runs), yaml)


def _title(runs: int, groups: Sequence[Group]) -> str:
    """How many runs there are of what; a case with several settings is one."""
    cases = len({group.case.name for group in groups})
    several = f" with {len(groups)} settings" if len(groups) > cases else ""
    return f"{counted(runs, 'run')} of {counted(cases, 'case')}{several}"
