from __future__ import annotations

from pathlib import Path

import pytest

from celu_cli.case import cost as memory
from celu_cli.case.load import load_case, resolve_case
from celu_cli.errors import CaseError


@pytest.fixture(autouse=True)
def machine_of_one_gigabyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "machine_memory", lambda: 10**9)


def test_a_network_that_no_memory_holds_is_refused_before_anything_is_built() -> None:
    with pytest.raises(CaseError) as caught:
        load_case("case-c", ["network.filters=1000000000"])
    text = str(caught.value)
    assert text.startswith('override 1 "network.filters=1000000000": network: training needs at least ')
    assert text.endswith(" EB of memory and this machine has 1.0 GB; accepted: fewer filters")


def test_shares_that_are_too_large_for_the_machine_are_refused_and_a_batch_of_any_size_is_not() -> None:
    with pytest.raises(CaseError, match=r"or more than 1 share$"):
        load_case("case-c", ["batch_size=50000", "shares=1"])
    assert load_case("case-c", ["batch_size=50000"]).batch_size == 50_000


def test_a_case_can_be_looked_at_and_a_run_read_on_a_smaller_machine() -> None:
    large = ["batch_size=50000"]
    assert resolve_case("case-c", large).case == load_case("case-c", large, to_train=False)


def test_where_the_system_does_not_tell_its_memory_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "machine_memory", lambda: None)
    assert load_case("case-c", ["batch_size=50000"]).batch_size == 50_000
