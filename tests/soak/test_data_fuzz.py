from __future__ import annotations

from pathlib import Path

import numpy as np

from celu_cli.datasets.directory import find_files, read_files
from celu_cli.datasets.sources import prove
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
            arrays = prove(form.dataset, form.layout, read_files(paths, form.layout.limits))
            assert all(np.array_equal(arrays[name], form.truth[name]) for name in form.truth)
