"""The max pool."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from celu_cli.case.operations import PoolPlan
from celu_cli.check.measured import POOL
from celu_cli.engine.operations.operation import Adjoint, Context, Forward, Operation
from celu_cli.engine.tensor import Tensor, Tensors


@dataclass(frozen=True)
class MaxPool(Operation, name="max_pool"):
    """y = maximum of each size x size window: [b, h, w, c] -> [b, h // size, w // size, c]."""

    part = POOL
    homogeneous = True
    plan: PoolPlan

    def forward(self, parameters: Tensors, x: Tensor, context: Context) -> Forward:
        y = tf.nn.max_pool2d(x, self.plan.size, self.plan.size, "VALID")
        return y, [x, y]

    def adjoint(self, parameters: Tensors, kept: Tensors, gradient: Tensor, context: Context) -> Adjoint:
        """Give the window's gradient to its maximum, the first of equals."""
        (x, y), window = kept, [1, self.plan.size, self.plan.size, 1]
        return [], tf.raw_ops.MaxPoolGrad(
            orig_input=x, orig_output=y, grad=gradient, ksize=window, strides=window, padding="VALID"
        )

    def reference(self, parameters: Tensors, x: Tensor, context: Context) -> Tensor:
        return tf.nn.max_pool2d(x, self.plan.size, self.plan.size, "VALID")
