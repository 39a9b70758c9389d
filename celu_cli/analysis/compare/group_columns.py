"""The columns of a group of runs: one entry for each, whatever shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from celu_cli.analysis.compare.columns import Column, Record, Records, View, records_of
from celu_cli.analysis.compare.contrast import Contrast, can_test_pairs, contrast_all, sentence
from celu_cli.analysis.compare.groups import Choice, Group, keys_apart, seeds_text, uneven_epochs
from celu_cli.analysis.compare.metric import Metric, is_best, is_loss
from celu_cli.analysis.compare.remarks import remarks_on
from celu_cli.analysis.compare.setting_columns import distinct_cases, setting_columns
from celu_cli.analysis.compare.statistics import Summary
from celu_cli.analysis.compare.verdict import verdicts
from celu_cli.analysis.why.changes import case_changes
from celu_cli.case.describe import describe_dataset
from celu_cli.case.schema import Case
from celu_cli.case.settings import shared_changes
from celu_cli.runs.published import read_published
from celu_cli.text import counted, duration, four_decimals, joined


@dataclass(frozen=True)
class _Result:
    """A group, what its metric comes to, the published value of that metric and epoch, and how far the baseline is.

    `confounded` are the things in which it differs from the baseline, where there are several; `verdict` is
    that on all groups of its dataset.
    """

    group: Group
    choice: Choice
    epochs: int | None
    summary: Summary | None
    published: float | None
    contrast: Contrast | None
    confounded: str
    verdict: str | None

    @property
    def case(self) -> Case:
        return self.group.case

    @property
    def published_difference(self) -> float | None:
        if self.summary is None or self.published is None:
            return None
        return (1 if is_loss(self.choice.metric) else 100) * (self.summary.mean - self.published)

    @property
    def seconds(self) -> float | None:
        seconds = [run.metrics.seconds for run in self.group.counted]
        return sum(seconds) / len(seconds) if seconds else None


def compare_groups(
    groups: Sequence[Group], choice: Choice, baseline: Group | None, all_keys: bool = False
) -> Records:
    """The groups, in order.

    Raises:
        RunError: a published curve cannot be read.
    """
    contrasts = contrast_all(groups, baseline, choice.metric) if baseline else {}
    hint = "" if baseline else _hint(groups, choice.metric)
    name, case, *others = group_columns(choice.metric, hint)
    cases = distinct_cases(group.case for group in groups)
    settings = setting_columns(cases, others, all_keys)
    named, apart = _keys_in_labels(groups), {*keys_apart(groups)}
    columns = tuple(
        replace(column, heading="") if apart & {*column.keys} and apart & {*column.keys} <= named else column
        for column in (name, case, *settings, *others)
    )
    said = verdicts(groups, choice.metric)
    results = [
        _result(group, choice, contrasts.get(group.label), baseline, said.get(describe_dataset(group.case)))
        for group in groups
    ]
    first = ("group", *(column.name for column in settings), "epochs", "mean", "deviation", "n")
    return Records(
        columns,
        records_of(columns, results),
        {
            "terminal": first,
            "report": (
                *("group", "mean", "deviation", "n", "difference", "low", "p", "p_corrected"),
                *("published", "published_difference", "epochs"),
            ),
        },
        ("seconds", "left_out"),
        () if all_keys else tuple(shared_changes(cases).values()),
        tuple(remarks_on(cases, [run for group in groups for run in group.counted])),
    )


def group_columns(metric: Metric, hint: str = "") -> tuple[Column, ...]:
    """The columns of groups that are compared by `metric`; `hint` is one more note on the terminal.

    Mean, deviation, lowest and highest are of the metric, accuracies as shares; the deviation is the sample standard
    deviation over seeds. Differences and their interval are percentage points for accuracies, plain for losses.
    `seeds_needed` would settle the difference to the baseline if it were as large as it looks, which is left open where
    p is large; `found_four_times_in_five` is the difference that the seeds there are usually find. None stands for
    what a group lacks.
    """
    value = partial(Column, form=four_decimals, number=True)
    of_metric = partial(value, largest_first=not is_loss(metric))
    points = partial(of_metric, form="{:+.4f}" if is_loss(metric) else "{:+.2f}")
    p = partial(Column, form="{:.3f}", number=True)
    number = partial(Column, number=True)

    def interval(record: Record) -> str:
        low, high = (points(name, None).cell(record) for name in ("low", "high"))
        return f"{low} to {high}" if low and high else ""

    return (
        Column("group", lambda of: of.group.label, "case"),
        Column("case", lambda of: of.case.name),
        number("epochs", lambda of: of.epochs, "epochs", shared=_epochs, leaves=11, keys=("epochs",)),
        Column("metric", lambda of: of.choice.metric),
        number("n", lambda of: len(of.group.values), "n"),
        of_metric(
            "mean", _summary("mean"), metric.replace("-", " "), note=partial(_notes_on_means, hint=hint)
        ),
        value("deviation", _summary("deviation"), "± sd"),
        of_metric("lowest", lambda of: min(of.group.values.values(), default=None)),
        of_metric("highest", lambda of: max(of.group.values.values(), default=None)),
        value("published", lambda of: of.published, "published", leaves=12),
        points(
            "published_difference",
            lambda of: of.published_difference,
            "points",
            leaves=13,
            note=f"points: mean minus the published value of the same epoch{_unit(metric)}",
        ),
        number("seconds", lambda of: of.seconds, "time", duration, leaves=8),
        Column("seeds", lambda of: " ".join(map(str, of.group.values))),
        Column("left_out", _left_out, "left out", note=_notes_on_what_is_left_out),
        Column("seeds_left_out", _seeds_left_out),
        Column("baseline", _contrast("baseline")),
        Column("paired", _contrast("paired")),
        points("difference", _contrast("difference"), "difference", note=_notes_on_differences),
        points("low", _interval("low"), "95 % interval", text=interval, leaves=15, parts=("high",)),
        points("high", _interval("high")),
        p("p", _contrast("p"), "p", leaves=9),
        p("p_corrected", _contrast("p_corrected"), "Holm", leaves=14, note=_HOLM),
        Column("seeds_needed", _contrast("seeds")),
        Column("found_four_times_in_five", _contrast("found")),
        Column("confounded", lambda of: of.confounded),
        Column("verdict", lambda of: of.verdict),
        Column("sentence", lambda of: _sentence(of, metric)),
    )


def _keys_in_labels(groups: Sequence[Group]) -> set[str]:
    """The keys that the names of all groups say, which are then of one case: columns of files only."""
    if len({group.case.name for group in groups}) > 1:
        return set()
    return {pair.partition("=")[0] for group in groups for pair in group.label.split()[1:]}


def _hint(groups: Sequence[Group], metric: Metric) -> str:
    """What a baseline would add, where it would add anything."""
    known = [group for group in groups if group.values]
    if len(known) < 2 or uneven_epochs([run for group in known for run in group.counted]):
        return ""
    tested = ", with interval and p" if can_test_pairs(known, metric) else ""
    return f"--baseline CASE gives each difference from that case{tested}"


def _result(
    group: Group, choice: Choice, contrast: Contrast | None, baseline: Group | None, verdict: str | None
) -> _Result:
    lengths = {run.metrics.done for run in group.counted} or {group.case.epochs}
    epochs = choice.epoch or (lengths.pop() if len(lengths) == 1 else None)
    causes: list[str] = []
    if contrast and baseline:
        changes = case_changes(baseline.case, group.case)
        counting = ("result", "length") if choice.epoch is None else ("result",)
        causes = [change.name for change in changes if change.effect in counting and change.name != "seed"]
    confounded = joined(causes) if len(causes) > 1 else ""
    published = _published(group, choice, epochs) if group.values else None
    return _Result(group, choice, epochs, group.summary, published, contrast, confounded, verdict)


def _sentence(of: _Result, metric: Metric) -> str | None:
    """The sentence of the contrast, and where several things differ, that none of them is shown to be its cause."""
    if of.contrast is None:
        return None
    said = sentence(of.contrast, metric)
    if not of.confounded:
        return said
    return f"{said}; they differ in {of.confounded} at once, so no one of these is shown to be the cause"


def _published(group: Group, choice: Choice, epochs: int | None) -> float | None:
    """The published value at the epoch compared; none for a best value, which the sparse curve may have missed."""
    if epochs is None or is_best(choice.metric):
        return None
    curve = read_published(group.case)
    epoch = curve.at(epochs) if curve else None
    return float(getattr(epoch, choice.metric.replace("-", "_"))) if epoch else None


def _summary(name: str) -> Callable[[_Result], Any]:
    return lambda of: getattr(of.summary, name, None)


def _contrast(name: str) -> Callable[[_Result], Any]:
    return lambda of: getattr(of.contrast, name, None)


def _interval(name: str) -> Callable[[_Result], Any]:
    return lambda of: getattr(of.contrast.interval, name, None) if of.contrast else None


def _epochs(cell: str) -> str:
    return counted(int(cell), "epoch")


def _left_out(of: _Result) -> str:
    return ", ".join(f"{left.runs} {left.why}" for left in of.group.left_out)


def _seeds_left_out(of: _Result) -> str:
    return ", ".join(f"{seeds_text(left.seeds)} {left.why}" for left in of.group.left_out if left.seeds)


_HOLM = "Holm: p corrected for the number of rows compared, and no smaller than the p of one test over all"


def _unit(metric: str) -> str:
    return "" if metric.endswith("loss") else ", in percentage points"


def _notes_on_means(rows: Sequence[Record], view: View, hint: str = "") -> Iterator[str]:
    runs = "; --runs shows each run" if view == "terminal" else ""
    if any(row["deviation"] is not None for row in rows):
        yield f"mean over the n seeds that count, ± sample standard deviation{runs}"
    if lacking := [f"{row['group']}: {row['seeds_left_out']}" for row in rows if row["seeds_left_out"]]:
        yield f"seeds that do not count: {'; '.join(lacking)}"
    if rows[0]["metric"].startswith("best-test"):
        yield (
            "best test: the epoch was chosen by looking at the test images, which flatters every row, and longer and "
            "noisier trainings most"
        )
    if any(why in row["left_out"] for row in rows for why in ("failed", "diverged")):
        yield "runs that failed are left out, so the means describe only trainings that worked"
    if view == "terminal" and hint:
        yield hint


def _notes_on_what_is_left_out(rows: Sequence[Record], _view: View) -> Iterator[str]:
    repeated = "; of a repeated seed the newest run counts"
    yield f"left out: not in the statistics{repeated if any('repeated' in row['left_out'] for row in rows) else ''}"


def _notes_on_differences(rows: Sequence[Record], _view: View) -> Iterator[str]:
    compared = [row for row in rows if row["difference"] is not None]
    if not compared:
        return
    paired = [row for row in compared if row["paired"]]
    pairs = ", over the seeds that both have" if paired else ""
    others = " (unpaired where they share too few)" if 0 < len(paired) < len(compared) else ""
    yield f"difference: mean minus that of {compared[0]['baseline']}{_unit(rows[0]['metric'])}{pairs}{others}"
    if len({row["dataset"] for row in rows}) > 1:
        yield "datasets differ, so differences are between results on different test images"
