"""What a column makes of a value, and a table of its rows."""

from __future__ import annotations

from typing import Any

import pytest

from celu_cli.analysis.compare.columns import Column, Records, records_of
from celu_cli.errors import UsageError


def records(*values: Any) -> Records:
    described = (Column("name", str, "name"), Column("value", lambda value: value, "value", "{:.2f}"))
    return Records(described, records_of(described, values))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (float("nan"), "not finite"),
        (float("-inf"), "not finite"),
        (-0.001, "0.00"),
        (1.0, "1.00"),
    ],
)
def test_a_cell_says_what_is_missing_or_no_number(value: float | None, cell: str) -> None:
    table = records(value)
    assert table.cells(table.columns[1]) == [cell]


def test_rows_without_a_value_are_sorted_last_either_way() -> None:
    table = records(2.0, None, 1.0, float("nan"))
    assert [row["name"] for row in table.sorted_by("value").rows] == ["1.0", "2.0", "None", "nan"]
    assert [row["name"] for row in table.sorted_by("value", reverse=True).rows] == [
        "2.0",
        "1.0",
        "None",
        "nan",
    ]
    with pytest.raises(UsageError, match="did you mean value"):
        table.sorted_by("valeu")
