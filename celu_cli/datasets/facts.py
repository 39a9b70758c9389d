"""What a dataset is once it is in memory, and the SHA-256 that each of its arrays must have."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celu_cli.datasets.registry import DATASETS
from celu_cli.errors import DataError

Bytes = NDArray[np.uint8]
Arrays = dict[str, Bytes]
"""The four arrays of a dataset by name: the names of `ARRAY_NAMES`."""

ARRAY_NAMES = ("train_images", "train_labels", "test_images", "test_labels")

# MNIST is pinned as its idx files, header included; CIFAR-10 as its arrays (NHWC, C order).
SHA256: Mapping[str, Mapping[str, str]] = {
    "mnist": {
        "train_images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train_labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "test_images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "test_labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "cifar10": {
        "train_images": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "train_labels": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        "test_images": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        "test_labels": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    },
}


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


def array_shape(dataset: str, array_name: str) -> tuple[int, ...]:
    """The shape of one of the four arrays of a full dataset."""
    facts = DATASETS[dataset]
    count = facts.train_images if array_name.startswith("train") else facts.test_images
    return (count, *facts.image_shape) if array_name.endswith("images") else (count,)


def idx_header(shape: tuple[int, ...]) -> bytes:
    """The header of an idx file of unsigned bytes (format: http://yann.lecun.com/exdb/mnist)."""
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)


def digest(dataset: str, array: Bytes) -> str:
    """The SHA-256 of an array in the form in which `SHA256` pins it."""
    header = idx_header(array.shape[:3]) if dataset == "mnist" else b""
    hashed = hashlib.sha256(header)
    hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()


def check_array(dataset: str, array_name: str, array: Bytes) -> None:
    """Raise DataError unless the array is, byte for byte, the one that was published."""
    shape = array_shape(dataset, array_name)
    if array.dtype != np.uint8 or array.shape != shape:
        raise DataError(f"{array_name} are {array.dtype} {array.shape}, not uint8 {shape}")
    found, wanted = digest(dataset, array), SHA256[dataset][array_name]
    if found != wanted:
        raise DataError(
            f"{array_name} differ from the published ones (SHA-256 {found[:12]}…, not {wanted[:12]}…)"
        )


def check_arrays(dataset: str, arrays: Arrays) -> None:
    """Raise DataError unless all four arrays are the published ones."""
    for array_name in ARRAY_NAMES:
        check_array(dataset, array_name, arrays[array_name])
