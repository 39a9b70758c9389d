from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from celu_cli.case.cost import cost_of
from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.case.shares import count_shares, images_at_once, share_images


def shares_of(*overrides: str, threads: int) -> int:
    case = load_case("case-c", overrides)
    return count_shares(case, plan_network(case), threads)


def test_one_two_and_four_threads_get_the_same_shares_of_a_batch_that_memory_cuts() -> None:
    assert [shares_of(threads=threads) for threads in (1, 2, 3, 4, 8)] == [4, 4, 6, 4, 8]


def test_a_narrow_network_gets_a_share_for_each_thread_until_they_would_be_too_small() -> None:
    assert [shares_of("network.filters=16", threads=threads) for threads in (1, 2, 16, 64)] == [1, 2, 16, 16]
    assert [shares_of("batch_size=5", threads=threads) for threads in (1, 8)] == [1, 1]


@given(batch=st.integers(1, 3_000), filters=st.integers(1, 400), threads=st.integers(1, 128))
def test_shares_are_never_larger_than_memory_allows_nor_more_than_images(
    batch: int, filters: int, threads: int
) -> None:
    case = load_case("case-c", [f"network.filters={filters}", f"batch_size={batch}"])
    plan = plan_network(case)
    shares = count_shares(case, plan, threads)
    assert 1 <= shares <= batch
    assert -(-batch // shares) <= share_images(plan)


def test_what_a_case_says_is_taken_on_every_machine() -> None:
    assert {shares_of("shares=3", threads=threads) for threads in (1, 2, 64)} == {3}
    assert shares_of("shares=3", "batch_size=2", threads=4) == 2


def test_fewer_threads_have_fewer_images_in_memory() -> None:
    case = load_case("case-c")
    plan = plan_network(case)
    assert [images_at_once(case, plan, threads) for threads in (1, 2, 4)] == [25, 50, 100]
    one, two = (cost_of(case, plan, threads).activation_memory for threads in (1, 2))
    assert two == 2 * one
