"""Softmax cross-entropy, its gradient, and the count of right answers."""

from __future__ import annotations

import tensorflow as tf

from celu_cli.engine.tensor import Tensor


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Softmax cross-entropy of each image: [b, classes], [b] -> [b]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(labels, tf.int32), logits=logits)


def logits_gradient(logits: Tensor, labels: Tensor, scale: float = 1.0, mean: bool = True) -> Tensor:
    """dL/d logits, [b, classes], times `scale`: softmax - one-hot, divided by b where L is the mean over the batch."""
    one_hot = tf.one_hot(tf.cast(labels, tf.int32), logits.shape[-1], dtype=logits.dtype)
    gradient = (tf.nn.softmax(logits) - one_hot) * tf.constant(scale, logits.dtype)
    return gradient / tf.cast(tf.shape(logits)[0], logits.dtype) if mean else gradient


def count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images have their label's logit the largest: [b, classes], [b] -> int32 scalar."""
    answers = tf.argmax(logits, axis=1, output_type=tf.int32)
    return tf.reduce_sum(tf.cast(answers == tf.cast(labels, tf.int32), tf.int32))
