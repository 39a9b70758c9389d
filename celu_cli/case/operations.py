"""What is known of a layer's operations without TensorFlow: shapes, parameters, FLOPs.

Each is carried out by the class of `celu_cli.engine.operations` that has its name. Shapes are (height, width, channels)
of one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Parameter:
    """A tensor that is trained: its name within the operation, and how it begins.

    `initial` is the value of all its elements; with None they are drawn as the case's initializer says, for `inputs`
    and `outputs` of each. `decayed` says whether weight decay applies to it.
    """

    name: str
    shape: tuple[int, ...]
    inputs: int = 1
    outputs: int = 1
    initial: float | None = None
    decayed: bool = True


@dataclass(frozen=True)
class OperationPlan:
    """An operation that keeps the shape, has no parameters, and costs next to nothing; `value` is its setting."""

    keeps_output: ClassVar[bool] = False
    """Whether memory for its output is needed until the layer's gradient is done."""
    name: str
    input_shape: Shape
    value: float = 0.0

    @property
    def output_shape(self) -> Shape:
        return self.input_shape

    @property
    def parameters(self) -> Sequence[Parameter]:
        return ()

    @property
    def forward_flops(self) -> int:
        """Floating-point operations for one image, a multiply-add counted as 2."""
        return 0


@dataclass(frozen=True)
class ConvolutionPlan(OperationPlan):
    """Stride 1, SAME."""

    kernel: int = 1
    filters: int = 1

    @property
    def output_shape(self) -> Shape:
        return *self.input_shape[:2], self.filters

    @property
    def parameters(self) -> Sequence[Parameter]:
        channels, area = self.input_shape[2], self.kernel**2
        shape = (self.kernel, self.kernel, channels, self.filters)
        return (Parameter("kernel", shape, area * channels, area * self.filters),)

    @property
    def forward_flops(self) -> int:
        return 2 * prod(self.input_shape[:2]) * prod(self.parameters[0].shape)


@dataclass(frozen=True)
class ActivationPlan(OperationPlan):
    """`activation(x, alpha)`, element by element."""

    keeps_output = True
    activation: str = "identity"
    alpha: float = 1.0


@dataclass(frozen=True)
class PoolPlan(OperationPlan):
    """One value for each window of `size` x `size`, without overlap (VALID)."""

    keeps_output = True
    size: int = 2

    @property
    def output_shape(self) -> Shape:
        height, width, channels = self.input_shape
        return height // self.size, width // self.size, channels
