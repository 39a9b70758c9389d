"""The sample of each dataset that is shipped with celu: real images, class-balanced, always the same.

Images lie side by side on PNG sheets, which any viewer opens; `sample_data/README.md` says where they come
from and how they were drawn.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from celu_cli.datasets.definition import Bytes, Dataset, Split
from celu_cli.datasets.formats import DAMAGED_PNG
from celu_cli.datasets.registry import DATASETS
from celu_cli.errors import DataError

SAMPLE_DIRECTORY = Path(__file__).parent / "sample_data"
ROWS_FILE = "rows.json"
SHEET_COLUMNS = 50


@dataclass(frozen=True)
class SampledSplit(Split):
    """One split of a sample; `rows` (N,) are the images' places in the published split, counted from 0."""

    rows: np.ndarray[tuple[int], np.dtype[np.uint16]]


def load_sample(dataset: str) -> Dataset:
    """The embedded sample of a dataset, read-only; DataError when the installation is damaged."""
    if not DATASETS[dataset].sample_sha256:
        raise DataError(f"celu has no sample of {dataset}")
    train, test = read_split(dataset, "train"), read_split(dataset, "test")
    if digest(train, test) != DATASETS[dataset].sample_sha256:
        raise damaged(f"the images of {dataset} are not those that were shipped")
    for array in (train.images, train.labels, test.images, test.labels):
        array.flags.writeable = False
    source = f"the sample that comes with celu ({len(train.labels):,} + {len(test.labels):,} real images)"
    return Dataset(dataset, train, test, source)


def read_split(dataset: str, split: str) -> SampledSplit:
    """The images, labels and rows of one split as the shipped files have them."""
    from PIL import Image

    try:
        kept = json.loads((SAMPLE_DIRECTORY / ROWS_FILE).read_text("utf-8"))[dataset][split]
        labels, rows = np.array(kept["labels"], np.uint8), np.array(kept["rows"], np.uint16)
        return SampledSplit(read_sheet(dataset, split, len(labels)), labels, rows)
    except (*DAMAGED_PNG, KeyError, RecursionError, Image.DecompressionBombError) as error:
        raise damaged(str(error)) from error


def read_sheet(dataset: str, split: str, count: int) -> Bytes:
    """`count` images (N, height, width, channels) from a sheet on which they lie in reading order."""
    from PIL import Image

    height, width, channels = DATASETS[dataset].image_shape
    with Image.open(SAMPLE_DIRECTORY / sheet_file(dataset, split), formats=("PNG",)) as sheet:
        pixels: Bytes = np.asarray(sheet)
    tiles = pixels.reshape(count // SHEET_COLUMNS, height, SHEET_COLUMNS, width, channels).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(count, height, width, channels))


def sheet_file(dataset: str, split: str) -> str:
    """The name of the sheet of a split."""
    return f"{dataset}-{split}.png"


def digest(train: SampledSplit, test: SampledSplit) -> str:
    """The SHA-256 of the images, labels and rows (little-endian uint16) of train, then of test."""
    arrays = [(split.images, split.labels, split.rows.astype("<u2")) for split in (train, test)]
    return hashlib.sha256(b"".join(array.tobytes() for three in arrays for array in three)).hexdigest()


def damaged(reason: str) -> DataError:
    """The error for a sample that is not as shipped."""
    return DataError(f"the sample that comes with celu is damaged: {reason}; install celu again")
