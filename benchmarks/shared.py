"""What the parts of the benchmark share: their options, their targets, and the files that they write."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from celu_cli.machine import describe_machine, machine_memory
from celu_cli.timing import Turns

RESULTS = Path(__file__).with_name("results")
PARTS = ("step", "profile", "loop", "startup", "memory", "scaling", "reading")
TABLES = "tables.md"
_LOAD_BEFORE = describe_machine()["load"]  # as the part begins: later it is the benchmark's own
NO_TORCH = "PyTorch is not installed; it comes with the extra [bench]"
TINY = ("network.filters=8", "batch_size=10")  # what --quick makes of every case


@dataclass(frozen=True)
class Target:
    """A number that is to be at least `bound`, or with `at_most` at most; None where it could not be measured."""

    name: str
    measured: float | None
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound


def parser_of(
    document: str | None, repeats: int = 10, settings: Iterable[str] = ()
) -> argparse.ArgumentParser:
    """A part's parser with the options that all parts have, and `--only` where it has several settings."""
    parser = argparse.ArgumentParser(
        description=document, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repeats", type=int, default=repeats, help="calls of each row, warm-up not counted (%(default)s)"
    )
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="directory of the results (benchmarks/results)"
    )
    parser.add_argument("--quick", action="store_true", help="tiny networks: does it work at all?")
    if names := list(settings):
        parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    return parser


def has_torch() -> bool:
    return find_spec("torch") is not None


def say(text: str) -> None:
    """Show progress on stderr."""
    print(text, file=sys.stderr, flush=True)


def announce(part: str) -> Callable[[str], None]:
    """A progress that announces each row once, when it is first called."""
    announced: set[str] = set()

    def progress(name: str) -> None:
        if name not in announced:
            announced.add(name)
            say(f"  {part}: {name}")

    return progress


def machine() -> dict[str, Any]:
    """The machine, with the versions of the peers that are there."""
    found = describe_machine()
    for package in ("keras", "torch"):
        try:
            found["versions"][package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found | {"memory": machine_memory()}


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, words to the left and all other columns to the right."""
    aligned = ["---", *["---:"] * (len(heading) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (heading, aligned, *rows))


def times_table(turns: Turns, base: str, images: Mapping[str, int] | None = None) -> str:
    """A row for each timing, with the ratio of medians to the row `base`, and a line for each that is left out."""
    against = turns.timings.get(base)
    heading = ["step", "median ms", "smallest", "largest", "n", "first call s", f"/ {base}"]
    rows = [
        [
            name,
            *(digits(value) for value in (one.median, one.smallest, one.largest)),
            str(one.n),
            f"{one.first / 1e3:.1f}",
            f"{one.median / against.median:.2f}" if against else "",
        ]
        for name, one in turns.timings.items()
    ]
    if images:
        heading.append("images/s")
        for row in rows:
            row.append(digits(1e3 * images[row[0]] / turns.timings[row[0]].median))
    return table(heading, rows) + left_out(turns.failures)


def left_out(reasons: Mapping[str, str]) -> str:
    lines = [f"- {name}: {' '.join(reason.split())}\n" for name, reason in reasons.items()]
    return "".join(["\nNot measured:\n\n", *lines]) if lines else ""


def targets_table(targets: Sequence[Target]) -> str:
    words = {True: "yes", False: "no", None: "not measured"}
    return table(
        ["what", "target", "measured", "met"],
        [
            [
                one.name,
                f"{'≤' if one.at_most else '≥'} {one.bound:.2f}",
                "" if one.measured is None else f"{one.measured:.2f}",
                words[one.met],
            ]
            for one in targets
        ],
    )


def turns_record(turns: Turns) -> dict[str, Any]:
    return {
        "rows": {name: timing.record() for name, timing in turns.timings.items()},
        "not_measured": turns.failures,
    }


def ratio(turns: Turns, above: str, below: str) -> float | None:
    """Of the medians of two rows; None where one was not measured."""
    if not {above, below} <= turns.timings.keys():
        return None
    return turns.timings[above].median / turns.timings[below].median


def digits(value: float) -> str:
    """Three digits, but no fewer than the whole number has."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def write_part(
    directory: Path,
    part: str,
    title: str,
    record: dict[str, Any],
    markdown: str,
    targets: Sequence[Target] = (),
) -> str:
    """Write PART.json and PART.md, put the pages of all parts that are there into one file, and return this part's."""
    directory.mkdir(parents=True, exist_ok=True)
    found = machine() | {"load_before": _LOAD_BEFORE}
    judged = [asdict(target) | {"met": target.met} for target in targets]
    text = json.dumps({"machine": found, **record, "targets": judged}, indent=2, allow_nan=False)
    (directory / f"{part}.json").write_text(text + "\n", encoding="utf-8")
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    heading = (
        f"## {title}\n\n{found['time']}, {found['processor']}, {found['threads']} threads, load "
        f"{found['load_before']} before, {found['load']} at the end; {versions}.\n\n"
    )
    page = heading + markdown + (f"\n{targets_table(targets)}" if targets else "")
    (directory / f"{part}.md").write_text(page, encoding="utf-8")
    join_tables(directory)
    return page


def join_tables(directory: Path) -> None:
    """Put the pages of all parts that are there into one file."""
    parts = [directory / f"{name}.md" for name in PARTS]
    pages = [path.read_text(encoding="utf-8") for path in parts if path.exists()]
    (directory / TABLES).write_text("\n".join(pages), encoding="utf-8")
