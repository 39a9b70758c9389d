from __future__ import annotations

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
