"""Draw the sample that celu ships from the full datasets: `python scripts/draw_sample.py [DIRECTORY]`.

The rule needs no random generator, so it can be repeated in any language and with any version of NumPy: of
the images of a class, take those whose SHA-256 of "celu sample/<dataset>/<split>/<row>" is smallest. Rows
count from 0 in the published order. MNIST's first 5,000 training images are left out: case-a holds them out.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from celu_cli.datasets.definition import Split
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.registry import DATASETS, SAMPLE_TEST_IMAGES, SAMPLE_TRAIN_IMAGES
from celu_cli.datasets.sample import ROWS_FILE, SAMPLE_DIRECTORY, SHEET_COLUMNS, sheet_file


def rank(dataset: str, split: str, row: int) -> bytes:
    """The sort key of a row: those with the smallest are drawn."""
    return hashlib.sha256(f"celu sample/{dataset}/{split}/{row}".encode()).digest()


def draw_rows(dataset: str, split: str, labels: NDArray[np.uint8], count: int) -> list[int]:
    """The drawn rows of a split in published order, equally many of each class."""
    classes = DATASETS[dataset].classes
    first = DATASETS[dataset].sample_first_row if split == "train" else 0
    drawn: list[int] = []
    for label in range(classes):
        rows = [int(row) for row in np.flatnonzero(labels == label) if row >= first]
        drawn += sorted(rows, key=lambda row: rank(dataset, split, row))[: count // classes]
    return sorted(drawn)


def to_sheet(images: NDArray[np.uint8]) -> Image.Image:
    """Images (N, height, width, channels) side by side on one sheet, in reading order."""
    count, height, width, channels = images.shape
    lines = count // SHEET_COLUMNS
    tiles = images.reshape(lines, SHEET_COLUMNS, height, width, channels).swapaxes(1, 2)
    pixels = tiles.reshape(lines * height, SHEET_COLUMNS * width, channels)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def draw(dataset: str, split_name: str, split: Split, count: int, directory: Path) -> dict[str, list[int]]:
    """Write one split's sheet; returns its rows and labels."""
    rows = draw_rows(dataset, split_name, split.labels, count)
    to_sheet(split.images[rows]).save(directory / sheet_file(dataset, split_name), optimize=True)
    return {"rows": rows, "labels": split.labels[rows].tolist()}


def main(directory: Path) -> None:
    """Draw the samples of all datasets into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for name, definition in DATASETS.items():
        if not definition.sample_sha256:
            continue
        full = load_dataset(name)
        drawn[name] = {
            "train": draw(name, "train", full.train, SAMPLE_TRAIN_IMAGES, directory),
            "test": draw(name, "test", full.test, SAMPLE_TEST_IMAGES, directory),
        }
    (directory / ROWS_FILE).write_text(json.dumps(drawn) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE_DIRECTORY)
