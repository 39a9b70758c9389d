"""Tables that fit their terminal."""

from __future__ import annotations

from celu_cli.cli.output.tables import Column, fit


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
