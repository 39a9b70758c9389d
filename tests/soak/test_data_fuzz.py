from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from celu_cli.datasets import cache, load
from celu_cli.datasets.definition import Arrays, Definition
from celu_cli.datasets.directory import find_files, read_files
from celu_cli.datasets.registry import DATASETS
from celu_cli.datasets.sources import verified
from tests.soak.data_fuzz import fuzz_data
from tests.soak.small_sets import small_sets


def test_a_damaged_set_is_refused_or_repaired_and_never_read_as_other_arrays() -> None:
    figures = fuzz_data(60, seed=1)
    assert figures.faults == []
    assert figures.refused + figures.repaired + figures.accepted_right == figures.copies == 60
    # Each happens, or the damage is of one kind alone.
    assert figures.refused >= 20
    assert figures.repaired >= 2
    assert figures.hash_alone >= 2


def test_every_form_is_read_right_before_it_is_damaged(tmp_path: Path) -> None:
    with small_sets(tmp_path / "machine") as forms:
        for number, form in enumerate(forms):
            place = tmp_path / str(number)
            place.mkdir()
            for name, content in form.files.items():
                (place / name).write_bytes(content)
            paths = find_files(place, form.layout)
            assert paths is not None
            arrays = verified(DATASETS[form.dataset], form.layout, read_files(paths, form.layout.limits))
            assert all(np.array_equal(arrays[name], form.truth[name]) for name in form.truth)


def test_without_the_hash_the_fuzz_sees_wrong_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Definition, "check", lambda *_: None)
    assert fuzz_data(60, seed=1).wrong_arrays != []


def test_a_lock_that_is_held_and_a_part_that_stays_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(directory: Path, arrays: Arrays) -> None:
        store(directory, arrays)
        (directory / "half.part").write_bytes(b"half")
        held.append(FileLock(directory.parent / "mnist.lock", is_singleton=False))
        held[-1].acquire()

    held: list[FileLock] = []
    store = cache.store
    monkeypatch.setattr(load, "store", leave)
    monkeypatch.setattr(cache, "_locked", lambda *_: nullcontext())
    left = {name.split()[0] for name in fuzz_data(60, seed=1).leftovers}
    for lock in held:
        lock.release(force=True)
    assert any(name.endswith("half.part") for name in left)
    assert any(name.endswith("mnist.lock") for name in left)
