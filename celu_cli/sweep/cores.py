"""Which cores and how much memory a worker gets."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from filelock import BaseFileLock, Timeout

from celu_cli.machine import available_memory, usable_cores
from celu_cli.processes import lock_file

_WORKER_BYTES = 1_100 * 10**6  # beside the tensors: a little more than docs/sweeps.md measured
_held: list[BaseFileLock] = []


def worker_bytes(cell_bytes: int) -> int:
    """The memory of a worker that trains cells whose tensors take `cell_bytes`."""
    return _WORKER_BYTES + cell_bytes


def default_workers(cells: int, memory_each: int, cores_each: int = 1) -> int:
    """As many workers as there are cells, cores, and bytes of memory for each; at least one."""
    memory = available_memory()
    fitting = memory // memory_each if memory is not None else cells
    return max(1, min(len(usable_cores()) // cores_each, cells, fitting))


def split_cores(workers: int, cores: Sequence[int]) -> list[list[int]]:
    """The cores of each worker: disjoint, and as even as can be; with more workers than cores, all cores for each."""
    if workers > len(cores):
        return [list(cores)] * workers
    return [list(cores[i * len(cores) // workers : (i + 1) * len(cores) // workers]) for i in range(workers)]


def hold_cores(count: int) -> list[int]:
    """`count` cores, if possible such as no other process of this user holds, held until this process ends.

    Ray and a Slurm without confinement only count cores: which ones a worker trains on is for the workers to settle.
    """
    free, cores = [], usable_cores()
    try:
        place = Path(tempfile.gettempdir(), f"celu-cores-{os.getuid() if hasattr(os, 'getuid') else 0}")
        place.mkdir(mode=0o700, exist_ok=True)
        for core in cores:
            try:
                lock = lock_file(place / f"{core}.lock")
            except Timeout:
                continue
            if lock is None:
                break
            _held.append(lock)
            free.append(core)
            if len(free) == count:
                return free
    except OSError:
        pass
    # The others are held, or nothing can be. They are shared, by chance, so that not every process takes the first.
    others = [core for core in cores if core not in free]
    return [*free, *random.sample(others, min(count - len(free), len(others)))]
