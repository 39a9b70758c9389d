"""One layer: its operations forward and back, in the layer's precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import tensorflow as tf

from celu_cli.case.operations import PoolPlan
from celu_cli.case.plan import LayerPlan
from celu_cli.engine.operations.operation import Context, Operation
from celu_cli.engine.tensor import Tensor, Tensors


class Kept(NamedTuple):
    """What a layer's forward pass keeps: of the layer, and of each operation what it takes and needs again."""

    x: Tensor
    parameters: list[list[Tensor]]
    tensors: list[list[Tensor]]
    activated: Tensor  # before the pool
    output: Tensor


@dataclass(frozen=True)
class Layer:
    """The operations of one planned layer, one after the other."""

    plan: LayerPlan
    operations: tuple[Operation, ...]
    context: Context = field(default_factory=Context)

    @property
    def winograd(self) -> bool:
        return any(getattr(operation, "winograd", False) for operation in self.operations)

    @property
    def pools_from(self) -> int:
        """The index of the first pool: what comes before it is the layer's activation, with all that is added to it."""
        pools = (i for i, one in enumerate(self.operations) if isinstance(one.plan, PoolPlan))
        return next(pools, len(self.operations))

    def forward(self, weights: Tensors, x: Tensor, training: bool = False) -> tuple[Tensor, Kept]:
        """[b, h, w, c] and the parameters of all operations -> output [b, h', w', f] and what `backward` needs."""
        context, left = replace(self.context, training=training), iter(weights)
        parameters = [
            operation.prepare([next(left) for _ in operation.plan.parameters], context)
            for operation in self.operations
        ]
        value = wide = x if context.native else context.widen(x)
        context = replace(context, layer_input=wide)
        values, kept = [wide], []
        for operation, of_operation in zip(self.operations, parameters, strict=True):
            value, tensors = operation.forward(of_operation, value, context)
            values.append(value)
            kept.append(tensors)
        # What is kept in the network's precision: the layer's input as it came, all else cast once.
        narrow = {id(wide): x}
        for tensor in [*values[1:], *(tensor for tensors in kept for tensor in tensors)]:
            if id(tensor) not in narrow:
                narrow[id(tensor)] = tf.cast(tensor, x.dtype)
        tensors = [[narrow[id(tensor)] for tensor in tensors] for tensors in kept]
        output = narrow[id(value)]
        return output, Kept(x, parameters, tensors, narrow[id(values[self.pools_from])], output)

    def backward(
        self, kept: Kept, gradient: Tensor, pass_down: bool = True
    ) -> tuple[list[Tensor], Tensor | None]:
        """dL/d output -> dL/d parameters of all operations and, where `pass_down`, dL/d input."""
        below: Tensor | None = self.context.widen(gradient)
        of_parameters: list[list[Tensor]] = []
        of_layer_input: list[Tensor] = []
        for index in reversed(range(len(self.operations))):
            operation, arriving = self.operations[index], below
            context = replace(self.context, pass_down=pass_down or index > 0)
            own = list(map(context.widen, kept.tensors[index]))
            found, below = operation.adjoint(kept.parameters[index], own, arriving, context)
            more = operation.layer_input_adjoint(arriving) if pass_down else None
            of_layer_input += [] if more is None else [more]
            of_parameters.insert(0, operation.prepare_adjoint(found))
        weights = [tensor for found in of_parameters for tensor in found]
        if not pass_down:
            return weights, None
        for more in of_layer_input:
            below += more
        return weights, tf.cast(below, gradient.dtype)

    def pool_adjoint(self, kept: Kept, gradient: Tensor) -> Tensor:
        """dL/d output -> dL/d what the pool took, [b, h', w', f] -> [b, h, w, f]."""
        return self.chain_adjoint(kept, gradient, self.pools_from)

    def chain_adjoint(self, kept: Kept, gradient: Tensor, first: int = 0) -> Tensor:
        """dL/d output -> dL/d what the operation at `first` took, by way of the operations from there on alone."""
        gradient = self.context.widen(gradient)
        for index in reversed(range(first, len(self.operations))):
            tensors = list(map(self.context.widen, kept.tensors[index]))
            _, gradient = self.operations[index].adjoint(
                kept.parameters[index], tensors, gradient, self.context
            )
        return gradient

    def references(self, weights: Tensors, x: Tensor, article: bool = False) -> Iterator[Tensor]:
        """The input and each operation's output, by the references of the operations, for a tape."""
        context, left = Context(article=article, layer_input=x), iter(weights)
        yield x
        for operation in self.operations:
            x = operation.reference([next(left) for _ in operation.plan.parameters], x, context)
            yield x
