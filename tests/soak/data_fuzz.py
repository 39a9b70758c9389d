"""Datasets damaged in every way: decoded below the hash check, then loaded as a training loads them."""

from __future__ import annotations

import random
import shutil
import tempfile
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

import numpy as np
from filelock import FileLock, Timeout

from celu_cli.datasets import cache
from celu_cli.datasets.definition import Arrays, Dataset
from celu_cli.datasets.directory import find_files, read_files
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.registry import DATASETS
from celu_cli.datasets.sources import DirectorySource
from celu_cli.errors import DataError
from tests.soak.damages import DAMAGES, swap_file
from tests.soak.small_sets import Form, small_sets


@dataclass
class DataFuzzFigures:
    """What became of the copies; the lists hold the text of each that should not be."""

    copies: int = 0
    refused: int = 0
    accepted_right: int = 0
    repaired: int = 0
    hash_alone: int = 0
    wrong_arrays: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that breaks a promise."""
        return [*self.wrong_arrays, *self.tracebacks, *self.leftovers]


def fuzz_data(count: int, seed: int) -> DataFuzzFigures:
    """Damage and load `count` copies of small datasets; the same `seed` damages them in the same way.

    A copy is refused, or read as the arrays it was made from (the damage did not touch them), or, where it lay in
    the cache and there is a sound source behind it, repaired. `hash_alone` counts those that a decoder took for
    sound and only the SHA-256 refused.
    """
    choose = random.Random(seed)
    figures = DataFuzzFigures()
    with tempfile.TemporaryDirectory() as root, small_sets(Path(root)) as forms, warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning is text that nobody can do anything about
        sound = _put_sound_copies(Path(root) / "sound", forms)
        for _ in range(count):
            form = choose.choice(forms)
            trial = _Trial(form, Path(root), choose, figures)
            trial.decode()
            trial.load(sound[form.dataset])
            trial.clean_up()
            figures.copies += 1
    return figures


def _put_sound_copies(directory: Path, forms: list[Form]) -> dict[str, DirectorySource]:
    sources = {}
    for form in forms:
        if form.layout == DATASETS[form.dataset].npy_layout:
            place = directory / form.dataset
            place.mkdir(parents=True)
            for name, content in form.files.items():
                (place / name).write_bytes(content)
            sources[form.dataset] = DirectorySource("a sound source", place, (form.layout,))
    return sources


class _Trial:
    """One damaged copy, in a directory of the user's or in the cache."""

    def __init__(self, form: Form, root: Path, choose: random.Random, figures: DataFuzzFigures) -> None:
        self._form = form
        self._root = root
        self._figures = figures
        self._cached = form.layout == DATASETS[form.dataset].npy_layout and choose.random() < 0.9
        self._repairable = self._cached and choose.random() < 0.6
        self._place = cache.cache_directory() / form.dataset if self._cached else root / "given"
        self._place.mkdir(parents=True)
        for name, content in form.files.items():
            (self._place / name).write_bytes(content)
        damaged = choose.choice(list(form.files))
        damage = choose.choice([*DAMAGES, swap_file] if len(form.files) > 1 else DAMAGES)
        self._told = f"{form.layout.title}, {damaged}: {damage.__name__}"
        damage(self._place / damaged, choose)

    def decode(self) -> None:
        """Read and decode the files with no hash to guard them: other arrays, but no other error."""
        layout = self._form.layout
        try:
            paths = find_files(self._place, layout)
            arrays = layout.decode(read_files(paths, layout.limits)) if paths else None
            self._figures.hash_alone += arrays is not None and not _same(arrays, self._form.truth)
        except DataError:
            pass
        except Exception as error:
            self._figures.tracebacks.append(f"{error!r} decoding {self._told}")

    def load(self, sound: DirectorySource) -> None:
        """Load the copy as a training does, with a sound source behind a cache in half of the trials."""
        given = None if self._cached else self._place
        name = self._form.dataset
        sources = (sound,) if self._repairable else ()
        try:
            with mock.patch.dict(DATASETS, {name: replace(DATASETS[name], sources=sources)}):
                dataset = load_dataset(self._form.dataset, data_directory=given)
        except DataError:
            self._figures.refused += 1
            if self._repairable:
                self._figures.tracebacks.append(f"a sound source was not asked after {self._told}")
        except Exception as error:
            self._figures.tracebacks.append(f"{error!r} loading {self._told}")
        else:
            self._judge(dataset, repaired=dataset.source == sound.title)

    def _judge(self, dataset: Dataset, *, repaired: bool) -> None:
        if not _same(_arrays_of(dataset), self._form.truth):
            self._figures.wrong_arrays.append(f"other arrays from {self._told}")
        elif repaired:
            self._figures.repaired += 1
            if not self._is_repaired():
                self._figures.leftovers.append(f"a cache that stays damaged after {self._told}")
        else:
            self._figures.accepted_right += 1

    def _is_repaired(self) -> bool:
        """Whether the cache alone serves the dataset now."""
        try:
            load_dataset(self._form.dataset)
        except DataError:
            return False
        return True

    def clean_up(self) -> None:
        """Note what was left behind, then remove everything but the sound copies."""
        kept = {self._place, *self._place.rglob("*"), cache.cache_directory() / self._form.dataset}
        for path in [*(self._root / "tmp").rglob("*"), *(self._root / "cache").rglob("*")]:
            if path.is_file() and (path not in kept or path.suffix == ".part") and not self._is_free(path):
                self._figures.leftovers.append(f"{path.relative_to(self._root)} after {self._told}")
        if (self._root.parent / "escaped").exists() or Path("/celu-escaped").exists():
            self._figures.leftovers.append(f"a file outside the archive after {self._told}")
        for place in (self._place, self._root / "cache"):
            shutil.rmtree(place, ignore_errors=True)

    def _is_free(self, path: Path) -> bool:
        """Whether a file is what may stay: a lock that nobody holds, or an array that the repair has written."""
        if path.suffix != ".lock":
            return self._repairable and path.suffix == ".npy"
        try:
            with FileLock(path).acquire(timeout=0):
                return True
        except Timeout:
            return False


def _same(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in other)


def _arrays_of(dataset: Dataset) -> Arrays:
    return {
        "train_images": dataset.train.images,
        "train_labels": dataset.train.labels,
        "test_images": dataset.test.images,
        "test_labels": dataset.test.labels,
    }
