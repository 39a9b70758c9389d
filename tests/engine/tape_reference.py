"""An oracle: the network written plainly in TensorFlow operations and differentiated by its tape.

It shares no code with the engine: no folded alpha, no derivative from an output, no adjoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from celu_cli.case.plan import LayerPlan, NetworkPlan
from tests.engine.compare import Expected
from tests.engine.small import Batch

# Each side is computed where it holds alone, so that the tape never multiplies an overflow by 0.
FORMULAS: dict[str, Callable[[Any, float], Any]] = {
    "celu": lambda x, a: tf.where(x >= 0, x, a * (tf.exp(_negative(x) / a) - 1)),
    "elu": lambda x, a: tf.where(x >= 0, x, a * (tf.exp(_negative(x)) - 1)),
    "relu": lambda x, _: tf.where(x > 0, x, tf.zeros_like(x)),
    "leaky_relu": lambda x, a: tf.where(x > 0, x, a * x),
    "selu": lambda x, _: (
        1.0507009873554805 * tf.where(x >= 0, x, 1.6732632423543772 * (tf.exp(_negative(x)) - 1))
    ),
    "gelu": lambda x, _: 0.5 * x * tf.math.erfc(-x / math.sqrt(2.0)),
    "silu": lambda x, _: x / (1 + tf.exp(-x)),
    "softplus": lambda x, _: tf.where(x > 0, x, tf.zeros_like(x)) + tf.math.log1p(tf.exp(-abs(x))),
    "tanh": lambda x, _: 2 / (1 + tf.exp(-2 * x)) - 1,
    "identity": lambda x, _: x,
}


class Forward(NamedTuple):
    """Inputs of all layers and what follows their activation (and residual sum), the last input being the logits."""

    inputs: list[Any]
    activated: list[Any]


def forward(plan: NetworkPlan, weights: Sequence[Any], batch: Batch, dtype: str = "float64") -> Forward:
    """Every layer's input and activation for pixels / 255."""
    x = tf.cast(batch.images, dtype) / 255
    inputs, activated = [x], []
    for layer, layer_weights in zip(plan.layers, weights, strict=True):
        z = tf.nn.convolution(x, layer_weights, padding="SAME")
        y = FORMULAS[layer.activation](z, layer.alpha) + layer.residual * (x if layer.residual else 0)
        activated.append(y)
        x = pool(layer, y)
        inputs.append(x)
    return Forward(inputs, activated)


def pool(layer: LayerPlan, y: Any) -> Any:
    """The layer's pool."""
    if layer.pool == "none":
        return y
    kind = {"average": "AVG", "max": "MAX"}[layer.pool]
    return tf.nn.pool(y, [layer.pool_size] * 2, kind, strides=[layer.pool_size] * 2, padding="VALID")


def mean_loss(logits: Any, batch: Batch) -> Any:
    """Mean over the batch of -log of the label's softmax."""
    logits = tf.reshape(logits, [len(batch.labels), -1])
    of_label = tf.gather(logits, batch.labels.astype(np.int32), batch_dims=1)
    return tf.reduce_mean(tf.reduce_logsumexp(logits, axis=1) - of_label)


def loss_of(plan: NetworkPlan, weights: Sequence[Any], batch: Batch) -> float:
    """The loss in float64."""
    return float(mean_loss(forward(plan, weights, batch).inputs[-1], batch))


def gradients(
    plan: NetworkPlan, weights: Sequence[Any], batch: Batch, rate: float = 0.0, dtype: str = "float64"
) -> Expected:
    """The tape's gradients of the loss, or with a rate those of the dilated surrogate loss.

    The surrogate is S = L + sum_l rate <up(d_{l+2}), y_l> over the dilated layers, d_{l+2} = dS/d input of layer l + 2
    held constant: built from the top, so each d contains the terms above it. `up` is the tape's own adjoint of the two
    pools between.
    """
    variables = [tf.constant(tensor, dtype) for tensor in weights]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(variables)
        passed = forward(plan, variables, batch, dtype)
        surrogate = mean_loss(passed.inputs[-1], batch)
        for number in reversed(plan.dilated_layers if rate else ()):
            index = number - 1
            with tape.stop_recording():
                skip = tape.gradient(surrogate, passed.inputs[index + 2])
                for layer in (index + 1, index):
                    skip = _pool_adjoint(plan.layers[layer], passed.activated[layer], skip)
            surrogate += rate * tf.reduce_sum(skip * passed.activated[index])
    return Expected(*tape.gradient(surrogate, (variables, passed.inputs[1:])))


def _pool_adjoint(layer: LayerPlan, y: Any, gradient: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(y)
        pooled = pool(layer, y)
    return tape.gradient(pooled, y, output_gradients=gradient)


def _negative(x: Any) -> Any:
    return tf.minimum(x, tf.zeros_like(x))
