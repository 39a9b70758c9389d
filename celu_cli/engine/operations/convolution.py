"""Convolution, SAME with stride 1: by TensorFlow's own kernels, or by Winograd's algorithm."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from celu_cli.case.operations import ConvolutionPlan
from celu_cli.check.measured import FILTER, INPUT
from celu_cli.engine import winograd
from celu_cli.engine.operations.operation import Adjoint, Context, Forward, Operation
from celu_cli.engine.tensor import Tensor, Tensors

STRIDES = [1, 1, 1, 1]


@dataclass(frozen=True)
class Convolution(Operation, name="convolution"):
    """y = conv(x, kernel): [b, h, w, c], [k, k, c, f] -> [b, h, w, f].

    `winograd` selects the faster algorithm for 3 x 3. A native layer goes forward by the processor's own products of
    bfloat16, and back by that algorithm.
    """

    part = INPUT
    homogeneous = True
    plan: ConvolutionPlan
    winograd: bool = False

    @property
    def wide_adjoint(self) -> bool:
        return self.winograd

    def prepare(self, parameters: Tensors, context: Context) -> list[Tensor]:
        (kernel,) = parameters
        wide = context.widen(kernel)
        prepared = [kernel] if context.native else []
        if not self.winograd or context.taped:
            return [*prepared, wide]
        return [
            *prepared,
            *winograd.transform_filters(wide),
            *winograd.transform_filters(winograd.transposed(wide)),
        ]

    def prepare_adjoint(self, gradients: Tensors) -> list[Tensor]:
        return [winograd.transform_filters_adjoint(gradients)] if self.winograd else list(gradients)

    def forward(self, parameters: Tensors, x: Tensor, context: Context) -> Forward:
        if self.winograd and context.taped:
            return winograd.differentiable_convolve(x, parameters[0]), [x]
        if self.winograd and not context.native:
            return winograd.convolve(x, parameters[:36]), [x]
        return tf.nn.conv2d(x, parameters[0], STRIDES, "SAME"), [x]

    def adjoint(self, parameters: Tensors, kept: Tensors, gradient: Tensor, context: Context) -> Adjoint:
        (x,), filters = kept, parameters[1:] if context.native else parameters
        if self.winograd:
            return winograd.convolve_adjoint(x, filters[36:], gradient, context.pass_down)
        of_kernel = filter_gradient(x, filters[0].shape, gradient)
        return [of_kernel], input_gradient(x, filters[0], gradient) if context.pass_down else None

    def reference(self, parameters: Tensors, x: Tensor, context: Context) -> Tensor:
        return tf.nn.conv2d(x, parameters[0], 1, "SAME")

    def parameter_part(self, parameter: str) -> str:
        return FILTER


def filter_gradient(x: Tensor, shape: tf.TensorShape, gradient: Tensor) -> Tensor:
    """dL/d kernel of `shape`, by TensorFlow's own kernel."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=shape, out_backprop=gradient, strides=STRIDES, padding="SAME"
    )


def input_gradient(x: Tensor, kernel: Tensor, gradient: Tensor) -> Tensor:
    """dL/dx, by TensorFlow's own kernel."""
    of_x = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(x), filter=kernel, out_backprop=gradient, strides=STRIDES, padding="SAME"
    )
    return tf.ensure_shape(of_x, x.shape)
