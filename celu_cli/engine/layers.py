"""One layer: convolution, activation, residual sum, pool; the backward pass beside the forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from celu_cli.case.plan import LayerPlan
from celu_cli.engine import winograd
from celu_cli.engine.activations import Activation
from celu_cli.engine.chunks import Results, group_size, in_groups
from celu_cli.engine.pools import average_pool, average_pool_adjoint, max_pool, max_pool_adjoint
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.engine.user_activations import find_activation

_STRIDES = [1, 1, 1, 1]
# From here on a layer goes in groups; by judgement, as only images of 32 x 32 with 200 channels were measured.
_LARGE_IMAGE_BYTES = 256 * 2**10


class Kept(NamedTuple):
    """What a layer's forward pass keeps for its backward pass."""

    x: Tensor
    filters: list[Tensor]  # the weights as the convolution's algorithm wants them
    activation: Tensor  # f(z), or z where the derivative needs the input
    y: Tensor  # f(z) + residual x, before the pool
    pooled: Tensor


@dataclass(frozen=True)
class Layer:
    """The operations of one planned layer; holds no weights.

    z = conv(x, weights), y = f(z) + residual x, output = pool(y).
    `article` selects the derivative and the pool adjoint of the article's scripts instead of the true ones, `winograd`
    the faster algorithm for its 3 x 3 convolution. A `taped` layer goes forward only: a tape finds its gradients.
    A `widened` layer takes, keeps and returns bfloat16 but computes in float32; if it is `native` too, only on the way
    back, while it goes forward by the processor's own products of bfloat16. Large images go through the whole layer in
    groups, forward and back.
    """

    plan: LayerPlan
    article: bool = False
    winograd: bool = False
    taped: bool = False
    widened: bool = False
    native: bool = False

    @property
    def activation(self) -> Activation:
        return find_activation(self.plan.activation)

    def forward(self, weights: Tensor, x: Tensor) -> tuple[Tensor, Kept]:
        """[b, h, w, c] and [k, k, c, f] -> output [b, h', w', f] and what the backward pass needs."""
        filters = self._filters(weights)
        used = [weights] if self.native else filters

        def through(x: Tensor) -> Results:
            wide = x if self.native else self._widen(x)
            z = self._convolve(wide, used)
            value = self.activation.value(z, self.plan.alpha)
            y = value + tf.constant(self.plan.residual, z.dtype) * wide if self.plan.residual else value
            kept = [value if self.activation.keeps == "output" else z, y, self._pool(y)]
            return self._narrow(kept, x.dtype), []

        (activation, y, pooled), _ = self._grouped(through, [x])
        return pooled, Kept(x, filters, activation, y, pooled)

    def backward(self, kept: Kept, gradient: Tensor, pass_down: bool = True) -> tuple[Tensor, Tensor | None]:
        """dL/d output -> dL/d weights and, where `pass_down`, dL/d input.

        gy = adjoint of the pool, gz = gy f'(z), dL/dw = x * gz, dL/dx = w * gz + residual gy.
        """

        def back(gradient: Tensor, *tensors: Tensor) -> Results:
            part = kept._replace(**dict(zip(needed, tensors, strict=True)))
            gy = self.pool_adjoint(part, gradient)
            gz = self.activation_backward(gy, part.activation)
            of_filters, of_x = self._convolve_adjoint(part, gz, pass_down)
            if of_x is None:
                return [], of_filters
            if self.plan.residual:
                of_x += tf.constant(self.plan.residual, gy.dtype) * gy
            return self._narrow([of_x], gradient.dtype), of_filters

        needed = ["x", "activation", *(["y", "pooled"] if self.plan.pool == "max" else [])]
        of_x, of_filters = self._grouped(back, [gradient, *(getattr(kept, name) for name in needed)])
        return self._weights_gradient(of_filters), of_x[0] if pass_down else None

    def convolve_adjoint(self, kept: Kept, gz: Tensor) -> tuple[Tensor, Tensor]:
        """dL/d z -> dL/d weights and dL/d input by way of the convolution."""
        of_filters, of_x = self._convolve_adjoint(kept, gz, pass_down=True)
        return self._weights_gradient(of_filters), of_x

    def _grouped(self, function: Callable[..., Results], tensors: Tensors) -> Results:
        height, width, channels = self.plan.input_shape
        image_bytes = 4 * height * width * max(channels, self.plan.filters)
        if self.taped or (image_bytes < _LARGE_IMAGE_BYTES and not self.winograd):
            return function(*tensors)
        return in_groups(function, tensors, group_size(image_bytes))

    def _widen(self, tensor: Tensor) -> Tensor:
        return tf.cast(tensor, tf.float32) if self.widened else tensor

    def _narrow(self, tensors: Tensors, dtype: tf.DType) -> list[Tensor]:
        """The tensors in `dtype`; those that are the same stay the same."""
        narrowed = {id(tensor): tf.cast(tensor, dtype) for tensor in tensors}
        return [narrowed[id(tensor)] for tensor in tensors]

    def _filters(self, weights: Tensor) -> list[Tensor]:
        weights = self._widen(weights)
        if self.winograd and not self.taped:
            return winograd.transform_filters(weights)
        return [weights]

    def _weights_gradient(self, of_filters: list[Tensor]) -> Tensor:
        return winograd.transform_filters_adjoint(of_filters) if self.winograd else of_filters[0]

    def _convolve(self, x: Tensor, filters: list[Tensor]) -> Tensor:
        if self.winograd and self.taped:
            return winograd.differentiable_convolve(x, filters[0])
        if self.winograd and not self.native:
            return winograd.convolve(x, filters)
        return tf.nn.conv2d(x, filters[0], _STRIDES, "SAME")

    def _convolve_adjoint(
        self, kept: Kept, gz: Tensor, pass_down: bool
    ) -> tuple[list[Tensor], Tensor | None]:
        x, gz = self._widen(kept.x), self._widen(gz)
        if self.winograd:
            return winograd.convolve_adjoint(x, kept.filters, gz, pass_down)
        weights = kept.filters[0]
        weights_gradient = tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=weights.shape, out_backprop=gz, strides=_STRIDES, padding="SAME"
        )
        if not pass_down:
            return [weights_gradient], None
        input_gradient = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(x), filter=weights, out_backprop=gz, strides=_STRIDES, padding="SAME"
        )
        return [weights_gradient], tf.ensure_shape(input_gradient, x.shape)

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
