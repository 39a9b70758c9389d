"""The datasets by name; imports no NumPy, so that cases can be read without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from celu_cli.datasets.cifar10 import CIFAR10
from celu_cli.datasets.definition import Definition
from celu_cli.datasets.mnist import MNIST

DATASETS: dict[str, Definition] = {definition.name: definition for definition in (MNIST, CIFAR10)}

if TYPE_CHECKING:
    DatasetName = str
else:
    DatasetName = Literal[tuple(DATASETS)]
"""The type of a dataset's name in a case."""

SAMPLE_TRAIN_IMAGES = 2_000
SAMPLE_TEST_IMAGES = 500
