from __future__ import annotations

import pytest

from celu_cli.errors import CeluError
from celu_cli.timing import Timing, affordable, clocked, take_turns


class Script:
    """Ways that note who was called and take the milliseconds they were told."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def way(self, name: str, *milliseconds: float) -> object:
        given = iter(milliseconds)

        def call() -> float:
            self.called.append(name)
            value = next(given)
            if value < 0:
                raise CeluError(f"{name} broke")
            return value

        return call


def test_ways_take_turns_after_their_warm_up() -> None:
    script = Script()
    ways = {"a": script.way("a", 9, 8, 1, 2), "b": script.way("b", 9, 8, 3, 4)}
    turns = take_turns(ways, 2)  # type: ignore[arg-type]
    assert "".join(script.called) == "aabb" + "abab"
    assert turns.timings == {"a": Timing((1, 2), first=9), "b": Timing((3, 4), first=9)}
    assert turns.failures == {}


def test_without_warm_up_the_first_counted_call_is_the_first() -> None:
    turns = take_turns({"a": Script().way("a", 5, 6)}, 2, warm_up=0)  # type: ignore[dict-item]
    assert turns.timings["a"] == Timing((5, 6), first=5)


@pytest.mark.parametrize("times", [(-1,), (9, -1), (9, 8, 1, -1)], ids=["first call", "warm-up", "later"])
def test_a_way_that_fails_is_left_out_and_the_others_go_on(times: tuple[float, ...]) -> None:
    script = Script()
    ways = {"a": script.way("a", *times), "b": script.way("b", 9, 8, 3, 4)}
    turns = take_turns(ways, 2)  # type: ignore[arg-type]
    assert turns.failures == {"a": "a broke"}
    assert list(turns.timings) == ["b"]
    assert turns.timings["b"].n == 2


def test_an_error_that_nobody_expects_is_not_swallowed() -> None:
    def bug() -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_turns({"a": bug}, 2)


def test_a_slow_way_is_called_less_often_and_says_so() -> None:
    script = Script()
    ways = {"slow": script.way("slow", 9, *[4_000.0] * 6), "quick": script.way("quick", *[1.0] * 12)}
    turns = take_turns(ways, 10, seconds_each=20.0)  # type: ignore[arg-type]
    assert (turns.timings["slow"].n, turns.timings["quick"].n) == (5, 10)


@pytest.mark.parametrize(
    ("repeats", "milliseconds", "n"), [(10, 1.0, 10), (10, 15_000.0, 4), (10, 40_000.0, 3), (2, 40_000.0, 2)]
)
def test_three_calls_are_made_however_slow_unless_fewer_are_wanted(
    repeats: int, milliseconds: float, n: int
) -> None:
    assert affordable(repeats, milliseconds, seconds=60.0) == n


def test_progress_hears_whose_turn_comes() -> None:
    told: list[str] = []
    script = Script()
    ways = {"a": script.way("a", 1, 1, 1), "b": script.way("b", 1, 1, 1)}
    take_turns(ways, 1, progress=told.append)  # type: ignore[arg-type]
    assert told == ["a", "b", "a", "b"]


def test_a_record_has_median_spread_and_every_call() -> None:
    assert Timing((3.0, 1.0, 2.00049), first=7.0).record() == {
        "n": 3,
        "median": 2.0,
        "smallest": 1.0,
        "largest": 3.0,
        "first": 7.0,
        "milliseconds": [3.0, 1.0, 2.0],
    }


def test_a_step_is_clocked_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([10.0, 10.25])
    monkeypatch.setattr("time.perf_counter", lambda: next(moments))
    done: list[str] = []
    assert clocked(lambda: done.append("step"))() == 250.0
    assert done == ["step"]
