"""The average pool."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from celu_cli.case.operations import PoolPlan
from celu_cli.check.measured import POOL
from celu_cli.engine.operations.operation import Adjoint, Context, Forward, Operation
from celu_cli.engine.tensor import Tensor, Tensors


@dataclass(frozen=True)
class AveragePool(Operation, name="average_pool"):
    """y = mean of each size x size window: [b, h, w, c] -> [b, h // size, w // size, c]."""

    part = POOL
    homogeneous = True
    plan: PoolPlan

    def forward(self, parameters: Tensors, x: Tensor, context: Context) -> Forward:
        return tf.nn.avg_pool2d(x, self.plan.size, self.plan.size, "VALID"), []

    def adjoint(self, parameters: Tensors, kept: Tensors, gradient: Tensor, context: Context) -> Adjoint:
        """Give each cell of a window 1 / size^2 of the window's gradient, by the rule article the whole of it.

        Rows and columns that the pool dropped get 0.
        """
        size, (height, width, channels) = self.plan.size, self.plan.input_shape
        batch, rows, columns = tf.shape(gradient)[0], *self.plan.output_shape[:2]
        if not context.article:
            gradient = gradient * tf.constant(1.0 / size**2, gradient.dtype)
        spread = tf.broadcast_to(
            gradient[:, :, tf.newaxis, :, tf.newaxis, :], [batch, rows, size, columns, size, channels]
        )
        spread = tf.reshape(spread, [batch, rows * size, columns * size, channels])
        if (rows * size, columns * size) == (height, width):
            return [], spread
        return [], tf.pad(spread, [[0, 0], [0, height - rows * size], [0, width - columns * size], [0, 0]])

    def reference(self, parameters: Tensors, x: Tensor, context: Context) -> Tensor:
        y = tf.nn.avg_pool2d(x, self.plan.size, self.plan.size, "VALID")
        return y + (self.plan.size**2 - 1) * (y - tf.stop_gradient(y)) if context.article else y
