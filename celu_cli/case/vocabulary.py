"""The words a case may use, with the facts about them that need neither data nor TensorFlow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

DatasetName = Literal["mnist", "cifar10"]
ActivationName = Literal[
    "celu", "elu", "relu", "leaky_relu", "selu", "gelu", "silu", "softplus", "tanh", "identity"
]


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


@dataclass(frozen=True)
class Alpha:
    """What alpha means to an activation: range (open below, closed above where finite) and default."""

    meaning: str
    default: float
    above: float = 0.0
    at_most: float = math.inf


ALPHA: dict[str, Alpha | None] = {
    "celu": Alpha("negative side is alpha (exp(x / alpha) - 1)", default=1.0),
    "elu": Alpha("negative side is alpha (exp(x) - 1)", default=1.0),
    "relu": None,
    "leaky_relu": Alpha("slope of the negative side", default=0.3, at_most=1.0),
    "selu": None,
    "gelu": None,
    "silu": None,
    "softplus": None,
    "tanh": None,
    "identity": None,
}
