"""One layer: convolution, activation, residual sum, pool; the backward pass beside the forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from celu_cli.case.network import LayerPlan
from celu_cli.engine import winograd
from celu_cli.engine.activations import Activation, find_activation
from celu_cli.engine.pools import average_pool, average_pool_adjoint, max_pool, max_pool_adjoint
from celu_cli.engine.tensor import Tensor

_STRIDES = [1, 1, 1, 1]


class Kept(NamedTuple):
    """What a layer's forward pass keeps for its backward pass."""

    convolved: tuple[Any, ...]  # what the convolution's adjoint needs
    activation: Tensor  # f(z), or z where the derivative needs the input
    y: Tensor  # f(z) + residual x, before the pool
    pooled: Tensor


@dataclass(frozen=True)
class Layer:
    """The operations of one planned layer; holds no weights.

    z = conv(x, weights), y = f(z) + residual x, output = pool(y).
    `article` selects the derivative and the pool adjoint of the article's scripts instead of the true ones, `winograd`
    the faster algorithm for its 3 x 3 convolution. A `taped` layer goes forward only: a tape finds its gradients.
    A `widened` layer takes, keeps and returns bfloat16 but computes in float32.
    """

    plan: LayerPlan
    article: bool = False
    winograd: bool = False
    taped: bool = False
    widened: bool = False

    @property
    def activation(self) -> Activation:
        return find_activation(self.plan.activation)

    def forward(self, weights: Tensor, x: Tensor) -> tuple[Tensor, Kept]:
        """[b, h, w, c] and [k, k, c, f] -> output [b, h', w', f] and what the backward pass needs."""
        plan = self.plan
        z, convolved = self._convolve(weights, x)
        value = self.activation.value(z, plan.alpha)
        y = value + tf.constant(plan.residual, z.dtype) * self._widen(x) if plan.residual else value
        pooled = tf.cast(self._pool(y), x.dtype)
        activation = tf.cast(value if self.activation.keeps == "output" else z, x.dtype)
        return pooled, Kept(convolved, activation, tf.cast(y, x.dtype), pooled)

    def backward(
        self, weights: Tensor, kept: Kept, gradient: Tensor, pass_down: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """dL/d output -> dL/d weights and, where `pass_down`, dL/d input.

        gy = adjoint of the pool, gz = gy f'(z), dL/dw = x * gz, dL/dx = w * gz + residual gy.
        """
        gy = self.pool_adjoint(kept, gradient)
        gz = self.activation_backward(gy, kept.activation)
        weights_gradient, input_gradient = self.convolve_adjoint(weights, kept.convolved, gz, pass_down)
        if input_gradient is not None and self.plan.residual:
            input_gradient += tf.constant(self.plan.residual, gy.dtype) * gy
        if input_gradient is not None:
            input_gradient = tf.cast(input_gradient, gradient.dtype)
        return weights_gradient, input_gradient

    def _widen(self, tensor: Tensor) -> Tensor:
        return tf.cast(tensor, tf.float32) if self.widened else tensor

    def _convolve(self, weights: Tensor, x: Tensor) -> tuple[Tensor, tuple[Any, ...]]:
        wide_x, wide_weights = self._widen(x), self._widen(weights)
        if self.winograd and self.taped:
            return winograd.differentiable_convolve(wide_x, wide_weights), ()
        if self.winograd:
            z, inputs, filters = winograd.convolve(wide_x, wide_weights)
            return z, (inputs, filters)
        return tf.nn.conv2d(wide_x, wide_weights, _STRIDES, "SAME"), (x,)

    def convolve_adjoint(
        self, weights: Tensor, convolved: tuple[Any, ...], gz: Tensor, pass_down: bool
    ) -> tuple[Tensor, Tensor | None]:
        gz = self._widen(gz)
        if self.winograd:
            inputs, filters = convolved
            return winograd.convolve_adjoint(inputs, filters, gz, pass_down)
        x, weights = self._widen(convolved[0]), self._widen(weights)
        weights_gradient = tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=weights.shape, out_backprop=gz, strides=_STRIDES, padding="SAME"
        )
        if not pass_down:
            return weights_gradient, None
        input_gradient = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(x), filter=weights, out_backprop=gz, strides=_STRIDES, padding="SAME"
        )
        return weights_gradient, tf.ensure_shape(input_gradient, x.shape)

    def activation_backward(self, gradient: Tensor, kept: Tensor) -> Tensor:
        gradient, kept = self._widen(gradient), self._widen(kept)
        if not self.article:
            return self.activation.backward(gradient, kept, self.plan.alpha)
        # The scripts add the mask of the positive side to exp(0) = 1.
        derivative = self.activation.derivative(kept, self.plan.alpha)
        return gradient * (derivative + tf.cast(kept >= 0.0, kept.dtype))

    def _pool(self, y: Tensor) -> Tensor:
        if self.plan.pool == "none":
            return y
        return (average_pool if self.plan.pool == "average" else max_pool)(y, self.plan.pool_size)

    def pool_adjoint(self, kept: Kept, gradient: Tensor) -> Tensor:
        """dL/d pool output -> dL/d pool input, [b, h', w', f] -> [b, h, w, f]."""
        plan, gradient = self.plan, self._widen(gradient)
        if plan.pool == "none":
            return gradient
        if plan.pool == "max":
            y, pooled = self._widen(kept.y), self._widen(kept.pooled)
            return max_pool_adjoint(gradient, plan.pool_size, y, pooled)
        height, width, _ = plan.activation_shape
        return average_pool_adjoint(gradient, plan.pool_size, height, width, divide=not self.article)
