"""Time a step against filters, batch and threads, with the floor beside it; draw it. Then against shares and threads.

Usage: python -m benchmarks.scaling [--repeats 5] [--minutes 30] [--quick] [--output DIR]

Every point is a process of its own. A point that would not fit into the memory that is free, or into what is left of
the minutes, is left out and named. The shares come after these minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import share_sizes
from benchmarks.shared import announce, digits, left_out, parser_of, say, table, turns_record, write_part
from benchmarks.turns import Row, measure_rows
from celu_cli.analysis.plots.style import BLUE, VERMILLION, save_figure
from celu_cli.case.cost import cost_of
from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.machine import cpu_threads, machine_memory
from celu_cli.timing import WARM_UP, Turns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANUAL, FLOOR = "celu manual", "floor"
FILTERS = (25, 50, 100, 200, 400)
BATCHES = (25, 50, 100, 200, 400, 800)
# A process holds TensorFlow, and several times the tensors that a step must keep: scratch, operands of the floor.
_BASE_MEMORY = 1e9
_TIMES_KEPT = 7.0
_SLOWEST = 2e9  # FLOP/s; what a point is taken to need before any was measured
_START_SECONDS = 20.0


class Point(NamedTuple):
    """A place on one of the three axes: filters, batch or threads."""

    axis: str
    value: int
    overrides: tuple[str, ...]
    threads: int

    @property
    def name(self) -> str:
        return f"{self.value} {self.axis}"


@dataclass(frozen=True)
class Needs:
    """What a point is expected to cost."""

    flops: float  # of one step
    memory: float

    def seconds(self, repeats: int, speed: float) -> float:
        """Of both rows with their warm-up, the floor taken to be as slow as the step."""
        return _START_SECONDS + 2 * (repeats + WARM_UP) * self.flops / speed


def points(quick: bool) -> Iterator[Point]:
    """case-c, with one thing varied at a time."""
    threads = cpu_threads()
    if quick:
        yield Point("filters", 8, ("network.filters=8", "batch_size=10"), threads)
        return
    for filters in FILTERS:
        yield Point("filters", filters, (f"network.filters={filters}",), threads)
    for batch in BATCHES:
        yield Point("images a step", batch, (f"batch_size={batch}",), threads)
    for count in (1, 2, 4, 8, 16, 32, 64):
        if count <= threads:
            yield Point("threads", count, (), count)


def needs_of(point: Point) -> Needs:
    case = load_case("case-c", [*point.overrides, "dataset.sample=true", "shares=1"])  # as the floor
    plan = plan_network(case)
    return Needs(
        float(plan.training_flops * case.batch_size),
        _BASE_MEMORY + _TIMES_KEPT * cost_of(case, plan).memory,
    )


def free_memory() -> float:
    """Bytes available without displacing other processes: what Linux reports, or three quarters of the machine's."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return 0.75 * (machine_memory() or 8e9)
    kilobytes = next(line.split()[1] for line in text.splitlines() if line.startswith("MemAvailable"))
    return 0.85 * 1024 * int(kilobytes)


def measure(
    chosen: list[Point], repeats: int, minutes: float, progress: Callable[[str], None]
) -> tuple[dict[Point, Turns], dict[str, str]]:
    """The times of each point that memory and time allow, and why the others were left out."""
    until = time.monotonic() + 60.0 * minutes
    found: dict[Point, Turns] = {}
    reasons: dict[str, str] = {}
    speed = _SLOWEST
    for point in chosen:
        needs, free, left = needs_of(point), free_memory(), until - time.monotonic()
        if needs.memory > free:
            reasons[point.name] = f"needs about {needs.memory / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
            continue
        if needs.seconds(repeats, speed) > left:
            reasons[point.name] = f"would not be done in the {minutes:g} minutes (--minutes)"
            continue
        progress(point.name)
        turns = measure_rows(rows_of(point), repeats, threads=point.threads)
        reasons |= {f"{point.name}, {row}": reason for row, reason in turns.failures.items()}
        if turns.timings.keys() >= {MANUAL, FLOOR}:
            found[point] = turns
            speed = 1e3 * needs.flops / turns.timings[MANUAL].median
    return found, reasons


def rows_of(point: Point) -> list[Row]:
    words = (*point.overrides, "backprop=manual", "dataset.sample=true")
    return [Row(MANUAL, "celu", "celu", "case-c", words), Row(FLOOR, "celu", "floor", "case-c", words)]


def points_table(found: dict[Point, Turns]) -> str:
    """GFLOP are those of the direct convolutions: Winograd's algorithm needs fewer, so its GFLOP/s may exceed them."""
    rows = []
    for point, turns in found.items():
        step, floor, flops = turns.timings[MANUAL], turns.timings[FLOOR], needs_of(point).flops
        rows.append(
            [
                point.name,
                digits(flops / 1e9),
                *(digits(value) for value in (step.median, step.smallest, step.largest, floor.median)),
                str(step.n),
                digits(flops / 1e6 / step.median),
                f"{floor.median / step.median:.2f}",
            ]
        )
    heading = [
        "case-c with",
        "GFLOP",
        "step ms",
        "smallest",
        "largest",
        "floor ms",
        "n",
        "GFLOP/s",
        "floor / step",
    ]
    return table(heading, rows)


def draw(found: dict[Point, Turns]) -> Figure:
    """A panel for each axis, both scales logarithmic: a straight line of slope 1 is proportional."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    names = list(dict.fromkeys(point.axis for point in found))
    figure = Figure(figsize=(3.4 * len(names) + 0.8, 3.8), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for name, axes in zip(names, panels, strict=True):
        along = [point for point in found if point.axis == name]
        values = [point.value for point in along]
        for row, colour, style in ((MANUAL, BLUE, "o-"), (FLOOR, VERMILLION, "o--")):
            medians = [found[point].timings[row].median for point in along]
            axes.plot(values, medians, style, color=colour, markersize=4, label=row)
        axes.set(xscale="log", yscale="log", xlabel=name)
        axes.set_xticks(values, [str(value) for value in values])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="x", which="minor", length=0)
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
    panels[0].set_ylabel("ms a step, median")
    panels[0].legend(frameon=False)
    figure.suptitle("case-c: a step, and its convolutions alone", fontsize=11)
    return figure


def main() -> None:
    parser = parser_of(__doc__, repeats=5)
    parser.add_argument("--minutes", type=float, default=30.0, help="what all points may take (%(default)s)")
    arguments = parser.parse_args()
    progress = announce("scaling")
    found, reasons = measure(list(points(arguments.quick)), arguments.repeats, arguments.minutes, progress)
    settings = list(share_sizes.settings(arguments.quick))
    of_shares = share_sizes.measure(settings, arguments.repeats, progress)
    record: dict[str, Any] = {
        "points": [point._asdict() | turns_record(turns) for point, turns in found.items()],
        "not_measured": reasons,
        "shares": [
            setting._asdict() | turns_record(turns)
            for setting, turns in zip(settings, of_shares, strict=True)
        ],
    }
    page = points_table(found) + left_out(reasons)
    if found:
        picture = arguments.output / "scaling.png"
        save_figure(lambda: draw(found), picture, "png")
        page += "\n![Time of a step against filters, batch and threads, with the floor](scaling.png)\n"
    else:
        say("  scaling: nothing could be measured")
    page += f"\n### Shares and threads\n\n{share_sizes.page(list(zip(settings, of_shares, strict=True)))}"
    print(write_part(arguments.output, "scaling", "Scaling", record, page))


if __name__ == "__main__":
    main()
