"""Run the parts of the benchmark one after the other, each in a process of its own.

Usage: python -m benchmarks [--parts step profile loop startup memory scaling reading] [--quick] [--output DIR]

A part that fails is reported, and the others continue. Each writes PART.json and PART.md; tables.md has all pages.
With --quick the parts run at the same time on tiny networks, to see that they work: their numbers mean nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.shared import PARTS, RESULTS, TABLES, join_tables, say
from benchmarks.turns import ROOT
from celu_cli.text import duration


def start(part: str, output: Path, quick: bool) -> subprocess.Popen[bytes]:
    command = [
        f"benchmarks.{part}",
        "--output",
        str(output),
        *(["--quick", "--repeats", "1"] if quick else []),
    ]
    # The pages are in files; what a part says while it works goes to stderr as it is.
    return subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=Path, help="directory of the results (benchmarks/results)")
    arguments = parser.parse_args()
    output = (arguments.output or (ROOT / "build" / "bench" if arguments.quick else RESULTS)).resolve()
    failed = []
    running = []
    begun = time.monotonic()
    for part in arguments.parts:
        say(f"{duration(time.monotonic() - begun)} {part}")
        running.append((part, start(part, output, arguments.quick)))
        if not arguments.quick:
            running[-1][1].wait()
    for part, process in running:
        if process.wait() != 0:
            failed.append(part)
            say(f"{part} failed with {process.returncode}; try python -m benchmarks.{part} alone")
    output.mkdir(parents=True, exist_ok=True)
    join_tables(output)
    print((output / TABLES).read_text(encoding="utf-8"))
    say(f"{duration(time.monotonic() - begun)} done; the tables are in {output / TABLES}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
