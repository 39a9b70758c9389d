"""Try the parts of a hand-written backward pass alone, on true inputs in float64, so that a fault has a name.

The parts are those of the network as it is trained: where an alpha is folded, they run on what is left of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.operations import ActivationPlan
from celu_cli.check.measured import FORWARD, WHOLE_INPUT, WHOLE_WEIGHTS, PartCheck, deviation, part_check
from celu_cli.engine.backprop import loss_gradient
from celu_cli.engine.check.oracles import joined, mean_loss
from celu_cli.engine.layers import Layer
from celu_cli.engine.network import Network
from celu_cli.engine.operations.operation import Operation
from celu_cli.engine.tensor import Tensor, Tensors


def check_loss(network: Network, output: Tensor, labels: Tensor) -> PartCheck:
    """The gradient of the loss with respect to the last layer's output (without a folded alpha)."""
    with tf.GradientTape() as tape:
        tape.watch(output)
        loss = mean_loss(output, labels)
    exact = tape.gradient(loss, output).numpy()
    if network.layers[-1].context.taped:
        return part_check("loss", exact, exact)
    value = loss_gradient(network, tf.reshape(output, [-1, output.shape[-1]]), labels) / network.scale
    return part_check("loss", value.numpy(), exact, exact * len(labels) if network.article else None)


def loss_rounding(network: Network, logits: Tensor, labels: Tensor) -> float:
    """The relative error of the gradient of the loss alone, as the training computes it; 0 where the tape does."""
    if network.layers[-1].context.taped:
        return 0.0
    logits = tf.cast(tf.reshape(logits, [-1, logits.shape[-1]]), tf.float32)
    with tf.GradientTape() as tape:
        wide = tf.cast(logits, tf.float64)
        tape.watch(wide)
        loss = mean_loss(wide, labels)
    expected = tape.gradient(loss, wide).numpy() * network.scale * (len(labels) if network.article else 1)
    value = tf.reshape(tf.cast(loss_gradient(network, logits, labels), tf.float64), expected.shape)
    return deviation(value.numpy(), expected).relative_error


def check_parts(layer: Layer, weights: Tensors, x: Tensor, gradient: Tensor) -> tuple[PartCheck, ...]:
    """Try the operations of a layer alone, then the layer as a whole; `gradient` is the true dL/d output.

    Where a tape finds the gradients, that is the activation's derivative only, which a case's user may have written.
    """
    if layer.context.taped:
        return tuple(_check_activation(layer, weights, x))
    weights, rules = list(weights), (False, True) if layer.context.article else (False,)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([weights, x])
        values = [list(layer.references(weights, x, article)) for article in rules]
    output, kept = layer.forward(weights, x)
    of_weights, of_input = layer.backward(kept, gradient)
    misplaced = of_input - layer.chain_adjoint(kept, gradient)
    for index, operation in enumerate(layer.operations):
        share = operation.layer_input_adjoint(layer.chain_adjoint(kept, gradient, index + 1))
        misplaced -= 0.0 if share is None else share
    parts = [part_check(FORWARD, np.asarray(output), np.asarray(values[0][-1]))]
    arriving, last = gradient, len(weights)
    for index in reversed(range(len(layer.operations))):
        operation, taken = layer.operations[index], values[0][index]
        first = last - len(operation.plan.parameters)
        parts += _check_operation(layer, operation, weights[first:last], taken, x, arriving, misplaced)
        arriving = tape.gradient(values[0][index + 1], taken, output_gradients=arriving)
        last = first

    exact = [tape.gradient(of_rule[-1], [weights, x], output_gradients=gradient) for of_rule in values]
    parts.append(part_check(WHOLE_WEIGHTS, joined(of_weights), *(joined(found[0]) for found in exact)))
    parts.append(part_check(WHOLE_INPUT, np.asarray(of_input), *(found[1].numpy() for found in exact)))
    return tuple(parts)


def _check_activation(layer: Layer, weights: Tensors, x: Tensor) -> Iterator[PartCheck]:
    """The activation's derivative, which the tape does not use, on a gradient of ones."""
    untaped = replace(layer, context=replace(layer.context, taped=False))
    for operation, taken in zip(untaped.operations, untaped.references(weights, x), strict=False):
        if isinstance(operation.plan, ActivationPlan):
            yield from _check_operation(
                untaped, operation, [], taken, x, tf.ones_like(taken), tf.zeros_like(x)
            )


def _check_operation(
    layer: Layer,
    operation: Operation,
    parameters: Tensors,
    x: Tensor,
    layer_input: Tensor,
    gradient: Tensor,
    misplaced: Tensor,
) -> Iterator[PartCheck]:
    """An operation's adjoint against the tape's gradients of its reference: of x, then of each parameter.

    `misplaced` is what the layer's input gets from the layer besides what its operations give it: a share that is right
    in itself and comes from the wrong place counts against the operation that reads the layer's input.
    """
    x, layer_input = tf.identity(x), tf.identity(layer_input)  # the tape must not connect the two
    context = replace(layer.context, layer_input=layer_input)
    prepared = operation.prepare(parameters, context)
    _, kept = operation.forward(prepared, x, context)
    of_parameters, of_x = operation.adjoint(prepared, kept, gradient, context)
    of_inputs, sources = [of_x], [x]
    share = operation.layer_input_adjoint(gradient)
    if share is not None:
        of_inputs.append(share + misplaced)
        sources.append(layer_input)
    found = []
    for article in (False, True) if layer.context.article else (False,):
        with tf.GradientTape() as tape:
            tape.watch([list(parameters), sources])
            y = operation.reference(parameters, x, replace(context, article=article))
        found.append(tape.gradient(y, [list(parameters), sources], output_gradients=gradient))
    for name, where in operation.input_parts(x).items():
        yield part_check(name, _masked(of_inputs, where), *(_masked(each[1], where) for each in found))
    of_parameters = operation.prepare_adjoint(of_parameters)
    for index, parameter in enumerate(operation.plan.parameters):
        exact = [np.asarray(each[0][index]) for each in found]
        yield part_check(operation.parameter_part(parameter.name), np.asarray(of_parameters[index]), *exact)


def _masked(gradients: Tensors, where: Tensor | None) -> NDArray[np.float64]:
    """The gradients in one array, 0 where the mask is false."""
    if where is not None:
        gradients = [tf.where(where, gradient, tf.zeros_like(gradient)) for gradient in gradients]
    return joined(gradients)
