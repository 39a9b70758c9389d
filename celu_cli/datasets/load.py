"""`load_dataset`: the arrays of a dataset from the first source that has them, verified by their SHA-256."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from celu_cli.datasets.cache import cache_directory, store, workspace
from celu_cli.datasets.definition import Arrays, Bytes, Dataset, Definition, Source, Split
from celu_cli.datasets.registry import DATASETS
from celu_cli.datasets.reporter import Reporter, SilentReporter
from celu_cli.datasets.sample import load_sample
from celu_cli.datasets.sources import AbsentError, DirectorySource
from celu_cli.errors import DataError, UsageError
from celu_cli.files import path_with_home
from celu_cli.text import did_you_mean

DATA_DIRECTORY_VARIABLE = "CELU_DATA_DIR"
_ALIGNMENT = 64  # bytes


def load_dataset(
    name: str,
    *,
    sample: bool = False,
    hold_out: int = 0,
    data_directory: Path | None = None,
    reporter: Reporter | None = None,
) -> Dataset:
    """Read-only uint8 images (N, height, width, channels) and labels (N,) of a dataset.

    `hold_out` leaves out the first training images; it does not apply to the embedded `sample`. Raises
    UsageError for an unknown name or a hold_out out of range; DataError, which lists every source tried, when
    none has the dataset.
    """
    search = _Search(find_definition(name), chosen_directory(data_directory), reporter or SilentReporter())
    if sample:
        return load_sample(name)
    train_images = search.definition.train_images
    if not 0 <= hold_out < train_images:
        raise UsageError(
            f"hold_out is {hold_out}; {name} has {train_images:,} training images to hold out from"
        )
    return to_dataset(name, *search.run(keep=False), hold_out)


def fetch_dataset(name: str, *, data_directory: Path | None = None, reporter: Reporter | None = None) -> str:
    """Put a dataset into celu's cache unless it is there undamaged; returns where it came from.

    Raises DataError when no source has it or when the cache cannot be written.
    """
    search = _Search(find_definition(name), chosen_directory(data_directory), reporter or SilentReporter())
    return search.run(keep=True)[1]


def to_dataset(name: str, arrays: Arrays, source: str, hold_out: int = 0) -> Dataset:
    """The four arrays as a dataset, read-only, without the first `hold_out` training images."""
    first = {"train_images": hold_out, "train_labels": hold_out}
    chosen = {key: _aligned(array[first.get(key, 0) :]) for key, array in arrays.items()}
    train = Split(chosen["train_images"], chosen["train_labels"])
    return Dataset(name, train, Split(chosen["test_images"], chosen["test_labels"]), source)


def _aligned(array: Bytes) -> Bytes:
    """The array, read-only, at an address that TensorFlow can use without a copy of its own."""
    if array.ctypes.data % _ALIGNMENT:
        room = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
        begin = -room.ctypes.data % _ALIGNMENT
        place = room[begin : begin + array.nbytes].reshape(array.shape)
        np.copyto(place, array)
        array = place
    array.flags.writeable = False
    return array


def find_definition(name: str) -> Definition:
    """The dataset of this name; UsageError when celu knows none."""
    if name not in DATASETS:
        hint = did_you_mean(name, DATASETS)
        raise UsageError(f"there is no dataset {name!r}: the datasets are {', '.join(DATASETS)}{hint}")
    return DATASETS[name]


def chosen_directory(data_directory: Path | None) -> Path | None:
    """The --data-dir that is given, otherwise what CELU_DATA_DIR names, otherwise none."""
    named = os.environ.get(DATA_DIRECTORY_VARIABLE)
    return data_directory or (path_with_home(named) if named else None)


def cache_source(definition: Definition) -> DirectorySource:
    """celu's own cache."""
    return DirectorySource(
        "celu's cache", cache_directory() / definition.name, (definition.npy_layout,), mapped=True
    )


def given_source(definition: Definition, directory: Path) -> DirectorySource:
    """The directory that the user named."""
    layouts = (definition.npy_layout, *definition.layouts)
    return DirectorySource("--data-dir", directory, layouts, asked_for=True)


def _keras_sources(definition: Definition) -> list[DirectorySource]:
    """Keras's cache, where it has the dataset in a form that may be read."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111 - a user may have no home
    source = DirectorySource("Keras's cache", Path(home) / "datasets", definition.keras)
    return [source] if definition.keras else []


@dataclass
class _Search:
    """One search for a dataset through its sources, with the reason why each of them failed."""

    definition: Definition
    given: Path | None
    reporter: Reporter
    failures: dict[str, str] = field(default_factory=dict)

    def run(self, *, keep: bool) -> tuple[Arrays, str]:
        """The arrays and where they came from.

        What a network gave is put into the cache if possible; with `keep` everything is, or it fails.
        """
        cache, keras = cache_source(self.definition), _keras_sources(self.definition)
        given = [given_source(self.definition, self.given)] if self.given else []
        first, then = ([cache], [*given, *keras]) if keep else ([*given, cache, *keras], [])
        found = self._first(first, cache.directory)
        if found is None:
            with workspace(self.definition.name, self.reporter) as place:
                # The cache again: another process may have filled it while this one waited for the workspace.
                found = self._first([cache, *then, *self.definition.sources], place)
                if found is None:
                    raise DataError(self._account())
                if found[1] is not cache:
                    self._store(found[0], cache.directory, must=keep)
                    shutil.rmtree(place, ignore_errors=True)  # nothing in it will be resumed
        arrays, source = found
        return arrays, source.title

    def _first(self, candidates: Sequence[Source], place: Path) -> tuple[Arrays, Source] | None:
        for source in candidates:
            try:
                return source.read(self.definition, place, self.reporter), source
            except DataError as error:
                self._note(source, error)
        return None

    def _note(self, source: Source, error: DataError) -> None:
        if not isinstance(error, AbsentError) and source.title not in self.failures:
            last = self.definition.sources[-1:] == (source,)
            self.reporter.message(f"{source.title}: {error}{'' if last else '; trying the next source'}")
        self.failures[source.title] = str(error)

    def _store(self, arrays: Arrays, directory: Path, *, must: bool) -> None:
        try:
            store(directory, arrays)
        except OSError as error:
            problem = f"{directory} cannot be written: {error.strerror or error}"
            if must:
                raise DataError(f"{problem}; XDG_CACHE_HOME moves the cache") from error
            self.reporter.message(
                f"{problem}; {self.definition.name} is used from memory and fetched again next time"
            )

    def _account(self) -> str:
        tried = "\n".join(f"  {title}: {reason}" for title, reason in self.failures.items())
        sample = "Use --sample for the small sample that comes with celu, or put"
        return (
            f"{self.definition.title} is not available. Every source was tried:\n{tried}\n"
            f"{sample if self.definition.sample_sha256 else 'Put'} {self.definition.by_hand} "
            "into a directory and name it with --data-dir."
        )
