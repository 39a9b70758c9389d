"""Testing weights on a split, in batches as large as a share of a training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from celu_cli.case.plan import NetworkPlan
from celu_cli.case.shares import share_images
from celu_cli.datasets.definition import Split
from celu_cli.engine.loss import count_correct, cross_entropy
from celu_cli.engine.network import Network
from celu_cli.engine.tensor import Tensor, share
from celu_cli.machine import cpu_threads


def compile_evaluation(network: Network, split: Split, batch_size: int) -> Callable[..., Any]:
    """One graph that tests some batches, the last partial one counted for what it is.

    The function returned takes weights, the first image, the loss summed and the right answers counted so far, and how
    many batches to test; it returns the middle three as they are afterwards.
    """
    images, labels = share(split.images), share(split.labels)
    total = len(split.images)

    @tf.function(autograph=False)
    def run_evaluation(
        weights: Any, first: Tensor, loss_sum: Tensor, correct: Tensor, batches: Tensor
    ) -> Any:
        weights = network.compute_weights(weights)
        last = tf.minimum(first + batches * batch_size, total)

        def step(first: Tensor, loss_sum: Tensor, correct: Tensor) -> Any:
            batch = tf.ensure_shape(images[first : first + batch_size], [None, *images.shape[1:]])
            batch_labels = labels[first : first + batch_size]
            logits, _ = network.forward(weights, network.inputs(batch))
            loss_sum += tf.reduce_sum(tf.cast(cross_entropy(logits, batch_labels), tf.float64))
            return first + batch_size, loss_sum, correct + count_correct(logits, batch_labels)

        return tf.while_loop(
            lambda first, *_: first < last,
            step,
            (first, loss_sum, correct),
            parallel_iterations=cpu_threads(),
        )

    return run_evaluation


def evaluation_batch(plan: NetworkPlan, images: int) -> int:
    """Images per evaluation batch: as many as a share may have, up to 1,000, and where possible without a remainder."""
    most = min(1_000, share_images(plan))
    return next((size for size in range(most, most // 2, -1) if images % size == 0), most)
