"""MNIST's file formats: the four idx files of its authors and the npz that Keras made of them."""

from __future__ import annotations

import io
import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

from celu_cli.datasets.facts import Arrays, Bytes, array_shape, idx_header
from celu_cli.datasets.stored import HEADER_LIMIT, decode_npy
from celu_cli.errors import DataError

IDX_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
IDX_SIZES = {
    file: len(idx_header(array_shape("mnist", name)[:3])) + math.prod(array_shape("mnist", name))
    for name, file in IDX_FILES.items()
}

_DAMAGED_NPZ = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, RuntimeError, ValueError, KeyError, OverflowError),
)

NPZ_FILE = "mnist.npz"
NPZ_LIMITS = {NPZ_FILE: 60_000_000}
NPZ_KEYS = {
    "train_images": "x_train",
    "train_labels": "y_train",
    "test_images": "x_test",
    "test_labels": "y_test",
}


def decode_idx(file: str, content: bytes, shape: tuple[int, ...]) -> Bytes:
    """One idx file as a uint8 array; DataError when its header or its length is not that of `shape`."""
    header = idx_header(shape[:3])
    if content[: len(header)] != header:
        raise DataError(f"{file} does not begin with the idx header of {shape[:3]} unsigned bytes")
    expected = len(header) + math.prod(shape)
    if len(content) != expected:
        raise DataError(f"{file} has {len(content):,} bytes, not {expected:,}")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def decode_idx_files(files: Mapping[str, bytes]) -> Arrays:
    """The four idx files, uncompressed, as arrays; images are (N, 28, 28, 1)."""
    return {
        name: decode_idx(file, files[file], array_shape("mnist", name)) for name, file in IDX_FILES.items()
    }


def decode_npz(files: Mapping[str, bytes]) -> Arrays:
    """Keras's `mnist.npz` as arrays; images are (N, 28, 28, 1). Nothing pickled is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(files[NPZ_FILE])) as archive:
            return {name: _read_npz_member(archive, name) for name in NPZ_KEYS}
    except _DAMAGED_NPZ as error:
        raise DataError(f"{NPZ_FILE} is damaged or another file: {error}") from error


def _read_npz_member(archive: zipfile.ZipFile, name: str) -> Bytes:
    shape = array_shape("mnist", name)
    file = f"{NPZ_KEYS[name]}.npy"
    size = archive.getinfo(file).file_size
    if size > math.prod(shape) + HEADER_LIMIT:
        raise DataError(f"{file} in {NPZ_FILE} would unpack to {size:,} bytes")
    array = decode_npy(file, archive.read(file))
    if array.shape != shape[:3]:
        raise DataError(f"{file} in {NPZ_FILE} has the shape {array.shape}, not {shape[:3]}")
    return array.reshape(shape)
