"""The columns that tell what was trained, the same in every table of runs."""

from __future__ import annotations

from typing import TypedDict

from celu_cli.case.schema import Case
from celu_cli.runs.wording import alpha_of, backprop_words, dataset_words, optimizer_words


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
        "dataset": dataset_words(case),
        "activation": case.activation,
        "alpha": alpha_of(case),
        "backprop": backprop_words(case),
        "optimizer": optimizer_words(case),
        "learning_rate": case.optimizer.learning_rate,
        "precision": case.precision,
    }
