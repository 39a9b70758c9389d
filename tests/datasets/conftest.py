"""An empty machine for every test, a made-up MNIST of the real size, and the real datasets where cached."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from celu_cli.datasets import cache
from celu_cli.datasets import load as module
from celu_cli.datasets.definition import Arrays, Dataset
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.mnist import IDX_FILES, MNIST, SHAPES, idx_header
from celu_cli.datasets.registry import DATASETS
from tests.datasets.recorder import RecordingReporter
from tests.datasets.server import FileServer

REAL_CACHE = cache.cache_directory()


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No cache, no Keras, no data directory, no network source; what a test wrote is removed after it."""
    monkeypatch.setattr(cache, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    for name, definition in DATASETS.items():
        monkeypatch.setitem(DATASETS, name, replace(definition, sources=()))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("CELU_DATA_DIR", raising=False)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no test pulls the plug
    for proxy in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    yield
    shutil.rmtree(tmp_path)  # datasets of the real size: too much for pytest to keep


@pytest.fixture
def reporter() -> RecordingReporter:
    return RecordingReporter()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        yield running


@dataclass(frozen=True)
class FakeMnist:
    """Arrays of MNIST's shapes, their SHA-256, and the idx files that hold them."""

    arrays: Arrays
    sha256: dict[str, str]
    idx: dict[str, bytes]
    idx_gz: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="session")
def made_mnist() -> FakeMnist:
    arrays = {name: np.resize(np.arange(251, dtype=np.uint8), shape) for name, shape in SHAPES.items()}
    sha256 = {name: MNIST.digest(array) for name, array in arrays.items()}
    idx = {IDX_FILES[name]: idx_header(array.shape) + array.tobytes() for name, array in arrays.items()}
    return FakeMnist(arrays, sha256, idx, {name: gzip.compress(file, 1) for name, file in idx.items()})


@pytest.fixture
def mnist(made_mnist: FakeMnist, monkeypatch: pytest.MonkeyPatch) -> FakeMnist:
    """The made-up MNIST, and celu takes its SHA-256 for the published ones."""
    monkeypatch.setitem(DATASETS, "mnist", replace(DATASETS["mnist"], sha256=made_mnist.sha256))
    return made_mnist


@pytest.fixture
def full_dataset(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Dataset]:
    """Load a real dataset from this machine's cache; the test is skipped where it is not cached."""

    def load(name: str) -> Dataset:
        monkeypatch.setattr(cache, "cache_directory", lambda: REAL_CACHE)
        monkeypatch.setattr(module, "cache_directory", lambda: REAL_CACHE)
        if not (REAL_CACHE / name / "train_images.npy").exists():
            pytest.skip(f"the full {name} is not cached on this machine; `celu data fetch {name}` gets it")
        return load_dataset(name)

    return load
