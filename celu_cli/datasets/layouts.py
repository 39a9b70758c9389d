"""The ways in which a dataset is stored in files, and how each becomes the four arrays.

A layout knows file names, the most bytes each may have, and a decoder from bytes to arrays. It does not know
where the files are: that is the affair of `sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from celu_cli.datasets import cifar10, mnist
from celu_cli.datasets.facts import Arrays
from celu_cli.datasets.stored import decode_stored, stored_limits

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Layout:
    """One way to store a dataset: `limits` maps each file's name to the most bytes it may have."""

    title: str
    limits: Mapping[str, int]
    decode: Callable[[Files], Arrays]


MNIST_STORED = Layout("celu's .npy files", stored_limits("mnist"), decode_stored)
MNIST_IDX = Layout("the four idx files", mnist.IDX_SIZES, mnist.decode_idx_files)
MNIST_NPZ = Layout("mnist.npz", mnist.NPZ_LIMITS, mnist.decode_npz)
CIFAR10_STORED = Layout("celu's .npy files", stored_limits("cifar10"), decode_stored)
CIFAR10_ARCHIVE = Layout("cifar-10-binary.tar.gz", cifar10.ARCHIVE_LIMITS, cifar10.decode_archive)
CIFAR10_BATCHES = Layout("the six .bin files", cifar10.BATCH_SIZES, cifar10.decode_batches)
CIFAR10_SHEETS = Layout("the six PNG sheets", cifar10.SHEET_LIMITS, cifar10.decode_sheets)

STORED: Mapping[str, Layout] = {"mnist": MNIST_STORED, "cifar10": CIFAR10_STORED}
"""The layout of celu's cache."""

ACCEPTED: Mapping[str, tuple[Layout, ...]] = {
    "mnist": (MNIST_STORED, MNIST_IDX, MNIST_NPZ),
    "cifar10": (CIFAR10_STORED, CIFAR10_BATCHES, CIFAR10_ARCHIVE),
}
"""The layouts that --data-dir may have, fastest first."""
