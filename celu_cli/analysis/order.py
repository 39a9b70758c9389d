"""Rows in the order a person asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from celu_cli.analysis.metric import Metric, is_loss
from celu_cli.case.words import nearest_word
from celu_cli.errors import UsageError

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
