"""A trained network on images of any number."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.case.shares import share_images
from celu_cli.engine.network import network_of
from celu_cli.engine.shares import Results, in_shares


def compute_logits(
    case: Case, weights: Mapping[str, NDArray[Any]], images: NDArray[np.uint8]
) -> NDArray[Any]:
    """The logits of `case`'s network, float32 [b, classes], with the arithmetic that it trains with.

    `weights` go by the names of the case's plan; `images` are uint8 [b, h, w, c].
    """
    network = network_of(case)
    shares = ceil(len(images) / share_images(plan_network(case)))
    master = [tf.constant(weights[name]) for name in network.weight_names]

    @tf.function(autograph=False)
    def logits_of(images: Any) -> Any:
        def of_share(batch: Any) -> Results:
            logits, _ = network.forward(network.compute_weights(master), network.inputs(batch))
            return [logits], []

        (logits,), _ = in_shares(of_share, [images], shares)
        return logits

    return logits_of(tf.constant(images)).numpy()
