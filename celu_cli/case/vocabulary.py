"""The words a case may use, with the facts about them that need neither data nor TensorFlow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from celu_cli.case.float32 import SIZES, fits_float32

DatasetName = Literal["mnist", "cifar10"]
ActivationName = Literal[
    "celu", "elu", "relu", "leaky_relu", "selu", "gelu", "silu", "softplus", "tanh", "identity"
]
# One of the user's own: the name of an activation in a Python file.
OWN_ACTIVATION_PATTERN = r"^.+\.py:[A-Za-z_]\w*$"


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

_ALPHA_OF_A_FILE = Alpha("what the file makes of it", default=1.0, above=-math.inf)


def alpha_rule(activation: str) -> Alpha | None:
    """What alpha is to `activation`, which may be one from a file; None where it has none."""
    return ALPHA.get(activation, _ALPHA_OF_A_FILE)


def alpha_problem(activation: str, alpha: float) -> str | None:
    """What is wrong with giving `activation` this alpha, if anything."""
    rule = alpha_rule(activation)
    if rule is None:
        return f"{activation} has no alpha"
    # NaN fails both comparisons, infinity the second where there is no upper bound.
    if rule.above < alpha <= rule.at_most and alpha < math.inf:
        return None if fits_float32(alpha) else f"{activation} needs an alpha {SIZES}, not {alpha:g}"
    if rule.above == -math.inf:
        return f"{activation} needs a finite alpha, not {alpha:g}"
    upper = "finite" if rule.at_most == math.inf else f"at most {rule.at_most:g}"
    return f"{activation} needs an alpha above {rule.above:g} and {upper}, not {alpha:g}"
