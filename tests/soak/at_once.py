"""Runs of one case that start at the same moment in one logs directory."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from celu_cli.runs.directory import find_runs

# Two layers, which compile fast.
_LAYERS = "{kernel: 3, filters: 4, pool: average, pool_size: 7}, {kernel: 2, filters: 10, pool: average, pool_size: 4}"
_CASE = ("case-a", "--sample", f"network={{layers: [{_LAYERS}]}}", "batch_size=1000")
_RUN = (sys.executable, "-m", "celu_cli", "run", *_CASE)


def start_at_once(count: int, logs: Path) -> list[str]:
    """Train `count` runs at once; what is wrong with what they left, in words."""

    def start(_: int) -> subprocess.CompletedProcess[str]:
        command = [*_RUN, "epochs=1", "--logs", str(logs)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(count) as pool:
        problems = [process.stderr for process in pool.map(start, range(count)) if process.returncode != 0]
    runs = find_runs(logs).runs
    if len(runs) != count:
        problems.append(f"{len(runs)} run directories for {count} runs")
    problems += [f"{run.path} is {run.status}" for run in runs if run.status != "completed"]
    if len({run.metrics[0].test_loss for run in runs if run.metrics}) != 1:
        problems.append("equal cases gave different numbers")
    return problems
