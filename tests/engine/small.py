"""Cases small enough for a test, with weights and images for their networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.activations import ALPHA
from celu_cli.case.plan import LayerPlan
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Dataset, Split
from celu_cli.datasets.registry import DATASETS

Floats = NDArray[np.float64]

# An alpha that is not the default, so that one that is ignored shows.
ALPHAS = {name: rule.trial if rule else None for name, rule in ALPHA.items()}


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run compiled functions operation by operation: compiling Winograd's anew for a shape takes seconds."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


class Batch(NamedTuple):
    """uint8 images [b, h, w, c] and labels [b]."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def make_case(dataset: str = "cifar10", **changes: Any) -> Case:
    """The article's seven layers with 8 filters and alpha 2; `changes` win."""
    values = {
        "dataset": {"name": dataset},
        "network": {"preset": "article-7", "filters": 8},
        "alpha": 2.0,
        "optimizer": {"name": "sgd"},
        "epochs": 1,
    }
    return Case.model_validate(values | changes)


def make_tiny_case(**changes: Any) -> Case:
    """Two layers on MNIST, which compile fast; `changes` win."""
    layers = [
        {"kernel": 3, "filters": 4, "pool": "average", "pool_size": 7},
        {"kernel": 2, "filters": 10, "pool": "average", "pool_size": 4},
    ]
    values = {
        "network": {"layers": layers, "initializer": {"name": "he_normal"}},
        "optimizer": {"name": "momentum", "learning_rate": 0.1},
        "batch_size": 8,
    }
    return make_case("mnist", **(values | changes))


def make_weights(layers: Sequence[LayerPlan], seed: int = 1) -> list[Floats]:
    """Weights of a size that keeps a signal alive through all layers; float32 can hold each of them exactly."""
    generator = np.random.default_rng(seed)
    return [
        (generator.normal(size=layer.kernel_shape) * np.sqrt(2.0 / np.prod(layer.kernel_shape[:3])))
        .astype(np.float32)
        .astype(np.float64)
        for layer in layers
    ]


def make_batch(dataset: str, count: int = 3, seed: int = 2) -> Batch:
    """Random images with a black frame of three pixels, where convolutions without bias give exactly 0."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, *DATASETS[dataset].image_shape), np.uint8)
    framed = np.zeros_like(images)
    framed[:, 3:-3, 3:-3] = images[:, 3:-3, 3:-3]
    return Batch(framed, generator.integers(0, 10, count).astype(np.uint8))


def make_dataset(train: int, test: int) -> Dataset:
    """Images of MNIST's shape with something to learn in a few steps: stripes tell one of four labels."""
    return Dataset("mnist", _learnable(train, 3), _learnable(test, 4), "made up for a test")


def _learnable(count: int, seed: int) -> Split:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, count).astype(np.uint8)
    rows, columns = np.indices((28, 28)) % 2
    stripes = np.stack([rows, columns, rows ^ columns, np.zeros_like(rows)])
    noise = generator.integers(0, 56, (count, 28, 28))
    return Split((noise + 180 * stripes[labels]).astype(np.uint8)[..., np.newaxis], labels)
