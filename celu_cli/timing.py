"""How long several ways of doing a thing take, measured in turns so that a change of the machine meets all of them.

Nothing here knows what is timed: a way is a function that does the thing once and returns its own milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from celu_cli.errors import CeluError

WARM_UP = 2  # the first call compiles and fills memory, the second shows how long a call takes
_FEWEST = 3  # as many as a median and a spread need

Way = Callable[[], float]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Timing:
    """The milliseconds of each call after the warm-up, and of the very first call, which compiles."""

    milliseconds: tuple[float, ...]
    first: float

    @property
    def n(self) -> int:
        return len(self.milliseconds)

    @property
    def median(self) -> float:
        return median(self.milliseconds)

    @property
    def smallest(self) -> float:
        return min(self.milliseconds)

    @property
    def largest(self) -> float:
        return max(self.milliseconds)

    def record(self) -> dict[str, Any]:
        """What a file keeps of it, in milliseconds to the microsecond."""
        numbers = {name: round(getattr(self, name), 3) for name in ("median", "smallest", "largest", "first")}
        return {"n": self.n, **numbers, "milliseconds": [round(one, 3) for one in self.milliseconds]}


@dataclass
class Turns:
    """What came of each way: its timing, or why it has none."""

    timings: dict[str, Timing] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def clocked(step: Callable[[], object]) -> Way:
    """`step` as a way: called once and timed here."""

    def way() -> float:
        start = time.perf_counter()
        step()
        return 1e3 * (time.perf_counter() - start)

    return way


def take_turns(
    ways: Mapping[str, Way],
    repeats: int,
    *,
    warm_up: int = WARM_UP,
    seconds_each: float = 60.0,
    progress: Progress = lambda _: None,
) -> Turns:
    """Call every way `warm_up` times without counting, then all in turn, A B C A B C, `repeats` times.

    A way so slow that its repeats would take more than `seconds_each` is called fewer times, but three times if
    `repeats` allows. One that raises a `CeluError` is left out from then on, and the others go on. `progress` is given
    the name of the way that comes next.
    """
    turns = Turns()

    def call(name: str, times: int) -> list[float]:
        progress(name)
        try:
            return [ways[name]() for _ in range(times)]
        except CeluError as error:
            turns.failures[name] = str(error)
            return []

    warmed = {name: call(name, warm_up) for name in ways}
    planned = {
        name: affordable(repeats, times[-1], seconds_each) if times else repeats
        for name, times in warmed.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats):
        for name in [name for name, n in planned.items() if turn < n and name not in turns.failures]:
            taken[name] += call(name, 1)
    turns.timings = {
        name: Timing(tuple(times), [*warmed[name], *times][0])
        for name, times in taken.items()
        if name not in turns.failures
    }
    return turns


def affordable(repeats: int, milliseconds: float, seconds: float) -> int:
    """How many of `repeats` calls of `milliseconds` fit into `seconds`; at least three, if so many are wanted."""
    fitting = int(1e3 * seconds / max(milliseconds, 1e-6))
    return min(repeats, max(_FEWEST, fitting))
