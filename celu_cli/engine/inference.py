"""A trained network on images of any number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.engine.network import network_of
from celu_cli.engine.training.evaluation import evaluation_batch


def compute_logits(
    case: Case, weights: Mapping[str, NDArray[Any]], images: NDArray[np.uint8]
) -> NDArray[Any]:
    """The logits of `case`'s network, float32 [b, classes], with the arithmetic that it trains with.

    `weights` go by the names of the case's plan; `images` are uint8 [b, h, w, c].
    """
    network = network_of(case)
    master = [tf.constant(weights[name]) for name in network.weight_names]

    @tf.function(autograph=False, reduce_retracing=True)
    def logits_of(batch: Any) -> Any:
        logits, _ = network.forward(network.compute_weights(master), network.inputs(batch))
        return logits

    size = evaluation_batch(plan_network(case), len(images))
    batches = (tf.constant(images[first : first + size]) for first in range(0, len(images), size))
    return np.concatenate([logits_of(batch).numpy() for batch in batches])
