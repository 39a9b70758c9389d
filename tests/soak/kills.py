"""Runs that are killed and resumed until they are done, against the same runs left alone."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from celu_cli.runs.checkpoint import read_checkpoint
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import Run, read_run

_CASE = ("case-d", "--sample", "network.filters=4", "network.initializer.standard_deviation=0.3")
_SMALL = (*_CASE, "batch_size=200", "epochs=6")
_CHECKPOINTS = ("--checkpoint-steps", "1")
_MOMENTS_OF_A_RUN = 250  # somewhat fewer than it has: a checkpoint a step and the files of each epoch
_LONGEST_DELAY = 4.0
_TIMES = {"seconds", "images_per_second", "time"}


@dataclass
class KillFigures:
    """What came of it; `faults` names the runs that did not end as their reference did."""

    kills_in_writes: int = 0
    kills_at_random: int = 0
    runs: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.kills_in_writes + self.kills_at_random


def kill_and_resume(kills: int, seed: int, directory: Path) -> KillFigures:
    """Kill runs at least so many times, in writes and at random moments by turns, and compare each when it is done."""
    generator = random.Random(seed)
    figures = KillFigures()
    while figures.kills < kills:
        number = figures.runs
        reference = _train_undisturbed(directory / f"reference-{number}", number)
        killed = _train_killed(directory / f"killed-{number}", number, generator, figures, kills)
        figures.runs += 1
        figures.faults += [f"run {number}: {text}" for text in unequal(killed, reference)]
    return figures


def unequal(run: Run, reference: Run) -> list[str]:
    """What of a run's end is not, bit for bit, its reference's."""
    found = []
    if (run.status, reference.status) != ("completed", "completed"):
        found.append(f"is {run.status}, its reference {reference.status}")
    if _numbers(run) != _numbers(reference):
        found.append("metrics differ")
    one, other = (read_checkpoint(path).checkpoint for path in (run.path, reference.path))
    if one is None or other is None or set(one.arrays) != set(other.arrays):
        return [*found, "checkpoints differ in kind"]
    different = [n for n in one.arrays if not np.array_equal(one.arrays[n], other.arrays[n], equal_nan=True)]
    return [*found, *(f"{name} differs" for name in different)]


def _numbers(run: Run) -> list[dict[str, object]]:
    return [{k: v for k, v in vars(epoch).items() if k not in _TIMES} for epoch in run.metrics]


def _train_undisturbed(logs: Path, seed: int) -> Run:
    words = ("run", *_SMALL, f"seed={seed}", "--logs", str(logs))
    subprocess.run([sys.executable, "-m", "celu_cli", *words], check=True, capture_output=True)
    (run,) = find_runs(logs).runs
    return run


def _train_killed(logs: Path, seed: int, generator: random.Random, figures: KillFigures, most: int) -> Run:
    words: tuple[str, ...] = ("run", *_SMALL, f"seed={seed}", "--logs", str(logs), *_CHECKPOINTS)
    while True:
        enough = figures.kills >= most
        if enough or figures.kills % 2:
            dead = _run_killed_at_random(words, None if enough else generator.uniform(0.0, _LONGEST_DELAY))
            figures.kills_at_random += dead
        else:
            dead = _run_killed_in_a_write(words, generator.randint(1, _MOMENTS_OF_A_RUN // 4))
            figures.kills_in_writes += dead
        runs = [path.parent for path in logs.glob("*/*/run.json")]
        if not runs:
            continue  # it was killed before it had become a run
        run = read_run(runs[0])
        if run.status == "completed":  # it may have been killed afterwards, when it drew its plots
            return run
        assert dead, f"{run.path} ended as {run.status}"
        words = ("run", "--resume", str(run.path), *_CHECKPOINTS)


def _run_killed_in_a_write(words: tuple[str, ...], point: int) -> bool:
    """Whether it was killed; else it was done before that many writes."""
    command = [sys.executable, "-m", "tests.soak.killed", str(point), *words]
    return _ended_by_kill(subprocess.run(command, capture_output=True, text=True, check=False))


def _run_killed_at_random(words: tuple[str, ...], delay: float | None) -> bool:
    """Kill `delay` seconds after the training said that it starts; whether that came in time."""
    command = [sys.executable, "-m", "celu_cli", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    if delay is not None:
        for line in process.stderr:
            said += line
            if line.startswith("case-d:"):
                break
    try:
        out, rest = process.communicate(timeout=delay)
    except subprocess.TimeoutExpired:
        process.kill()
        out, rest = process.communicate()
    return _ended_by_kill(subprocess.CompletedProcess(command, process.returncode, out, said + rest))


def _ended_by_kill(process: subprocess.CompletedProcess[str]) -> bool:
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"{process.args} exited with {process.returncode}:\n{process.stderr}")
    return process.returncode != 0
