"""Groups as plain rows, for a table or a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from celu_cli.analysis.compare.contrast import Contrast, contrast_all, sentence
from celu_cli.analysis.compare.groups import Choice, Group
from celu_cli.analysis.compare.metric import is_loss
from celu_cli.analysis.compare.rows import case_columns
from celu_cli.runs.published import read_published


@dataclass(frozen=True)
class GroupRow:
    """One group. `mean`, `deviation`, `lowest` and `highest` are of the metric, accuracies as shares.

    `deviation` is the sample standard deviation over seeds. `published` is the published value of that metric
    and epoch. `published_difference`, `difference`, `low` and `high` are percentage points for accuracies, plain
    for losses. `seeds_needed` would settle the difference to the baseline if it were as large as it looks.
    None stands for what a group lacks.
    """

    group: str
    case: str
    dataset: str
    activation: str
    alpha: float | None
    backprop: str
    optimizer: str
    learning_rate: float
    precision: str
    epochs: int | None
    metric: str
    n: int
    mean: float | None
    deviation: float | None
    lowest: float | None
    highest: float | None
    published: float | None
    published_difference: float | None
    seconds: float | None
    seeds: str
    left_out: str
    baseline: str | None
    paired: bool | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_corrected: float | None
    seeds_needed: int | None
    sentence: str | None


def group_rows(groups: Sequence[Group], choice: Choice, baseline: Group | None) -> list[GroupRow]:
    """A row a group, in order.

    Raises:
        RunError: a published curve cannot be read.
    """
    contrasts = contrast_all(groups, baseline, choice.metric) if baseline else {}
    return [_row(group, choice, contrasts.get(group.label)) for group in groups]


def _row(group: Group, choice: Choice, contrast: Contrast | None) -> GroupRow:
    summary, values = group.summary, group.values.values()
    lengths = {run.metrics[-1].epoch for run in group.counted}
    epochs = choice.epoch or (lengths.pop() if len(lengths) == 1 else None)
    published = _published(group, choice, epochs)
    interval = contrast.interval if contrast else None
    seconds = [run.metrics.seconds for run in group.counted]
    scale = 1 if is_loss(choice.metric) else 100
    return GroupRow(
        group=group.label,
        **case_columns(group.case),
        epochs=epochs,
        metric=choice.metric,
        n=len(values),
        mean=summary.mean if summary else None,
        deviation=summary.deviation if summary else None,
        lowest=min(values, default=None),
        highest=max(values, default=None),
        published=published,
        published_difference=scale * (summary.mean - published)
        if summary and published is not None
        else None,
        seconds=sum(seconds) / len(seconds) if seconds else None,
        seeds=" ".join(map(str, group.values)),
        left_out=", ".join(f"{left.runs} {left.why}" for left in group.left_out),
        baseline=contrast.baseline if contrast else None,
        paired=contrast.paired if contrast else None,
        difference=contrast.difference if contrast else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p=contrast.p if contrast else None,
        p_corrected=contrast.p_corrected if contrast else None,
        seeds_needed=contrast.seeds if contrast else None,
        sentence=sentence(contrast, choice.metric) if contrast else None,
    )


def _published(group: Group, choice: Choice, epochs: int | None) -> float | None:
    """The published value at the epoch compared; none for a best value, which the sparse curve may have missed."""
    if epochs is None or choice.metric.startswith("best-"):
        return None
    curve = read_published(group.case)
    epoch = curve.at(epochs) if curve else None
    return float(getattr(epoch, choice.metric.replace("-", "_"))) if epoch else None


def notes_of(rows: Sequence[GroupRow]) -> Iterator[str]:
    """The notes that belong below `rows`, at least one; the first says what the mean is."""
    yield "mean over the n seeds that count, ± sample standard deviation"
    baseline = next((row.baseline for row in rows if row.baseline), None)
    points = "" if rows[0].metric.endswith("loss") else ", in percentage points"
    if any(row.published is not None for row in rows):
        yield f"points: mean minus the published value of the same epoch{points}"
    if baseline:
        pairs = ", over the seeds that both have" if any(row.paired for row in rows) else ""
        yield f"difference: mean minus that of {baseline}{points}{pairs}; Holm: p corrected for the number of rows"
    if baseline and len({row.dataset for row in rows}) > 1:
        yield "datasets differ, so differences are between results on different test images"
    if rows[0].metric.startswith("best-test"):
        yield "best test: the epoch was chosen by looking at the test images, which flatters every row"
    if any(row.left_out for row in rows):
        yield "left out: not in the statistics; of a repeated seed the newest run counts"
    if any("failed" in row.left_out for row in rows):
        yield "runs that failed are left out, so the means describe only trainings that worked"
