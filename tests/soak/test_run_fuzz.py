from __future__ import annotations

from pathlib import Path

from tests.soak.run_fuzz import fuzz_runs


def test_a_damaged_run_is_read_or_named_costs_no_other_run_and_is_resumed_or_left_as_it_is(
    tmp_path: Path,
) -> None:
    figures = fuzz_runs(6, 4, tmp_path)
    assert figures.faults == []
    assert figures.damages == 6
    # Each happens, or the damage is of one kind alone.
    assert figures.named >= 1
    assert figures.resumed >= 1
    assert figures.resumption_refused >= 1
