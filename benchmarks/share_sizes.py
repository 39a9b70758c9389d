"""A step of case-c against threads and the images of a share; and what more threads would make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

from benchmarks.shared import TINY, digits, left_out, table
from benchmarks.turns import Row, measure_rows
from celu_cli.case.load import load_case
from celu_cli.machine import cpu_threads
from celu_cli.timing import Turns

SHARES = (16, 8, 4, 2)
CALCULATED = (4, 8, 16)
_SAID = """
On one thread a step takes this long for an image, by the images of a share. **What follows is calculated from it, not
measured**: the ms that a step would take on more threads, each computing one share after another, if memory
bandwidth did not limit them and what is done once a step (the update) were divided among them too.

"""


class Setting(NamedTuple):
    """A network of case-c, on so many threads, cut into each number of shares."""

    name: str
    overrides: tuple[str, ...]
    threads: int
    shares: Sequence[int]

    @property
    def batch_size(self) -> int:
        return load_case("case-c", self.overrides).batch_size

    def images(self, shares: int) -> int:
        """Those of a share, but perhaps of the last."""
        return ceil(self.batch_size / shares)

    def rows(self) -> dict[int, Row]:
        """For each number of shares."""
        words = (*self.overrides, "backprop=manual", "dataset.sample=true")
        return {
            count: Row(
                f"{self.images(count)} images a share", "celu", "celu", "case-c", (*words, f"shares={count}")
            )
            for count in self.shares
        }


def settings(quick: bool) -> Iterator[Setting]:
    """A process each, whose rows take turns; no thread is to be without a share."""
    if quick:
        yield Setting("8 filters", TINY, 1, (2, 1))
        return
    for filters in (200, 16):
        for threads in (2**power for power in range(cpu_threads().bit_length())):
            shares = [count for count in SHARES if count >= threads]
            if shares:
                yield Setting(f"{filters} filters", (f"network.filters={filters}",), threads, shares)


def measure(chosen: Sequence[Setting], repeats: int, progress: Callable[[str], None]) -> list[Turns]:
    found = []
    for setting in chosen:
        progress(f"{setting.name}, shares, threads: {setting.threads}")
        found.append(measure_rows(list(setting.rows().values()), repeats, threads=setting.threads))
    return found


def page(measured: Sequence[tuple[Setting, Turns]]) -> str:
    """What was measured, and from one thread the calculation for more."""
    rows, calculated = [], []
    reasons: dict[str, str] = {}
    for setting, turns in measured:
        place = [setting.name, str(setting.threads)]
        reasons |= {f"{', '.join(place)} threads, {row}": reason for row, reason in turns.failures.items()}
        for count, row in setting.rows().items():
            if timing := turns.timings.get(row.name):
                images = setting.images(count)
                times = [digits(value) for value in (timing.median, timing.smallest, timing.largest)]
                rows.append([*place, str(images), *times, str(timing.n)])
                if setting.threads == 1:
                    of_image = timing.median / setting.batch_size
                    more = (step_milliseconds(setting, count, of_image, threads) for threads in CALCULATED)
                    calculated.append([setting.name, str(images), digits(of_image), *map(digits, more)])
    heading = ["case-c with", "threads", "images a share", "step ms", "smallest", "largest", "n"]
    more = ["case-c with", "images a share", "ms an image", *(f"{threads} threads" for threads in CALCULATED)]
    return table(heading, rows) + left_out(reasons) + _SAID + table(more, calculated)


def step_milliseconds(setting: Setting, shares: int, of_image: float, threads: int) -> float:
    """Of the thread that has most to do: as many whole shares as it gets."""
    images = setting.images(shares)
    return ceil(ceil(setting.batch_size / images) / threads) * images * of_image
