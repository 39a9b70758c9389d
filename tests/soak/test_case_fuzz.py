from __future__ import annotations

import time
from pathlib import Path

import pytest

from celu_cli.errors import CaseError
from tests.soak import case_fuzz
from tests.soak.case_fuzz import fuzz_cases


def test_a_damaged_case_is_a_case_or_an_error_with_a_place_and_no_traceback() -> None:
    figures = fuzz_cases(300, seed=1)
    assert figures.faults == []
    assert figures.valid + figures.refused == figures.cases == 300
    # Both happen, or the damage is of one kind alone.
    assert figures.valid >= 10
    assert figures.refused >= 100


def test_the_same_seed_damages_in_the_same_way() -> None:
    one, other = fuzz_cases(40, seed=2), fuzz_cases(40, seed=2)
    assert (one.valid, one.refused) == (other.valid, other.refused)


def test_a_traceback_a_lost_place_and_a_slow_case_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve_badly(_: Path) -> None:
        calls.append(time.process_time())
        if len(calls) == 1:
            raise ValueError("a bug")
        raise CaseError("something is wrong somewhere")

    calls: list[float] = []
    monkeypatch.setattr(case_fuzz, "resolve_case", resolve_badly)
    monkeypatch.setattr(case_fuzz, "MOST_SECONDS", -1.0)
    figures = fuzz_cases(2, seed=3)
    assert [len(figures.tracebacks), len(figures.without_position), len(figures.slow)] == [1, 1, 2]
