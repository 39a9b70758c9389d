"""Facts about the published datasets; they need the full sets and are skipped where these are not cached."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from celu_cli.datasets.definition import Dataset


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_pixel_position_of_cifar10_has_minimum_0_and_maximum_255(
    split: str, full_dataset: Callable[[str], Dataset]
) -> None:
    """So the article's scaling by each position's minimum and maximum is x / 255."""
    images = getattr(full_dataset("cifar10"), split).images
    assert (images.min(axis=0) == 0).all()
    assert (images.max(axis=0) == 255).all()


def test_cifar10_has_every_class_equally_often(full_dataset: Callable[[str], Dataset]) -> None:
    dataset = full_dataset("cifar10")
    assert np.bincount(dataset.train.labels).tolist() == [5_000] * 10
    assert np.bincount(dataset.test.labels).tolist() == [1_000] * 10


def test_mnist_has_60000_and_10000_digits_that_begin_with_5_and_7(
    full_dataset: Callable[[str], Dataset],
) -> None:
    dataset = full_dataset("mnist")
    assert dataset.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert dataset.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert dataset.train.images.shape == (60_000, 28, 28, 1)
    assert dataset.test.images.shape == (10_000, 28, 28, 1)
