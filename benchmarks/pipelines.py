"""A few steps of a training with its whole data pipeline, in a process that is measured for its memory.

Usage: python -m benchmarks.pipelines tensorflow|celu|article CASE STEPS IMAGES [KEY=VALUE ...]

The images are made up, IMAGES of them to train on and a fifth as many to test: memory does not depend on what they
show, and a measurement that needs no dataset works everywhere. `tensorflow` only imports it, as the base of the others.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from celu_cli.case.load import load_case
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Dataset
from celu_cli.datasets.load import to_dataset
from celu_cli.datasets.registry import DATASETS

Floats = NDArray[np.float32]


def made_up(case: Case, count: int) -> Dataset:
    """Random images of the shape of the case's dataset."""
    dataset, generator = DATASETS[case.dataset.name], np.random.default_rng(0)

    arrays = {}
    for split, images in (("train", count), ("test", count // 5)):
        arrays[f"{split}_images"] = generator.integers(0, 256, (images, *dataset.image_shape), np.uint8)
        arrays[f"{split}_labels"] = generator.integers(0, dataset.classes, images).astype(np.uint8)
    return to_dataset(case.dataset.name, arrays, "made up")


def train_celu(case: Case, dataset: Dataset, steps: int) -> None:
    from celu_cli.engine.training.train import train
    from celu_cli.events import StepsDone

    for event in train(case, dataset):
        if isinstance(event, StepsDone) and event.step >= steps:
            return


def train_article(case: Case, dataset: Dataset, steps: int) -> None:
    """As the scripts did: both sets as float32, every pixel position scaled by its minimum and maximum over the set."""
    from benchmarks.peers.article import ArticlePeer
    from benchmarks.peers.spec import peer_spec

    def scaled(images: NDArray[np.uint8]) -> Floats:
        wide = images.astype(np.float32)
        low, high = wide.min(axis=0), wide.max(axis=0)
        return (wide - low) / np.maximum(high - low, 1.0)

    train, test = scaled(dataset.train.images), scaled(dataset.test.images)
    peer = ArticlePeer(peer_spec(case, dataset.train.images, dataset.train.labels))
    for _ in range(steps):
        peer.step()
    assert train.dtype == test.dtype == np.float32  # both stay until the training ends


def main() -> None:
    kind, name, steps, images, *overrides = sys.argv[1:]
    case = load_case(name, overrides)
    if kind == "tensorflow":
        import tensorflow as tf

        tf.ones([1]).numpy()
        return
    dataset = made_up(case, int(images))
    {"celu": train_celu, "article": train_article}[kind](case, dataset, int(steps))


if __name__ == "__main__":
    main()
