"""What every table of runs says of a case, and the order of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypedDict, TypeVar

from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.case.describe import alpha_of, describe_backprop, describe_dataset, describe_optimizer
from celu_cli.case.schema import Case
from celu_cli.errors import UsageError
from celu_cli.text import nearest_word


class CaseColumns(TypedDict):
    """What a row says of its case."""

    case: str
    dataset: str
    activation: str
    alpha: float | None
    backprop: str
    optimizer: str
    learning_rate: float
    precision: str


def case_columns(case: Case) -> CaseColumns:
    """The columns of `case`, to be spread into a row."""
    return {
        "case": case.name,
        "dataset": describe_dataset(case),
        "activation": case.activation,
        "alpha": alpha_of(case),
        "backprop": describe_backprop(case),
        "optimizer": describe_optimizer(case),
        "learning_rate": case.optimizer.learning_rate,
        "precision": case.precision,
    }


RowType = TypeVar("RowType")

_OF_THE_METRIC = {"mean", "lowest", "highest", "difference", "low", "high", "published_difference"}


def sort_rows(
    rows: Sequence[RowType], column: str, metric: Metric, *, reverse: bool = False
) -> list[RowType]:
    """`rows`, at least one, by a field of theirs; those without a value come last.

    Accuracies come largest first, and what is of the metric best first; all else comes smallest first. `reverse`
    turns that round.

    Raises:
        UsageError: there is no such field; the text lists them.
    """
    names = [field.name for field in fields(rows[0])]  # type: ignore[arg-type]
    name = column.replace("-", "_").replace(" ", "_")
    if name not in names:
        near = nearest_word(name, names)
        meant = f"; did you mean {near}?" if near else ""
        raise UsageError(f"--sort-by {column}: no such column{meant}; accepted: {', '.join(names)}")
    large = not is_loss(metric) if name in _OF_THE_METRIC else name.endswith(("accuracy", "cosine"))

    def value(row: RowType) -> Any:
        found = getattr(row, name)
        return None if found != found else found  # NaN has no place in an order

    known = [row for row in rows if value(row) is not None]
    unknown = [row for row in rows if value(row) is None]
    return sorted(known, key=value, reverse=large != reverse) + unknown
