"""Small made-up datasets in every form that celu reads, which it takes for the published ones."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from celu_cli.datasets import cache, cifar10, mnist
from celu_cli.datasets.definition import ARRAY_NAMES, Arrays, Bytes, Definition, Layout, array_shapes
from celu_cli.datasets.mnist import idx_header
from celu_cli.datasets.registry import DATASETS

_MNIST_IMAGES = (60, 20)
_BATCH_IMAGES = 4


@dataclass(frozen=True)
class Form:
    """One way in which a dataset lies in files, whole and undamaged; `truth` is what they must be read as."""

    dataset: str
    layout: Layout
    files: dict[str, bytes]
    truth: Arrays


@contextmanager
def small_sets(directory: Path) -> Iterator[list[Form]]:
    """Every form of both datasets, while celu takes them for the published ones and finds no other source.

    Its cache and its temporary files are in `directory`.
    """
    (directory / "tmp").mkdir(parents=True)
    train, test = _MNIST_IMAGES
    sizes = {
        "mnist": replace(DATASETS["mnist"], train_images=train, test_images=test, sources=()),
        "cifar10": replace(
            DATASETS["cifar10"], train_images=5 * _BATCH_IMAGES, test_images=_BATCH_IMAGES, sources=()
        ),
    }
    batches = dict.fromkeys(cifar10.BATCH_SIZES, _BATCH_IMAGES * cifar10.RECORD_BYTES)
    homes = {"KERAS_HOME": str(directory / "keras"), "CELU_DATA_DIR": ""}
    with ExitStack() as held:
        for replaced in (
            mock.patch.dict(DATASETS, sizes),
            mock.patch.dict(mnist.SHAPES, array_shapes(train, test, (28, 28, 1))),
            mock.patch.object(cifar10, "BATCH_IMAGES", _BATCH_IMAGES),
            mock.patch.dict(cifar10.BATCH_SIZES, batches),
            mock.patch.object(cache, "user_cache_path", return_value=directory / "cache"),
            mock.patch.object(tempfile, "tempdir", str(directory / "tmp")),
            mock.patch.object(os, "fsync", return_value=None),
            mock.patch.dict(os.environ, homes),
        ):
            held.enter_context(replaced)
        made = {name: _arrays(definition) for name, definition in DATASETS.items()}
        pinned = {
            name: replace(
                DATASETS[name], sha256={key: DATASETS[name].digest(array) for key, array in arrays.items()}
            )
            for name, arrays in made.items()
        }
        idx = {
            file: len(idx_header(made["mnist"][name].shape)) + made["mnist"][name].size
            for name, file in mnist.IDX_FILES.items()
        }
        held.enter_context(mock.patch.dict(DATASETS, pinned))
        held.enter_context(mock.patch.dict(mnist.IDX_SIZES, idx))
        yield [*_mnist_forms(made["mnist"]), *_cifar10_forms(made["cifar10"])]


def _arrays(definition: Definition) -> Arrays:
    choose = np.random.default_rng(len(definition.name))
    return {
        name: choose.integers(0, 10 if name.endswith("labels") else 256, definition.shape(name), np.uint8)
        for name in ARRAY_NAMES
    }


def _mnist_forms(arrays: Arrays) -> list[Form]:
    idx = {
        file: idx_header(arrays[name].shape) + arrays[name].tobytes()
        for name, file in mnist.IDX_FILES.items()
    }
    return [
        Form("mnist", mnist.IDX_LAYOUT, idx, arrays),
        Form("mnist", mnist.IDX_LAYOUT, {f"{file}.gz": gzip.compress(idx[file]) for file in idx}, arrays),
        *(
            Form("mnist", mnist.NPZ_LAYOUT, {mnist.NPZ_FILE: _npz(arrays, method)}, arrays)
            for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
        ),
        Form("mnist", DATASETS["mnist"].npy_layout, _npy_files(arrays), arrays),
    ]


def _npz(arrays: Arrays, method: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, key in mnist.NPZ_KEYS.items():
            archive.writestr(f"{key}.npy", _npy(arrays[name].reshape(arrays[name].shape[:3])))
    return packed.getvalue()


def _cifar10_forms(arrays: Arrays) -> list[Form]:
    batches = {
        file: _batch(images, labels)
        for file, images, labels in zip(
            (*cifar10.TRAIN_BATCHES, cifar10.TEST_BATCH),
            [*np.split(arrays["train_images"], 5), arrays["test_images"]],
            [*np.split(arrays["train_labels"], 5), arrays["test_labels"]],
            strict=True,
        )
    }
    return [
        Form("cifar10", cifar10.BATCHES_LAYOUT, batches, arrays),
        Form("cifar10", cifar10.ARCHIVE_LAYOUT, {cifar10.ARCHIVE_FILE: packed_batches(batches)}, arrays),
        Form("cifar10", cifar10.SHEETS_LAYOUT, _sheets(arrays), arrays),
        Form("cifar10", DATASETS["cifar10"].npy_layout, _npy_files(arrays), arrays),
    ]


def packed_batches(
    batches: dict[str, bytes], rename: Callable[[tarfile.TarInfo], object] = lambda _: None
) -> bytes:
    """The archive of the authors; `rename` may make each member another kind of member."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        for file, content in batches.items():
            info = tarfile.TarInfo(f"{cifar10.BATCH_DIRECTORY}/{file}")
            info.size = len(content)
            rename(info)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _batch(images: Bytes, labels: Bytes) -> bytes:
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.concatenate([labels[:, None], planes], axis=1).tobytes()


def _sheets(arrays: Arrays) -> dict[str, bytes]:
    parts = [*np.split(arrays["train_images"], 5), arrays["test_images"]]
    files = {}
    for file, images in zip((*cifar10.TRAIN_SHEETS, cifar10.TEST_SHEET), parts, strict=True):
        stream = io.BytesIO()
        Image.fromarray(images.reshape(len(images), cifar10.PIXELS, 3)).save(stream, "PNG", compress_level=1)
        files[file] = stream.getvalue()
    for file, name in (
        (cifar10.TRAIN_SHEET_LABELS, "train_labels"),
        (cifar10.TEST_SHEET_LABELS, "test_labels"),
    ):
        files[file] = json.dumps(arrays[name].tolist()).encode()
    return files


def _npy_files(arrays: Arrays) -> dict[str, bytes]:
    return {f"{name}.npy": _npy(array) for name, array in arrays.items()}


def _npy(array: Bytes) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
