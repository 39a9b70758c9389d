"""What a trained network takes the user's images for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from celu_cli.errors import DataError
from celu_cli.trained.images import read_image
from celu_cli.trained.network import TrainedNetwork


@dataclass(frozen=True)
class Prediction:
    """The likeliest class of one image, its probability, and the probability of every class by name."""

    file: Path
    label: str
    probability: float
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Predictions:
    """One for each image that could be read, and a text for each that could not."""

    found: tuple[Prediction, ...]
    problems: tuple[str, ...]


def predict(network: TrainedNetwork, files: Sequence[Path], *, ink: bool = False) -> Predictions:
    """Classify the images; probabilities are the softmax of the logits."""
    read, images, problems = [], [], []
    for file in files:
        try:
            images.append(read_image(file, network.dataset, ink=ink))
        except DataError as error:
            problems.append(str(error))
        else:
            read.append(file)
    if not images:
        return Predictions((), tuple(problems))
    import numpy as np
    from scipy.special import softmax

    from celu_cli.engine.inference import compute_logits

    rows = softmax(compute_logits(network.case, network.weights, np.stack(images)).astype(np.float64), axis=1)
    found = []
    for file, row in zip(read, rows, strict=True):
        probabilities = dict(zip(network.dataset.labels, map(float, row), strict=True))
        label = max(probabilities, key=lambda name: probabilities[name])
        found.append(Prediction(file, label, probabilities[label], probabilities))
    return Predictions(tuple(found), tuple(problems))
