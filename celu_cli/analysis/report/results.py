"""The results of a report: the verdict, the table of groups, the table of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from celu_cli.analysis.compare.columns import Record, Records
from celu_cli.analysis.compare.contrast import can_test_pairs
from celu_cli.analysis.compare.group_columns import compare_groups
from celu_cli.analysis.compare.groups import Choice, Group
from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.run_columns import compare_runs
from celu_cli.analysis.report.tables import Strip, Table, make_table
from celu_cli.case.describe import describe_dataset
from celu_cli.runs.run import Run
from celu_cli.text import counted

_MARGIN = 0.04


@dataclass(frozen=True)
class Results:
    """Sentences, most important first, of which so many as `leads` stand above the two tables."""

    sentences: tuple[str, ...]
    leads: int
    groups: Table
    runs: Table


def find_results(
    runs: Sequence[Run], groups: Sequence[Group], choice: Choice, baseline: Group | None
) -> Results:
    """What `groups`, which are of `runs`, came to.

    Raises:
        RunError: a published curve cannot be read.
    """
    records = compare_groups(groups, choice, baseline)
    rows = records.rows
    sentences = [
        *records.verdicts,
        *_best(rows, choice.metric),
        *(f"{row['sentence']}." for row in rows if row["sentence"]),
    ]
    if len(rows) > 2 and baseline is None and can_test_pairs(groups, choice.metric):
        sentences.append(
            "Which pairs differ by more than chance can be said only against a baseline, which --baseline names."
        )
    of_runs = make_table("runs", "Every run", compare_runs(runs), ["train, test, losses: of the last epoch"])
    return Results(
        (*sentences, *_unfinished(runs)),
        max(1, len(records.verdicts)),
        _groups_table(records, groups, baseline),
        of_runs,
    )


def _best(rows: Sequence[Record], metric: Metric) -> Iterator[str]:
    """The best group of each dataset, and the next."""
    first_word = "Lowest" if is_loss(metric) else "Highest"
    if not any(row["mean"] is not None for row in rows):
        yield "No run counts yet: none has finished with a value to compare."
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        known = [row for row in rows if row["dataset"] == dataset and row["mean"] is not None]
        known.sort(key=lambda row: row["mean"] or 0.0, reverse=not is_loss(metric))
        if not known:
            continue
        first, *others = known
        what = f"{metric.replace('-', ' ')} on {dataset}"
        if not others:
            yield f"{what[0].upper()}{what[1:]}: {_place(first)}."
        else:
            yield f"{first_word} {what}: {_place(first)}; next {_place(others[0])}."


def _place(row: Record) -> str:
    spread = "" if row["deviation"] is None else f" ± {row['deviation']:.4f}"
    epochs = f" after {counted(row['epochs'], 'epoch')}" if row["epochs"] else ""
    return f"{row['group']}, {row['mean']:.4f}{spread}{epochs} ({counted(row['n'], 'seed')})"


def _unfinished(runs: Sequence[Run]) -> Iterator[str]:
    found = Counter(run.status for run in runs if run.status != "completed")
    if found:
        states = ", ".join(f"{count} {status}" for status, count in found.items())
        yield f"Of {counted(len(runs), 'run')}, not completed: {states}."


def _groups_table(records: Records, groups: Sequence[Group], baseline: Group | None) -> Table:
    scales = _scales(groups)
    strips = tuple(_strip(group, scales[describe_dataset(group.case)]) for group in groups)
    ends = list(_ends(scales))
    several = "; ".join(f"{name}: {low} to {high}" for name, (low, high) in ends)
    of_strips = "dots: the seeds that count, band: mean ± sd, line: mean; one scale for a dataset"
    uneven = len({row["epochs"] for row in records.rows if row["n"]}) > 1
    notes = ["epochs differ between rows; --at-epoch compares all at the same one"] if uneven else []
    return make_table(
        "cases",
        "Cases, over their seeds",
        records,
        notes,
        strips=strips if ends else (),
        scale=ends[0][1] if len(ends) == 1 else None,
        of_strips=(f"{of_strips} ({several})" if len(ends) > 1 else of_strips) if ends else "",
        marks={place: "baseline" for place, group in enumerate(groups) if group is baseline},
    )


def _scales(groups: Sequence[Group]) -> dict[str, tuple[float, float]]:
    """The smallest and the largest value of each dataset."""
    found: dict[str, list[float]] = {}
    for group in groups:
        found.setdefault(describe_dataset(group.case), []).extend(group.values.values())
    return {name: (min(values, default=0.0), max(values, default=0.0)) for name, values in found.items()}


def _ends(scales: Mapping[str, tuple[float, float]]) -> Iterator[tuple[str, tuple[str, str]]]:
    """What the left and the right end of each scale stand for; one of equal values has none."""
    for name, (low, high) in scales.items():
        if low < high:
            margin = _MARGIN * (high - low) / (1 - 2 * _MARGIN)
            yield name, (f"{low - margin:.4f}", f"{high + margin:.4f}")


def _strip(group: Group, scale: tuple[float, float]) -> Strip | None:
    """The values of `group` on the scale of its dataset; None where there are none or all are equal."""
    low, high = scale
    if group.summary is None or low == high:
        return None

    def place(value: float) -> float:
        share = (value - low) / (high - low)
        return round(min(1.0, max(0.0, _MARGIN + (1 - 2 * _MARGIN) * share)), 4)

    mean, spread = group.summary.mean, group.summary.deviation or 0.0
    values = sorted({place(value) for value in group.values.values()})
    return Strip(tuple(values), place(mean), place(mean - spread), place(mean + spread))
