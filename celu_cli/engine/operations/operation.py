"""What every operation of a layer can do, and how one is found by its name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, TypeAlias

import tensorflow as tf

from celu_cli.case.operations import OperationPlan
from celu_cli.engine.tensor import Tensor, Tensors

Forward: TypeAlias = tuple[Tensor, list[Tensor]]
Adjoint: TypeAlias = tuple[list[Tensor], "Tensor | None"]


@dataclass(frozen=True)
class Context:
    """The circumstances under which a layer computes.

    `training` matters to operations that differ in training. `article` selects what the article's scripts compute
    instead of the true gradient. `taped`: forward only, a tape finds the gradients.
    `widened`: what is bfloat16 outside the layer is float32 inside; if `native` too, only on the way back.
    `layer_input` is what the layer got; without `pass_down` an adjoint may leave out dL/dx.
    """

    training: bool = False
    article: bool = False
    taped: bool = False
    widened: bool = False
    native: bool = False
    layer_input: Tensor | None = None
    pass_down: bool = True

    def widen(self, tensor: Tensor) -> Tensor:
        """The tensor as the layer computes with it."""
        return tf.cast(tensor, tf.float32) if self.widened else tensor


@dataclass(frozen=True)
class Operation(ABC):
    """An operation of a layer; holds no parameters. Its subclasses are registered by the `name` of their plans.

    Tensors are [b, h, w, c]. The adjoint gets what the forward pass kept.
    """

    couples_images: ClassVar[bool] = False
    """Whether an image's result depends on the others of the batch: it then goes through whole, not in shares."""
    homogeneous: ClassVar[bool] = False
    """Whether f(s x) = s f(x) for every s > 0, so that a scale can be moved through it."""
    part: ClassVar[str] = ""
    """What `celu check` calls the gradient of x; empty: as the operation."""
    plan: Any

    def __init_subclass__(cls, name: str = "", **named: Any) -> None:
        super().__init_subclass__(**named)
        if name:
            OPERATIONS[name] = cls

    @property
    def wide_adjoint(self) -> bool:
        """Whether its adjoint is in float32 where the network is in bfloat16."""
        return False

    def prepare(self, parameters: Tensors, context: Context) -> list[Tensor]:
        """The parameters as `forward` and `adjoint` want them, made once a batch."""
        return [context.widen(parameter) for parameter in parameters]

    def prepare_adjoint(self, gradients: Tensors) -> list[Tensor]:
        """dL/d what `adjoint` took for its parameters -> dL/d parameters."""
        return list(gradients)

    @abstractmethod
    def forward(self, parameters: Tensors, x: Tensor, context: Context) -> Forward:
        """y, and what the adjoint needs."""

    @abstractmethod
    def adjoint(self, parameters: Tensors, kept: Tensors, gradient: Tensor, context: Context) -> Adjoint:
        """dL/dy -> dL/d parameters as `prepare` gave them, and dL/dx."""

    def layer_input_adjoint(self, _: Tensor) -> Tensor | None:
        """dL/dy -> dL/d `Context.layer_input`, apart from that by way of x; None where it is not read."""
        return None

    @abstractmethod
    def reference(self, parameters: Tensors, x: Tensor, context: Context) -> Tensor:
        """y written a second time, of TensorFlow's own operations, for the tape that the adjoint is checked against.

        Where `context.article` is set, y is the same, but the tape finds what that rule declares.
        """

    def input_parts(self, x: Tensor) -> Mapping[str, Tensor | None]:
        """The gradient of x in the parts that `celu check` tries: their names, and where they are, None: everywhere."""
        return {self.part or self.plan.name.replace("_", " "): None}

    def parameter_part(self, parameter: str) -> str:
        """What `celu check` calls the gradient of a parameter."""
        return f"{parameter} gradient"


OPERATIONS: dict[str, type[Operation]] = {}


def find_operation(plan: OperationPlan) -> Operation:
    """The operation that carries out `plan`, from the module of its name unless it is registered already."""
    if plan.name not in OPERATIONS:
        import_module(f"celu_cli.engine.operations.{plan.name}")
    return OPERATIONS[plan.name](plan)
