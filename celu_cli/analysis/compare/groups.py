"""Runs that differ in nothing but their seed, as one group with one number a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.statistics import Summary, summarise
from celu_cli.case.difference import settings
from celu_cli.case.schema import Case, CosineSchedule
from celu_cli.case.settings import differing_keys, settings_in_force, value_text
from celu_cli.case.where import parse_group_name
from celu_cli.errors import ExitCode, UsageError
from celu_cli.events import EpochMetrics, Epochs
from celu_cli.runs.run import Run

_MOST_KEYS = 4  # in the name of a group


@dataclass(frozen=True)
class Choice:
    """What is compared: a metric, at one epoch or the last, whether unfinished runs count, or only the newest ones."""

    metric: Metric = "test-accuracy"
    epoch: int | None = None
    unfinished: bool = False
    newest: bool = False


@dataclass(frozen=True)
class LeftOut:
    """Runs of a group that its statistics do not count, why, and the seeds that it lacks for that."""

    why: str
    runs: int
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Group:
    """One group. `values` has the metric of each seed that counts; accuracies are shares."""

    label: str
    runs: tuple[Run, ...]
    counted: tuple[Run, ...]
    values: Mapping[int, float]
    left_out: tuple[LeftOut, ...]

    @property
    def case(self) -> Case:
        return self.runs[0].case

    @property
    def summary(self) -> Summary | None:
        return summarise(list(self.values.values())) if self.values else None


def keys_apart(groups: Sequence[Group]) -> list[str]:
    """The keys in which groups differ."""
    return differing_keys([group.case.model_copy(update={"seed": 0}) for group in groups])


def number_apart(groups: Sequence[Group]) -> tuple[str, list[float]] | None:
    """The key with a number in which alone the groups differ, and its value in each; None where it is none."""
    keys = keys_apart(groups)
    values = [settings_in_force(group.case).get(keys[0]) for group in groups] if len(keys) == 1 else []
    numbers = [
        float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    return (keys[0], numbers) if numbers and len(set(numbers)) == len(groups) else None


def seeds_text(seeds: Sequence[int]) -> str:
    """As in "seed 4" and "seeds 4, 6"."""
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


def uneven_epochs(runs: Sequence[Run]) -> list[int]:
    """The numbers of epochs that `runs` stand at, where they are several and some of them are unfinished."""
    lengths = sorted({run.metrics.done for run in runs})
    return lengths if len(lengths) > 1 and any(run.status != "completed" for run in runs) else []


def value_of(run: Run, choice: Choice) -> float | None:
    """The metric of `run`; None where it has no such epoch or the value is not a finite number."""
    epochs = [epoch for epoch in run.metrics if choice.epoch is None or epoch.epoch <= choice.epoch]
    if not epochs or (choice.epoch is not None and epochs[-1].epoch != choice.epoch):
        return None
    best = choice.metric.startswith("best-")
    read = _reader(choice.metric.removeprefix("best-"))
    values = [value for epoch in (epochs if best else epochs[-1:]) if isfinite(value := read(epoch))]
    return (min if is_loss(choice.metric) else max)(values) if values else None


def until(run: Run, epoch: int | None) -> Run:
    """`run` as it was after `epoch` epochs."""
    if epoch is None:
        return run
    return replace(run, metrics=Epochs(metrics for metrics in run.metrics if metrics.epoch <= epoch))


def check_epoch(epoch: int | None, runs: Iterable[Run]) -> None:
    """Refuse to compare at an epoch that no run has.

    Raises:
        UsageError: none of `runs` has `epoch`.
    """
    longest = max((run.metrics[-1].epoch for run in runs if run.metrics), default=0)
    if epoch is not None and epoch > longest:
        raise UsageError(f"--at-epoch {epoch}: no run has that epoch; the longest has {longest}")


def group_runs(runs: Iterable[Run], choice: Choice) -> list[Group]:
    """Groups by case name and then by their first run, which keep apart whatever changes the training but the seed.

    How many epochs were asked for does not when all are compared at one epoch, unless the schedule stretches with it.
    """
    runs = tuple(runs)
    older = {run.path for run in runs} - {run.path for run in newest_runs(runs)} if choice.newest else set()
    found: dict[tuple[str, str], list[Run]] = {}
    cases = []
    for run in sorted(runs, key=lambda run: (run.case.name, run.manifest.started)):
        alike = _alike(run.case, choice.epoch)
        members = found.setdefault((alike.name, repr(settings_in_force(alike))), [])
        if not members:
            cases.append(alike)
        members.append(run)
    return [
        _group(label, members, choice, older)
        for label, members in zip(_labels(cases), found.values(), strict=True)
    ]


def newest_runs(runs: Iterable[Run]) -> list[Run]:
    """Of runs with the same name, settings and seed the one that completed last; where none did, that began last."""
    return [repeats[-1] for repeats in repeated_runs(runs)]


def repeated_runs(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs with the same name, settings and seed together, those that completed behind the others, then by start."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.status == "completed", run.manifest.started)):
        found.setdefault((run.case.name, repr(settings(run.case))), []).append(run)
    return list(found.values())


def find_group(groups: Sequence[Group], wanted: str) -> Group:
    """The group that a label, a case with one group, a case with values as in a label, or a run's own name means.

    Raises:
        UsageError: none or several are meant; the text lists the groups.
    """
    parsed = None if any(group.label == wanted for group in groups) else parse_group_name(wanted)
    tests: tuple[Callable[[Group], bool], ...] = (
        lambda group: group.label == wanted,
        lambda group: group.case.name == wanted,
        lambda group: parsed is not None and group.case.name == parsed[0] and parsed[1].matches(group.case),
        lambda group: any(wanted in (run.name, run.path.name) for run in group.runs),
    )
    for test in tests:
        meant = [group for group in groups if test(group)]
        if len(meant) == 1:
            return meant[0]
        if meant:
            several = ", ".join(f'"{group.label}"' for group in meant)
            raise UsageError(f"--baseline {wanted} means {len(meant)} groups; name one of {several}")
    known = ", ".join(f'"{group.label}"' for group in groups)
    raise UsageError(f"--baseline {wanted}: no such group among the runs compared; there are {known}")


def _reader(name: str) -> Callable[[EpochMetrics], float]:
    attribute = name.replace("-", "_")
    return lambda epoch: float(getattr(epoch, attribute))


def _alike(case: Case, epoch: int | None) -> Case:
    """`case` without what its group does not go by, so that the cases of a group are equal."""
    stretches = epoch is None or isinstance(case.schedule, CosineSchedule)
    return case.model_copy(update={"seed": 0} | ({} if stretches else {"epochs": epoch}))


def _labels(cases: Sequence[Case]) -> list[str]:
    """The case's name, and where that is several groups', the settings they differ in."""
    labels = [case.name for case in cases]
    for name, shared in Counter(labels).items():
        if shared > 1:
            members = [index for index, case in enumerate(cases) if case.name == name]
            for index, pairs in zip(members, _pairs([cases[index] for index in members]), strict=True):
                labels[index] = " ".join([name, *pairs])
    return labels


def _pairs(cases: Sequence[Case]) -> list[list[str]]:
    """For each case the ``key=value`` pairs of all keys that differ; where these are many, those that are enough.

    The others are counted then, as ``+2``.
    """
    in_force = [settings_in_force(case) for case in cases]
    pairs: list[list[str]] = [[] for _ in cases]
    keys = differing_keys(cases)
    named = 0
    for key in keys:
        values = [each.get(key) for each in in_force]
        with_key = [
            before if value is None else [*before, f"{key}={_word(value, values)}"]
            for before, value in zip(pairs, values, strict=True)
        ]
        if len(keys) <= _MOST_KEYS or len({*map(tuple, with_key)}) > len({*map(tuple, pairs)}):
            pairs, named = with_key, named + 1
    rest = [f"+{len(keys) - named}"] if named < len(keys) else []
    return [[*each, *rest] for each in pairs]


def _word(value: object, values: Sequence[object]) -> str:
    if isinstance(value, tuple):  # layers, too long to be shown
        return f"#{[*dict.fromkeys(map(repr, values))].index(repr(value)) + 1}"
    return value_text(value)


def _group(label: str, runs: Sequence[Run], choice: Choice, older: Collection[Path]) -> Group:
    counted: dict[int, Run] = {}
    reasons: dict[str, list[int]] = {}
    lacking: dict[int, str] = {}  # why the newest run of a seed does not count
    for run in runs:  # oldest first
        seed = run.case.seed
        why = "older" if run.path in older else _why_left_out(run, choice)
        if why:
            reasons.setdefault(why, []).append(seed)
            lacking |= {seed: why} if why != "older" else {}
            continue
        if seed in counted:
            reasons.setdefault("repeated", []).append(seed)
        counted[seed] = run
    chosen = dict(sorted(counted.items()))
    values = {seed: value for seed, run in chosen.items() if (value := value_of(run, choice)) is not None}
    seeds = {
        why: tuple(sorted(seed for seed, its in lacking.items() if its == why and seed not in values))
        for why in reasons
    }
    left_out = tuple(LeftOut(why, len(left), seeds[why]) for why, left in reasons.items())
    return Group(label, tuple(runs), tuple(chosen.values()), values, left_out)


def _why_left_out(run: Run, choice: Choice) -> str:
    if run.status != "completed" and not choice.unfinished:
        diverged = run.status == "failed" and run.manifest.exit_code == ExitCode.DIVERGED
        return "diverged" if diverged else run.status
    return "without a value" if value_of(run, choice) is None else ""
