"""Activation functions, each a value and its derivative side by side.

A derivative is a function of what the forward pass keeps: the output wherever that is enough, as it spares the memory
of the input. The names and the meaning of alpha are those of `celu_cli.case.activations.ALPHA`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

from celu_cli.engine.tensor import Tensor, scaled

_SELU_SCALE = 1.0507009873554805  # Klambauer et al. 2017, arXiv:1706.02515
_SELU_ALPHA = 1.6732632423543772

# TensorFlow's ELU is exp(x) - 1, which has few digits left of an x near 0; dividing by a larger alpha leaves none.
LARGEST_ALPHA_FOR_ELU = 16.0


@dataclass(frozen=True)
class Activation:
    """`value(x, alpha)`; `derivative(kept, alpha)`, where `kept` is the output or the input, as `keeps` says.

    `backward(gradient, kept, alpha)` is gradient * derivative, in one fused kernel where TensorFlow has one. `formula`
    is the value in plain text, for people.
    """

    value: Callable[[Tensor, float], Tensor]
    derivative: Callable[[Tensor, float], Tensor]
    keeps: Literal["output", "input"] = "output"
    fused_backward: Callable[[Tensor, Tensor, float], Tensor] | None = None
    formula: str = ""

    def backward(self, gradient: Tensor, kept: Tensor, alpha: float) -> Tensor:
        if self.fused_backward is not None:
            return self.fused_backward(gradient, kept, alpha)
        return gradient * self.derivative(kept, alpha)


def _ones_where(condition: Tensor, otherwise: Tensor) -> Tensor:
    return tf.where(condition, tf.ones_like(otherwise), otherwise)


def _elu(x: Tensor) -> Tensor:
    return _elu_in_float32(x) if x.dtype == tf.float32 else tf.nn.elu(x)


@tf.custom_gradient
def _elu_in_float32(x: Tensor) -> Any:
    # TensorFlow's kernel is built for any processor; XLA compiles for this one, and one long row the fastest. On the
    # way back, where nothing is to be raised to a power, the kernel is as fast.
    y = tf.ensure_shape(tf.reshape(_compiled_elu(tf.reshape(x, [-1])), tf.shape(x)), x.shape)
    return y, lambda gradient: tf.raw_ops.EluGrad(gradients=gradient, outputs=y)


@tf.function(jit_compile=True, autograph=False, input_signature=[tf.TensorSpec([None], tf.float32)])
def _compiled_elu(x: Tensor) -> Tensor:
    return tf.where(x < 0.0, tf.exp(tf.minimum(x, 0.0)) - 1.0, x)


def _celu(x: Tensor, alpha: float) -> Tensor:
    if alpha <= LARGEST_ALPHA_FOR_ELU:
        return scaled(_elu(scaled(x, 1.0 / alpha)), alpha)
    return tf.nn.relu(x) + scaled(tf.math.expm1(scaled(tf.minimum(x, 0.0), 1.0 / alpha)), alpha)


def _normal_distribution(x: Tensor) -> Tensor:
    # 1 + erf(x) would lose all digits far below 0.
    return 0.5 * tf.math.erfc(x * tf.constant(-math.sqrt(0.5), x.dtype))


def _gelu_derivative(x: Tensor, _: float) -> Tensor:
    density = tf.exp(-0.5 * x * x) * tf.constant(1.0 / math.sqrt(2.0 * math.pi), x.dtype)
    return _normal_distribution(x) + x * density


def _silu_derivative(x: Tensor, _: float) -> Tensor:
    sigmoid = tf.sigmoid(x)
    return sigmoid * (1.0 + x * (1.0 - sigmoid))


ACTIVATIONS: dict[str, Activation] = {
    # Barron 2017, arXiv:1704.07483
    "celu": Activation(
        formula="x for x >= 0, alpha (exp(x / alpha) - 1) for x < 0",
        value=_celu,
        derivative=lambda y, alpha: _ones_where(y >= 0.0, 1.0 + scaled(y, 1.0 / alpha)),
        fused_backward=lambda g, y, alpha: tf.raw_ops.EluGrad(gradients=g, outputs=scaled(y, 1.0 / alpha)),
    ),
    # Clevert et al. 2015, arXiv:1511.07289
    "elu": Activation(
        formula="x for x >= 0, alpha (exp(x) - 1) for x < 0",
        value=lambda x, alpha: _elu(x) if alpha == 1.0 else tf.where(x >= 0.0, x, scaled(_elu(x), alpha)),
        derivative=lambda y, alpha: _ones_where(y >= 0.0, y + tf.constant(alpha, y.dtype)),
    ),
    "relu": Activation(
        formula="max(x, 0)",
        value=lambda x, _: tf.nn.relu(x),
        derivative=lambda y, _: tf.cast(y > 0.0, y.dtype),
        fused_backward=lambda g, y, _: tf.raw_ops.ReluGrad(gradients=g, features=y),
    ),
    # Maas et al. 2013; tf.nn.leaky_relu would round alpha to float32
    "leaky_relu": Activation(
        formula="x for x >= 0, alpha x for x < 0",
        value=lambda x, alpha: tf.maximum(x, scaled(x, alpha)),
        derivative=lambda y, alpha: _ones_where(y > 0.0, tf.fill(tf.shape(y), tf.constant(alpha, y.dtype))),
    ),
    # Klambauer et al. 2017, arXiv:1706.02515
    "selu": Activation(
        formula="1.0507 x for x >= 0, 1.7581 (exp(x) - 1) for x < 0",
        value=lambda x, _: tf.nn.selu(x),
        derivative=lambda y, _: tf.where(
            y >= 0.0, tf.constant(_SELU_SCALE, y.dtype), y + tf.constant(_SELU_SCALE * _SELU_ALPHA, y.dtype)
        ),
        fused_backward=lambda g, y, _: tf.raw_ops.SeluGrad(gradients=g, outputs=y),
    ),
    # Hendrycks, Gimpel 2016, arXiv:1606.08415; tf.nn.gelu would round the root in it to float32
    "gelu": Activation(
        formula="x Phi(x), Phi the normal distribution",
        value=lambda x, _: x * _normal_distribution(x),
        derivative=_gelu_derivative,
        keeps="input",
    ),
    # Elfwing et al. 2017, arXiv:1702.03118
    "silu": Activation(
        formula="x sigmoid(x)", value=lambda x, _: tf.nn.silu(x), derivative=_silu_derivative, keeps="input"
    ),
    # its derivative, sigmoid(x), is 1 - exp(-y)
    "softplus": Activation(
        formula="log(1 + exp(x))",
        value=lambda x, _: tf.nn.softplus(x),
        derivative=lambda y, _: -tf.math.expm1(-y),
    ),
    "tanh": Activation(
        formula="tanh(x)",
        value=lambda x, _: tf.tanh(x),
        derivative=lambda y, _: 1.0 - y * y,
    ),
    "identity": Activation(
        formula="x",
        value=lambda x, _: x,
        derivative=lambda y, _: tf.ones_like(y),
        fused_backward=lambda g, _, __: g,
    ),
}
