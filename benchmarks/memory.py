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
from benchmarks.shared import TINY, Target, announce, left_out, parser_of, table, write_part
from celu_cli.errors import CeluError

STEPS = 5
IMAGES = 50_000
EPOCHS = 20
CELU, ARTICLE = "celu", "article's graph and pipeline"
SETTLED = 5  # the epoch from which growth is counted: until then caches fill


def peaks(case: str, overrides: tuple[str, ...], images: int) -> dict[str, Callable[[], int]]:
    """What each row runs; it returns the peak in bytes."""

    def pipeline(kind: str) -> Callable[[], int]:
        words = ["-m", "benchmarks.pipelines", kind, case, str(STEPS), str(images), *overrides]
        return lambda: run_process(words, directory=Path(tempfile.gettempdir())).peak_memory

    size = f"{STEPS} steps, {images:,} + {images // 5:,} images"

    def whole_epoch() -> int:
        return watched_run(["run", case, *overrides, "dataset.sample=true", "epochs=1"]).peak_memory

    return {
        "TensorFlow imported, nothing done": pipeline("tensorflow"),
        f"{CELU}, {size}": pipeline("celu"),
        f"{ARTICLE}, {size}": pipeline("article"),
        "celu run, an epoch of the sample with its test": whole_epoch,
    }


def growth(epochs: int) -> list[int]:
    """Bytes in use after each epoch of a run of a small net."""
    done = watched_run(["run", "case-c", "network.filters=8", "dataset.sample=true", f"epochs={epochs}"])
    return [stamp["memory"] for stamp in done.stamps if stamp["event"] == "EpochDone" and stamp["memory"]]


def judge(found: dict[str, list[int]], used: list[int]) -> list[Target]:
    """The peak against the article's, medians; and that nothing grows."""
    peak = {
        of: median(values)
        for name, values in found.items()
        for of in (CELU, ARTICLE)
        if name.startswith(f"{of},")
    }
    share = peak[CELU] / peak[ARTICLE] if len(peak) == 2 else None
    return [
        Target("case-c, peak memory: celu / article's graph and pipeline", share, 0.60, at_most=True),
        Target(f"MB more in each epoch after the {SETTLED}th", growth_of_epoch(used), 0.10, at_most=True),
    ]


def growth_of_epoch(used: list[int]) -> float | None:
    """Megabytes that an epoch adds once caches are full."""
    return (used[-1] - used[SETTLED - 1]) / (len(used) - SETTLED) / 1e6 if len(used) > SETTLED else None


def growth_table(used: list[int]) -> str:
    """Some epochs."""
    chosen = [number for number in (1, 2, SETTLED, 10, 15, len(used)) if number <= len(used)]
    rows = [[f"after epoch {number}", megabytes(used[number - 1])] for number in dict.fromkeys(chosen)]
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
    targets = [] if arguments.quick else judge(found, used)
    markdown = "\n".join(pages) + left_out(reasons)
    print(write_part(arguments.output, "memory", "Memory", record, markdown, targets))


if __name__ == "__main__":
    main()
