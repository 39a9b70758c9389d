"""What a dataset is: its shape, the SHA-256 of its arrays, its files, its sources. Imports no NumPy."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from celu_cli.datasets.formats import NPY_HEADER_LIMIT, decode_npy
from celu_cli.datasets.reporter import Reporter
from celu_cli.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Bytes: TypeAlias = "NDArray[np.uint8]"
Arrays: TypeAlias = "dict[str, Bytes]"
"""The four arrays of a dataset by name: the names of `ARRAY_NAMES`."""

ARRAY_NAMES = ("train_images", "train_labels", "test_images", "test_labels")
NPY_FILES = {name: f"{name}.npy" for name in ARRAY_NAMES}
"""The files of celu's cache."""


@dataclass(frozen=True)
class Split:
    """Images, uint8 (N, height, width, channels) in C order, and their labels, uint8 (N,)."""

    images: Bytes
    labels: Bytes


@dataclass(frozen=True)
class Dataset:
    """A training and a test split; `source` is one sentence that says where the bytes came from."""

    name: str
    train: Split
    test: Split
    source: str


@dataclass(frozen=True)
class Layout:
    """A set of files that holds a dataset: the most bytes each may have, and the decoder of their contents."""

    title: str
    limits: Mapping[str, int]
    decode: Callable[[Mapping[str, bytes]], Arrays]


class Source(Protocol):
    """A place that may have a dataset."""

    @property
    def title(self) -> str:
        """What the place is called in messages."""

    def read(self, definition: Definition, workspace: Path, reporter: Reporter) -> Arrays:
        """The verified arrays; DataError says why not. `workspace` is a directory for downloads."""


@dataclass(frozen=True)
class Definition:
    """All that celu knows of one dataset; `image_shape` is (height, width, channels).

    Attributes:
        labels: what each class is called, by its number.
        sha256: of each array in C order, with `hash_prefix` of its shape before it.
        layouts: those that --data-dir may have besides celu's own .npy files, fastest first.
        subdirectories: where below --data-dir the files may lie, as other tools unpack them.
        sources: those that need a network, in the order in which they are tried.
        by_hand: what the user can put into --data-dir when no source can be reached.
        keras: the layouts in which Keras's cache may have it.
        pickles: files of the dataset that are never read, because they are pickled.
        sample_sha256: of the embedded sample; empty where there is none.
        sample_first_row: the first training image that the sample may hold.
    """

    name: str
    title: str
    image_shape: tuple[int, int, int]
    labels: tuple[str, ...]
    train_images: int
    test_images: int
    sha256: Mapping[str, str]
    layouts: tuple[Layout, ...]
    subdirectories: tuple[str, ...]
    sources: tuple[Source, ...]
    by_hand: str
    keras: tuple[Layout, ...] = ()
    pickles: tuple[str, ...] = ()
    hash_prefix: Callable[[tuple[int, ...]], bytes] = lambda _: b""
    sample_sha256: str = ""
    sample_first_row: int = 0

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.labels)

    @property
    def npy_layout(self) -> Layout:
        """celu's own layout: four .npy files, which NumPy reads at the speed of the disk."""
        limits = {file: math.prod(self.shape(name)) + NPY_HEADER_LIMIT for name, file in NPY_FILES.items()}
        return Layout("celu's .npy files", limits, decode_npy_files)

    def shape(self, array_name: str) -> tuple[int, ...]:
        """The shape of one of the four arrays of the full dataset."""
        return array_shapes(self.train_images, self.test_images, self.image_shape)[array_name]

    def digest(self, array: Bytes) -> str:
        """The SHA-256 of an array in the form in which `sha256` pins it."""
        hashed = hashlib.sha256(self.hash_prefix(array.shape))
        hashed.update(array.ravel().data)
        return hashed.hexdigest()

    def check(self, arrays: Arrays) -> None:
        """Raise DataError unless the four arrays are, byte for byte, the published ones."""
        for name in ARRAY_NAMES:
            array, shape = arrays[name], self.shape(name)
            if array.dtype != "uint8" or array.shape != shape:
                raise DataError(f"{name} are {array.dtype} {array.shape}, not uint8 {shape}")
            found, expected = self.digest(array), self.sha256[name]
            if found != expected:
                raise DataError(
                    f"{name} differ from the published ones (SHA-256 {found[:12]}…, not {expected[:12]}…)"
                )


def array_shapes(train: int, test: int, image_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The shapes of the four arrays by name."""
    return dict(
        zip(ARRAY_NAMES, ((train, *image_shape), (train,), (test, *image_shape), (test,)), strict=True)
    )


def decode_npy_files(files: Mapping[str, bytes]) -> Arrays:
    """The four .npy files as arrays, without a copy."""
    return {name: decode_npy(file, files[file]) for name, file in NPY_FILES.items()}
