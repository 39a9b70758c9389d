"""Time how long the user waits: for help, for tables, and for the first step of a training.

Usage: python -m benchmarks.startup [--repeats 10] [--quick] [--output DIR]

Every call is a new process. The first calls, which fill the page cache, are not counted. A run to its first step is the
real `celu run`, from the start of the process to the event of its first step.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.reading import make_runs
from benchmarks.runs import run_process, watched_run
from benchmarks.shared import (
    TINY,
    Target,
    announce,
    left_out,
    parser_of,
    table,
    times_table,
    turns_record,
    write_part,
)
from benchmarks.turns import ROOT
from celu_cli.timing import Turns, Way, take_turns

RUNS = 20
PYTHON = "python, nothing imported"
HELP, CASES, COMPARE = "celu --help", "celu cases", f"celu compare, {RUNS} runs"
COMMANDS = {HELP: ["--help"], CASES: ["cases"], COMPARE: ["compare"]}
FIRST_STEPS = {
    "case-c": ("case-c", "--sample"),
    "case-c, 16 filters": ("case-c", "--sample", "network.filters=16"),
    "case-a": ("case-a", "--sample"),
}
SLOWEST_IMPORTS = 8


def commands(directory: Path) -> dict[str, Way]:
    """Each command, and the interpreter alone beside it, in a directory that has runs."""

    def way(words: list[str]) -> Way:
        return lambda: 1e3 * run_process(words, directory=directory).seconds

    plain = {PYTHON: way(["-c", "pass"])}
    return plain | {name: way(["-m", "celu_cli", *words]) for name, words in COMMANDS.items()}


def first_step(words: tuple[str, ...], until_training: list[float]) -> Way:
    """A run until its first step is done; `until_training` gets the seconds until the training began."""

    def way() -> float:
        done = watched_run(["run", *words], steps=1)
        until_training.append(done.first("TrainingStarted"))
        return 1e3 * done.first("StepsDone")

    return way


def import_times(words: list[str], directory: Path) -> dict[str, float]:
    """Milliseconds that importing each top-level package takes for a command, what it imports itself not counted."""
    timed = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "celu_cli", *words],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    sums: defaultdict[str, float] = defaultdict(float)
    for line in timed.splitlines():
        if line.startswith("import time:") and "self" not in line:
            own, _, name = line.removeprefix("import time:").split("|")
            sums[name.strip().split(".")[0]] += int(own) / 1e3
    return dict(sorted(sums.items(), key=lambda pair: -pair[1]))


def imports_table(found: dict[str, dict[str, float]]) -> str:
    """The packages that any command spends the most on, and all others together."""
    shares: defaultdict[str, float] = defaultdict(float)
    for sums in found.values():
        for package, milliseconds in sums.items():
            shares[package] = max(shares[package], milliseconds)
    chosen = sorted(shares, key=lambda package: -shares[package])[:SLOWEST_IMPORTS]
    rows = [[package, *(f"{sums.get(package, 0.0):.0f}" for sums in found.values())] for package in chosen]
    rest = [sum(sums.values()) - sum(sums.get(package, 0.0) for package in chosen) for sums in found.values()]
    rows += [["all others", *(f"{value:.0f}" for value in rest)]]
    rows += [["together", *(f"{sum(sums.values()):.0f}" for sums in found.values())]]
    return table(["imported, ms", *found], rows)


def judge(short: Turns, long: Turns) -> list[Target]:
    """Seconds, medians."""

    def seconds(turns: Turns, name: str) -> float | None:
        return turns.timings[name].median / 1e3 if name in turns.timings else None

    return [
        Target(f"{HELP}, s", seconds(short, HELP), 0.30, at_most=True),
        Target(f"{CASES}, s", seconds(short, CASES), 0.30, at_most=True),
        Target(f"{COMPARE}, s", seconds(short, COMPARE), 0.80, at_most=True),
        Target("celu run case-c to its first step, s", seconds(long, "case-c"), 6.5, at_most=True),
    ]


def first_steps_table(long: Turns, until_training: dict[str, list[float]]) -> str:
    """Seconds to the first step; the part before the training begins is TensorFlow's import and the data."""
    rows = [
        [
            name,
            *(f"{value / 1e3:.2f}" for value in (timing.median, timing.smallest, timing.largest)),
            str(timing.n),
            f"{median(until_training[name]):.2f}",
        ]
        for name, timing in long.timings.items()
    ]
    heading = ["celu run to its first step", "median s", "smallest", "largest", "n", "before training, s"]
    return table(heading, rows) + left_out(long.failures)


def main() -> None:
    arguments = parser_of(__doc__).parse_args()
    warm_up = 0 if arguments.quick else 1
    chosen = {"case-c, tiny": ("case-c", "--sample", *TINY)} if arguments.quick else FIRST_STEPS
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "logs").mkdir()
        make_runs(directory / "logs", RUNS, epochs=50)
        short = take_turns(
            commands(directory), arguments.repeats, warm_up=warm_up, progress=announce("startup")
        )
        imports = {name: import_times(words, directory) for name, words in COMMANDS.items()}
    until_training: dict[str, list[float]] = {name: [] for name in chosen}
    ways = {name: first_step(words, until_training[name]) for name, words in chosen.items()}
    long = take_turns(
        ways, arguments.repeats, warm_up=warm_up, seconds_each=120.0, progress=announce("startup")
    )
    counted = {name: seconds[warm_up:] for name, seconds in until_training.items()}
    pages = [
        times_table(short, PYTHON),
        imports_table(imports),
        first_steps_table(long, counted),
    ]
    record: dict[str, Any] = {
        "commands": turns_record(short),
        "import_milliseconds": imports,
        "first_step": turns_record(long),
        "seconds_before_training": counted,
    }
    targets = [] if arguments.quick else judge(short, long)
    print(write_part(arguments.output, "startup", "Starting", record, "\n".join(pages), targets))


if __name__ == "__main__":
    main()
