"""The residual sum."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from celu_cli.check.measured import RESIDUAL
from celu_cli.engine.operations.operation import Adjoint, Context, Forward, Operation
from celu_cli.engine.tensor import Tensor, Tensors


@dataclass(frozen=True)
class Residual(Operation, name="residual"):
    """y = x + r times the layer's input, which has the same shape."""

    part = RESIDUAL
    homogeneous = True

    def forward(self, parameters: Tensors, x: Tensor, context: Context) -> Forward:
        return x + tf.constant(self.plan.value, x.dtype) * context.layer_input, []

    def adjoint(self, parameters: Tensors, kept: Tensors, gradient: Tensor, context: Context) -> Adjoint:
        return [], gradient

    def layer_input_adjoint(self, gradient: Tensor) -> Tensor:
        return tf.constant(self.plan.value, gradient.dtype) * gradient

    def reference(self, parameters: Tensors, x: Tensor, context: Context) -> Tensor:
        return x + self.plan.value * context.layer_input
