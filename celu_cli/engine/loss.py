"""Softmax cross-entropy, its gradient, and the count of right answers."""

from __future__ import annotations

import tensorflow as tf

from celu_cli.engine.network import Network
from celu_cli.engine.tensor import Tensor


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Softmax cross-entropy of each image: [b, classes], [b] -> [b]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(labels, tf.int32), logits=logits)


def count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images have their label's logit the largest: [b, classes], [b] -> int32 scalar."""
    answers = tf.argmax(logits, axis=1, output_type=tf.int32)
    return tf.reduce_sum(tf.cast(answers == tf.cast(labels, tf.int32), tf.int32))


def logits_gradient(network: Network, logits: Tensor, labels: Tensor) -> Tensor:
    """dL/d output of the last layer, [b, 1, 1, classes]: (softmax - one-hot) / batch, times the network's scale."""
    one_hot = tf.one_hot(tf.cast(labels, tf.int32), logits.shape[-1], dtype=logits.dtype)
    gradient = (tf.nn.softmax(logits) - one_hot) * tf.constant(network.scale, logits.dtype)
    if not network.layers[-1].article:  # the article's scripts leave out the mean over the batch
        gradient /= tf.cast(tf.shape(logits)[0], logits.dtype)
    return tf.cast(gradient[:, tf.newaxis, tf.newaxis, :], network.dtype)
