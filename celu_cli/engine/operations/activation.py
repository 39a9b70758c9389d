"""The activation, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from celu_cli.case.operations import ActivationPlan
from celu_cli.check.measured import NEGATIVE, POSITIVE
from celu_cli.engine.activations import Activation
from celu_cli.engine.operations.operation import Adjoint, Context, Forward, Operation
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.engine.user_activations import find_activation


@dataclass(frozen=True)
class ActivationOperation(Operation, name="activation"):
    """y = f(x, alpha); keeps y, or x where f's derivative needs that."""

    homogeneous = True  # of CELU, when its alpha is scaled too
    plan: ActivationPlan

    @property
    def function(self) -> Activation:
        return find_activation(self.plan.activation)

    def forward(self, parameters: Tensors, x: Tensor, context: Context) -> Forward:
        y = self.function.value(x, self.plan.alpha)
        return y, [y if self.function.keeps == "output" else x]

    def adjoint(self, parameters: Tensors, kept: Tensors, gradient: Tensor, context: Context) -> Adjoint:
        if not context.article:
            return [], self.function.backward(gradient, kept[0], self.plan.alpha)
        # The scripts add the mask of the positive side to exp(0) = 1.
        derivative = self.function.derivative(kept[0], self.plan.alpha)
        return [], gradient * (derivative + tf.cast(kept[0] >= 0.0, kept[0].dtype))

    def reference(self, parameters: Tensors, x: Tensor, context: Context) -> Tensor:
        y = self.function.value(x, self.plan.alpha)
        if not context.article:
            return y
        positive = tf.where(x >= 0.0, x, tf.zeros_like(x))
        return y + positive - tf.stop_gradient(positive)

    def input_parts(self, x: Tensor) -> Mapping[str, Tensor | None]:
        # At 0 itself derivatives may jump, and either side's is as good.
        return {POSITIVE: x > 0.0, NEGATIVE: x < 0.0}
