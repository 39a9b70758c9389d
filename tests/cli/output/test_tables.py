"""Tables that fit their terminal."""

from __future__ import annotations

import pytest

from celu_cli.cli.output import tables
from celu_cli.cli.output.tables import Column, fit, table_lines


def test_a_narrow_terminal_keeps_what_is_to_leave_last() -> None:
    name, wide, narrow = (
        Column("name", ["x"]),
        Column("a wide heading", ["1"], leaves=2),
        Column("n", ["2"], leaves=1),
    )
    assert fit([name, wide, narrow], 30) == [name, wide, narrow]
    assert fit([name, wide, narrow], 20) == [name, wide]
    assert fit([name, wide, narrow], 10) == [name, narrow]
    assert fit([name, wide, narrow], 2) == [name]


def test_the_work_for_a_table_grows_as_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def cell_len(text: str) -> int:
        measured.append(text)
        return len(text)

    monkeypatch.setattr(tables, "cell_len", cell_len)
    rows = [str(number) for number in range(500)]
    lines = table_lines([Column("case", rows), Column("epochs", rows, right=True)])
    assert [line.plain.split() for line in lines[1:]] == [[row, row] for row in rows]
    assert len(measured) <= 5 * len(rows)
