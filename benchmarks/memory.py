"""Measure the memory of a training: its peak, beside the article's graph and pipeline, and whether it grows.

Usage: python -m benchmarks.memory [--repeats 3] [--quick] [--output DIR]

Every row is a process of its own; its peak is what the system counted as resident. Growth is measured in one real run
of many epochs of a small net, after each epoch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.runs import run_process, watched_run
from benchmarks.shared import TINY, announce, left_out, parser_of, table, write_part
from celu_cli.errors import CeluError

STEPS = 5
IMAGES = 50_000
EPOCHS = 20
SETTLED = 5  # the epoch from which growth is counted: until then caches fill


def peaks(case: str, overrides: tuple[str, ...], images: int) -> dict[str, Callable[[], int]]:
    """What each row runs; it returns the peak in bytes."""

    def pipeline(kind: str) -> Callable[[], int]:
        words = ["-m", "benchmarks.pipelines", kind, case, str(STEPS), str(images), *overrides]
        return lambda: run_process(words, directory=Path(tempfile.gettempdir())).peak_memory

    def whole_epoch() -> int:
        return watched_run(["run", case, *overrides, "dataset.sample=true", "epochs=1"]).peak_memory

    return {
        "TensorFlow imported, nothing done": pipeline("tensorflow"),
        f"celu, {STEPS} steps, {images:,} + {images // 5:,} images": pipeline("celu"),
        f"article's graph and pipeline, {STEPS} steps, {images:,} + {images // 5:,} images": pipeline(
            "article"
        ),
        "celu run, an epoch of the sample with its test": whole_epoch,
    }


def growth(epochs: int) -> list[int]:
    """Bytes in use after each epoch of a run of a small net."""
    done = watched_run(["run", "case-c", "network.filters=8", "dataset.sample=true", f"epochs={epochs}"])
    return [stamp["memory"] for stamp in done.stamps if stamp["event"] == "EpochDone" and stamp["memory"]]


def growth_table(used: list[int]) -> str:
    """Some epochs, and what an epoch adds once caches are full."""
    chosen = [number for number in (1, 2, SETTLED, 10, 15, len(used)) if number <= len(used)]
    rows = [[f"after epoch {number}", megabytes(used[number - 1])] for number in dict.fromkeys(chosen)]
    if len(used) > SETTLED:
        each = (used[-1] - used[SETTLED - 1]) / (len(used) - SETTLED)
        rows.append([f"more in each epoch after the {SETTLED}th", f"{each / 1e6:.2f}"])
    return table(["celu run, 8 filters", "MB in use"], rows)


def megabytes(count: float) -> str:
    return f"{count / 1e6:,.0f}"


def main() -> None:
    arguments = parser_of(__doc__, repeats=3).parse_args()
    overrides, images = (TINY, 2_000) if arguments.quick else ((), IMAGES)
    found: dict[str, list[int]] = {}
    reasons: dict[str, str] = {}
    progress = announce("memory")
    chosen = peaks("case-c", overrides, images)
    if arguments.quick:
        chosen = {name: peak for name, peak in chosen.items() if name.startswith("article's graph")}
    for name, peak in chosen.items():
        progress(name)
        try:
            found[name] = [peak() for _ in range(arguments.repeats)]
        except CeluError as error:
            reasons[name] = str(error)
    used: list[int] = []
    try:
        if not arguments.quick:
            progress(f"growth over {EPOCHS} epochs")
            used = growth(EPOCHS)
    except CeluError as error:
        reasons["growth"] = str(error)
    rows = [
        [name, *(megabytes(value) for value in (median(values), min(values), max(values))), str(len(values))]
        for name, values in found.items()
    ]
    page = table(["case-c", "peak MB", "smallest", "largest", "n"], rows)
    record: dict[str, Any] = {"peak_bytes": found, "growth_bytes": used, "not_measured": reasons}
    pages = [page, *([growth_table(used)] if used else [])]
    print(write_part(arguments.output, "memory", "Memory", record, "\n".join(pages) + left_out(reasons)))


if __name__ == "__main__":
    main()
