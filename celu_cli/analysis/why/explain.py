"""What differs between two cases or runs, and which of the differences their results cannot separate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from celu_cli.analysis.why.changes import Change, by_effect, case_changes
from celu_cli.analysis.why.proposals import Proposal, propose
from celu_cli.analysis.why.results import (
    MetricDifferences,
    Start,
    compare_metrics,
    expected_start,
    recorded_start,
)
from celu_cli.analysis.why.run_changes import run_changes, shared_conditions, with_code_of
from celu_cli.analysis.why.subject import Subject
from celu_cli.case.schema import Case
from celu_cli.runs.published import read_published
from celu_cli.text import joined


@dataclass(frozen=True)
class Explanation:
    """Everything that `celu why` says of A and B.

    `confounded` names the changes that can each have changed the result, when there is more than one. `published` has
    epoch and test accuracy at the ends of the curves that the article shows of both.
    """

    a: Subject
    b: Subject
    changes: tuple[Change, ...]
    same: tuple[str, ...]
    start: Start
    metrics: MetricDifferences | None
    published: dict[str, float] | None
    confounded: tuple[str, ...]
    verdict: tuple[str, ...]
    proposals: tuple[Proposal, ...]

    def changes_of(self, *effects: str) -> list[Change]:
        """The changes with one of these effects."""
        return [change for change in self.changes if change.effect in effects]


def explain(a: Subject, b: Subject) -> Explanation:
    """Compare two cases or runs.

    Raises:
        RunError: a published curve cannot be read.
    """
    changes, metrics = case_changes(*_with_recorded_shares(a, b)), None
    start = expected_start(a.case, b.case)
    same = [f"seed {a.case.seed}"] if a.case.seed == b.case.seed else []
    if a.run and b.run:
        changes = by_effect(with_code_of([*changes, *run_changes(a.run, b.run)]))
        metrics = compare_metrics(a.run, b.run)
        start = recorded_start(a.run.manifest, b.run.manifest)
        same += shared_conditions(a.run, b.run)
    causes = [change.name for change in changes if change.effect == "result"]
    confounded = len(causes) > 1
    # What a case cannot say, such as the version of a package, is no part of one.
    testable = [change for change in changes if change.effect in ("result", "rounding") and change.part]
    return Explanation(
        a,
        b,
        tuple(changes),
        tuple(same),
        start,
        metrics,
        _published_ends(a, b),
        tuple(causes) if confounded else (),
        (*_verdict(changes, metrics), *_caveats(a, b)),
        tuple(propose(a, b, change) for change in testable) if confounded else (),
    )


def _with_recorded_shares(a: Subject, b: Subject) -> tuple[Case, Case]:
    """The cases; where only one says into how many shares a batch is cut, with what their runs recorded of it.

    Where neither says it, the machines decided, which is no part of the cases.
    """
    recorded = [one.run and one.run.manifest.shares for one in (a, b)]
    if None in recorded or a.case.shares == b.case.shares:
        return a.case, b.case
    ours, theirs = (
        one.case.model_copy(update={"shares": shares}) for one, shares in zip((a, b), recorded, strict=True)
    )
    return ours, theirs


def _published_ends(a: Subject, b: Subject) -> dict[str, float] | None:
    """Only between two cases: runs have results of their own, which need not be the article's."""
    if a.run or b.run or a.case.published == b.case.published:
        return None
    one, other = read_published(a.case), read_published(b.case)
    if one is None or other is None or not (one.epochs and other.epochs):
        return None
    ends = {"a": one.epochs[-1], "b": other.epochs[-1]}
    return {
        f"{key}_{of}": getattr(end, key) for key in ("epoch", "test_accuracy") for of, end in ends.items()
    }


def _verdict(changes: Sequence[Change], metrics: MetricDifferences | None) -> list[str]:
    causes, rounding, length = (
        [change.name for change in changes if change.effect == effect]
        for effect in ("result", "rounding", "length")
    )
    apart = metrics is not None and metrics.first_epoch is not None
    lines = [_main_verdict(causes, rounding, apart, bool(length))]
    if len(causes) > 1 and rounding:
        lines.append(f"Of these, {joined(rounding)} can change only rounding: not a likely cause.")
    if length:
        lines.append(
            "They run for different numbers of epochs: compare them at the last epoch that both have."
        )
    if "code of celu" in causes:
        lines.append("No case can change the code alone: to rule it out, train both with one version of it.")
    if len(causes) == 1 and causes != ["seed"] and (apart or metrics is None):
        lines.append(
            "One run of each cannot distinguish it from the luck of the seed: train both with several seeds."
        )
    return lines


def _caveats(a: Subject, b: Subject) -> list[str]:
    """What could not be compared."""
    if bool(a.run) != bool(b.run):
        return ["Only one of the two is a run: versions, processor and results cannot be compared."]
    if a.run and b.run and a.run.manifest.git_commit is None is b.run.manifest.git_commit:
        return ["Neither run recorded the commit of celu: of the code, only the version is compared."]
    return []


def _main_verdict(causes: list[str], rounding: list[str], apart: bool, longer: bool) -> str:
    if len(causes) > 1:
        everything = joined([*causes, *rounding])
        subject = "Each" if not rounding else f"Each of the first {len(causes)}"
        return (
            f"{everything[0].upper()}{everything[1:]} changed at once. {subject} can change the result: they are "
            "confounded, and a difference in result cannot be attributed to any one of them."
        )
    if causes:
        return f"Of what celu knows, only the {causes[0]} can have changed the result beyond rounding."
    if rounding:
        return f"Only rounding can differ, by {joined(rounding)}; training makes small differences grow."
    if apart:
        return (
            "Nothing that celu records explains the difference: look at what it does not, such as the load."
        )
    if longer:
        return "Up to the last epoch that both have, nothing that can change the result differs."
    return "Nothing that can change the result differs."
