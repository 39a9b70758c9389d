"""The datasets by name; imports no NumPy, so that cases can be read without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DatasetName = Literal["mnist", "cifar10"]


@dataclass(frozen=True)
class DatasetFacts:
    """Shape and size of a dataset; `image_shape` is (height, width, channels)."""

    title: str
    image_shape: tuple[int, int, int]
    classes: int
    train_images: int
    test_images: int


DATASETS: dict[str, DatasetFacts] = {
    "mnist": DatasetFacts("MNIST", (28, 28, 1), 10, 60_000, 10_000),
    "cifar10": DatasetFacts("CIFAR-10", (32, 32, 3), 10, 50_000, 10_000),
}

SAMPLE_TRAIN_IMAGES = 2_000
SAMPLE_TEST_IMAGES = 500
