"""The long forms of the chaos tests: python -m tests.soak [--kills N] [--cases N] [--copies N] [--seed N] …

Kills and resumes runs, starts eight at once, damages case files, datasets and runs, tries odd command lines; prints
what came of it and exits with 1 when anything broke a promise of docs/reliability.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.soak.at_once import start_at_once
from tests.soak.case_fuzz import fuzz_cases
from tests.soak.command_fuzz import fuzz_commands
from tests.soak.data_fuzz import fuzz_data
from tests.soak.kills import kill_and_resume
from tests.soak.run_fuzz import fuzz_runs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--copies", type=int, default=500)
    parser.add_argument("--commands", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=11)
    words = parser.parse_args()

    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        faults = [
            *_tell("cases", lambda: fuzz_cases(words.cases, words.seed)),
            *_tell("copies of datasets", lambda: fuzz_data(words.copies, words.seed)),
            *_tell(
                "command lines", lambda: fuzz_commands(words.commands, words.seed, directory / "commands")
            ),
            *_tell("damaged runs", lambda: fuzz_runs(words.runs, words.seed, directory / "runs")),
            *_tell("runs killed", lambda: kill_and_resume(words.kills, words.seed, directory / "kills")),
        ]
        faults += [f"at once: {problem}" for problem in start_at_once(8, directory / "at-once")]
    for fault in faults:
        print(f"FAULT {fault}")
    print(f"{len(faults)} faults")
    return 1 if faults else 0


def _tell(what: str, measure: Callable[[], object]) -> list[str]:
    """Print the figures of one test and how long it took; return its faults."""
    begun = time.monotonic()
    figures = measure()
    counts = {
        key: len(value) if isinstance(value, list | tuple) else value for key, value in vars(figures).items()
    }
    print(f"{what}: {counts}, {time.monotonic() - begun:.0f} s", flush=True)
    faults: list[str] = getattr(figures, "faults", None) or []
    return list(faults)


if __name__ == "__main__":
    sys.exit(main())
