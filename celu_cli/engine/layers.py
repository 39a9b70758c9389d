"""One layer: its operations forward and back, in the layer's precision, large images in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import tensorflow as tf

from celu_cli.case.operations import PoolPlan
from celu_cli.case.plan import LayerPlan
from celu_cli.engine.chunks import Results, chunk_size, in_chunks
from celu_cli.engine.operations.operation import Context, Operation
from celu_cli.engine.tensor import Tensor, Tensors

# From here on a layer goes in chunks; by judgement, as only images of 32 x 32 with 200 channels were measured.
_LARGE_IMAGE_BYTES = 256 * 2**10


class Kept(NamedTuple):
    """What a layer's forward pass keeps: of the layer, and of each operation what it takes and needs again."""

    x: Tensor
    parameters: list[list[Tensor]]
    tensors: list[list[Tensor]]
    activated: Tensor  # before the pool
    output: Tensor


@dataclass(frozen=True)
class Layer:
    """The operations of one planned layer, one after the other; `most_at_once` limits the images of a chunk further."""

    plan: LayerPlan
    operations: tuple[Operation, ...]
    context: Context = field(default_factory=Context)
    most_at_once: int | None = None

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
        is_input: list[list[bool]] = []

        def run(x: Tensor) -> Results:
            value = wide = x if context.native else context.widen(x)
            here, values, kept = replace(context, layer_input=wide), [wide], []
            for operation, of_operation in zip(self.operations, parameters, strict=True):
                value, tensors = operation.forward(of_operation, value, here)
                values.append(value)
                kept.append(tensors)
            # What is the layer's input itself is there already, for all images.
            is_input[:] = [[tensor is wide for tensor in tensors] for tensors in kept]
            rows = [tensor for tensors in kept for tensor in tensors if tensor is not wide]
            return _cast([values[self.pools_from], value, *rows], x.dtype), []

        (activated, output, *rows), _ = self._chunked(run, [x])
        rest = iter(rows)
        tensors = [[x if own else next(rest) for own in flags] for flags in is_input]
        return output, Kept(x, parameters, tensors, activated, output)

    def backward(
        self, kept: Kept, gradient: Tensor, pass_down: bool = True
    ) -> tuple[list[Tensor], Tensor | None]:
        """dL/d output -> dL/d parameters of all operations and, where `pass_down`, dL/d input."""
        needed = list({id(tensor): tensor for tensors in kept.tensors for tensor in tensors}.values())
        counts: list[int] = []

        def run(gradient: Tensor, *tensors: Tensor) -> Results:
            given = {id(tensor): self.context.widen(own) for tensor, own in zip(needed, tensors, strict=True)}
            below: Tensor | None = self.context.widen(gradient)
            of_parameters: list[list[Tensor]] = []
            of_layer_input: list[Tensor] = []
            for index in reversed(range(len(self.operations))):
                operation, arriving = self.operations[index], below
                own = [given[id(tensor)] for tensor in kept.tensors[index]]
                context = replace(self.context, pass_down=pass_down or index > 0)
                found, below = operation.adjoint(kept.parameters[index], own, arriving, context)
                more = operation.layer_input_adjoint(arriving) if pass_down else None
                of_layer_input += [] if more is None else [more]
                of_parameters.insert(0, found)
            counts[:] = map(len, of_parameters)
            sums = [tensor for found in of_parameters for tensor in found]
            if not pass_down:
                return [], sums
            for more in of_layer_input:
                below += more
            return _cast([below], gradient.dtype), sums

        of_x, sums = self._chunked(run, [gradient, *needed])
        left = iter(sums)
        weights = [
            tensor
            for operation, count in zip(self.operations, counts, strict=True)
            for tensor in operation.prepare_adjoint([next(left) for _ in range(count)])
        ]
        return weights, of_x[0] if pass_down else None

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

    def _chunked(self, function: Callable[..., Results], tensors: Tensors) -> Results:
        height, width, channels = self.plan.input_shape
        image_bytes = 4 * height * width * max(channels, self.plan.filters)
        small = image_bytes < _LARGE_IMAGE_BYTES and not any(one.prefers_chunks for one in self.operations)
        if self.context.taped or small or any(one.couples_images for one in self.operations):
            return function(*tensors)
        size = chunk_size(image_bytes)
        return in_chunks(function, tensors, min(size, self.most_at_once or size))


def _cast(tensors: Tensors, dtype: tf.DType) -> list[Tensor]:
    """The tensors in `dtype`; those that are the same stay the same."""
    cast = {id(tensor): tf.cast(tensor, dtype) for tensor in tensors}
    return [cast[id(tensor)] for tensor in tensors]
