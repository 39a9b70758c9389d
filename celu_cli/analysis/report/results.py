"""The results of a report: what won, the table of groups, the table of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from celu_cli.analysis.compare.group_rows import GroupRow, group_rows, notes_of
from celu_cli.analysis.compare.groups import Choice, Group
from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.run_rows import Row, compare_runs
from celu_cli.analysis.report.tables import Column, Strip, Table, make_table, number, text
from celu_cli.case.describe import describe_dataset
from celu_cli.runs.run import Run
from celu_cli.text import duration

_MARGIN = 0.04


@dataclass(frozen=True)
class Results:
    """Sentences, most important first, and the two tables."""

    sentences: tuple[str, ...]
    groups: Table
    runs: Table


def find_results(
    runs: Sequence[Run], groups: Sequence[Group], choice: Choice, baseline: Group | None
) -> Results:
    """What `groups`, which are of `runs`, came to.

    Raises:
        RunError: a published curve cannot be read.
    """
    rows = group_rows(groups, choice, baseline)
    sentences = [*_winners(rows, choice.metric), *(f"{row.sentence}." for row in rows if row.sentence)]
    if len(rows) > 1 and baseline is None:
        sentences.append(
            "Whether differences are more than chance is told against a baseline, which --baseline names."
        )
    return Results((*sentences, *_unfinished(runs)), _groups_table(rows, groups, choice), _runs_table(runs))


def _winners(rows: Sequence[GroupRow], metric: Metric) -> Iterator[str]:
    """The best group of each dataset, and the next."""
    best = "Lowest" if is_loss(metric) else "Highest"
    if not any(row.mean is not None for row in rows):
        yield "No run counts yet: none has finished with a value to compare."
    for dataset in dict.fromkeys(row.dataset for row in rows):
        known = [row for row in rows if row.dataset == dataset and row.mean is not None]
        known.sort(key=lambda row: row.mean or 0.0, reverse=not is_loss(metric))
        if not known:
            continue
        first, *others = known
        what = f"{metric.replace('-', ' ')} on {dataset}"
        if not others:
            yield f"{what[0].upper()}{what[1:]}: {_place(first)}."
        else:
            yield f"{best} {what}: {_place(first)}; next {_place(others[0])}."


def _place(row: GroupRow) -> str:
    spread = "" if row.deviation is None else f" ± {row.deviation:.4f}"
    epochs = f" after {row.epochs} epoch{'s' if row.epochs != 1 else ''}" if row.epochs else ""
    return f"{row.group}, {row.mean:.4f}{spread}{epochs} ({row.n} seed{'s' if row.n != 1 else ''})"


def _unfinished(runs: Sequence[Run]) -> Iterator[str]:
    found = Counter(run.status for run in runs if run.status != "completed")
    if found:
        states = ", ".join(f"{count} {status}" for status, count in found.items())
        yield f"Of {len(runs)} run{'s' if len(runs) != 1 else ''}, not completed: {states}."


def _groups_table(rows: Sequence[GroupRow], groups: Sequence[Group], choice: Choice) -> Table:
    signed = "{:+.4f}" if is_loss(choice.metric) else "{:+.2f}"
    columns = (
        Column("case", "group", text("group")),
        *_settings(),
        Column("epochs", "epochs", text("epochs"), "{} epochs", number=True),
        Column(choice.metric.replace("-", " "), "mean", number("mean"), number=True),
        Column("± sd", "deviation", number("deviation"), number=True),
        Column("n", "n", text("n"), number=True),
        Column("published", "published", number("published"), number=True),
        Column("points", "published_difference", number("published_difference", signed), number=True),
        Column("difference", "difference", number("difference", signed), number=True),
        Column("95 % interval", "low", lambda row: _interval(row, signed), number=True),
        Column("p", "p", number("p", "{:.3f}"), number=True),
        Column("Holm", "p_corrected", number("p_corrected", "{:.3f}"), number=True),
        Column("time", "seconds", _time, number=True),
        Column("left out", "left_out", text("left_out")),
    )
    strips = list(_strips(groups))
    notes = list(notes_of(rows))
    if any(strips):
        notes.append(
            "dots: the seeds that count, band: mean ± sd, line: mean; one scale for all rows of a dataset"
        )
    if len({row.epochs for row in rows if row.n}) > 1:
        notes.append("epochs differ between rows; --at-epoch compares all at the same one")
    return make_table("cases", "Cases, over their seeds", columns, rows, notes, strips if any(strips) else ())


def _settings() -> tuple[Column, ...]:
    return (
        Column("dataset", "dataset", text("dataset"), "{}"),
        Column("activation", "activation", text("activation"), "{}"),
        Column("alpha", "alpha", number("alpha", "{:g}"), "alpha {}", number=True),
        Column("backprop", "backprop", text("backprop"), "{} backprop"),
        Column("optimizer", "optimizer", text("optimizer"), "{}"),
        Column("rate", "learning_rate", number("learning_rate", "{:g}"), "rate {}", number=True),
    )


def _runs_table(runs: Sequence[Run]) -> Table:
    columns = (
        Column("run", "run", text("run")),
        Column("status", "status", text("status"), "{}"),
        *_settings(),
        Column("seed", "seed", text("seed"), "seed {}", number=True),
        Column("epochs", "epochs", lambda row: f"{row.epochs} of {row.epochs_asked}", number=True),
        Column("train", "train_accuracy", number("train_accuracy"), number=True),
        Column("test", "test_accuracy", number("test_accuracy"), number=True),
        Column("best test", "best_test_accuracy", number("best_test_accuracy"), number=True),
        Column("train loss", "train_loss", number("train_loss"), number=True),
        Column("test loss", "test_loss", number("test_loss"), number=True),
        Column("gap", "gap", number("gap", "{:.2f}"), number=True),
        Column("published", "published_test_accuracy", _published, number=True),
        Column("points", "published_difference", number("published_difference", "{:+.2f}"), number=True),
        Column("cosine", "mean_cosine", number("mean_cosine"), number=True),
        Column("time", "seconds", _time, number=True),
    )
    rows = compare_runs(runs)
    return make_table("runs", "Runs", columns, rows, _run_notes(rows))


def _run_notes(rows: Sequence[Row]) -> Iterator[str]:
    yield "train, test, losses: of the last epoch; gap: train minus test accuracy, in percentage points"
    if any(row.published_test_accuracy is not None for row in rows):
        yield "points: test accuracy minus the published one, in percentage points"
    if any("@" in _published(row) for row in rows):
        yield "@n: of epoch n, the last that the run and the published curve share"
    if any(row.mean_cosine is not None for row in rows):
        yield "cosine: of the gradient in use with the exact one, mean over layers and measurements"


def _published(row: Row) -> str:
    if row.published_test_accuracy is None:
        return ""
    at = "" if row.published_epoch == row.epochs else f" @{row.published_epoch}"
    return f"{row.published_test_accuracy:.4f}{at}"


def _interval(row: GroupRow, form: str) -> str:
    return "" if row.low is None or row.high is None else f"{form.format(row.low)} to {form.format(row.high)}"


def _time(row: GroupRow | Row) -> str:
    return "" if row.seconds is None else duration(row.seconds)


def _strips(groups: Sequence[Group]) -> Iterator[Strip | None]:
    """A picture for each group that has values, on one scale for a dataset; there is none where all are equal."""
    scales: dict[str, tuple[float, float]] = {}
    for group in groups:
        values, name = list(group.values.values()), describe_dataset(group.case)
        if values:
            low, high = scales.get(name, (values[0], values[0]))
            scales[name] = min(low, *values), max(high, *values)
    for group in groups:
        low, high = scales.get(describe_dataset(group.case), (0.0, 0.0))
        yield _strip(group, low, high) if group.values and high > low else None


def _strip(group: Group, low: float, high: float) -> Strip:
    def place(value: float) -> float:
        share = (value - low) / (high - low)
        return round(min(1.0, max(0.0, _MARGIN + (1 - 2 * _MARGIN) * share)), 4)

    summary = group.summary
    assert summary is not None
    spread = summary.deviation or 0.0
    values = sorted({place(value) for value in group.values.values()})
    return Strip(
        tuple(values), place(summary.mean), place(summary.mean - spread), place(summary.mean + spread)
    )
