"""Cores: disjoint among the workers of a sweep, and among processes that know nothing of each other."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from celu_cli.machine import usable_cores
from celu_cli.sweep import cores
from celu_cli.sweep.cores import default_workers, split_cores, worker_bytes

_HOLD = "from celu_cli.sweep.cores import hold_cores; print(*hold_cores({}), flush=True); input()"


def hold(count: int) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD.format(count)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, [int(core) for core in process.stdout.readline().split()]


def test_cores_are_disjoint_and_all_used() -> None:
    assert split_cores(2, [0, 1, 2, 3, 4]) == [[0, 1], [2, 3, 4]]
    assert split_cores(4, [4, 5, 6, 7]) == [[4], [5], [6], [7]]


def test_processes_that_know_nothing_of_each_other_hold_different_cores_until_they_end(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    there = len(usable_cores())
    held = [hold(1) for _ in range(there)]
    assert sorted(core for _, (core,) in held) == usable_cores()
    one_more, its_cores = hold(1)
    assert len(its_cores) == 1  # shared: there is no other
    for process, _ in [*held, (one_more, its_cores)]:
        process.communicate("\n")
    last, its_cores = hold(there)
    assert sorted(its_cores) == usable_cores()
    last.communicate("\n")


def test_where_nothing_can_be_locked_not_every_process_takes_the_first_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(cores, "usable_cores", lambda: list(range(64)))
    held = [cores.hold_cores(2) for _ in range(20)]
    assert all(len(set(two)) == 2 for two in held)
    assert len({core for two in held for core in two}) > 8
    assert len(cores.hold_cores(100)) == 64
    assert cores._held == []


@pytest.mark.parametrize(
    ("free", "each", "cores_each", "workers"),
    [(10**12, 10**9, 1, 8), (10**12, 10**9, 3, 2), (4 * 10**9, 10**9, 1, 4)],
)
def test_workers_fit_into_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, free: int, each: int, cores_each: int, workers: int
) -> None:
    monkeypatch.setattr(cores, "usable_cores", lambda: list(range(8)))
    monkeypatch.setattr(cores, "available_memory", lambda: free)
    assert default_workers(100, each, cores_each) == workers


@pytest.mark.parametrize(
    ("tensors", "peak"),
    [(8, 694), (31, 713), (62, 725), (63, 942), (88, 990), (115, 1056), (106, 1011), (115, 1048)],
)
def test_a_worker_is_reckoned_with_the_memory_that_was_measured(tensors: int, peak: int) -> None:
    assert peak <= worker_bytes(tensors * 10**6) / 10**6 <= peak + 600
