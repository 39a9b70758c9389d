"""How gradients are obtained. `auto`, `manual` and `dilated` have one signature; only `auto` uses a tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from celu_cli.case.schema import AutoBackprop, DilatedBackprop, ManualBackprop
from celu_cli.engine.layers import Kept
from celu_cli.engine.loss import count_correct, cross_entropy, logits_gradient
from celu_cli.engine.network import Network
from celu_cli.engine.tensor import Tensor, Tensors


class Gradients(NamedTuple):
    """Of one batch: mean loss, number of right answers, dL/d weights and dL/d output of each layer.

    The gradient of an output is what the layer above passes down, before a skip gradient is added. Where an alpha is
    folded it is `Network.scale` times that of the network without folding.
    """

    loss: Tensor
    correct: Tensor
    weights: list[Tensor]
    outputs: list[Tensor]


# (network, weights, uint8 images [b, h, w, c], int labels [b], dilated rate) -> Gradients
Backprop = Callable[[Network, Tensors, Tensor, Tensor, Tensor], Gradients]


def auto(network: Network, weights: Tensors, images: Tensor, labels: Tensor, _: Tensor) -> Gradients:
    """Gradients from tf.GradientTape."""
    weights = list(weights)
    with tf.GradientTape() as tape:
        tape.watch(weights)
        logits, kept = network.forward(network.compute_weights(weights), network.inputs(images))
        loss = tf.reduce_mean(cross_entropy(logits, labels))
    of_weights, of_outputs = tape.gradient(loss, (weights, [layer.pooled for layer in kept]))
    return Gradients(loss, count_correct(logits, labels), of_weights, of_outputs)


def manual(network: Network, weights: Tensors, images: Tensor, labels: Tensor, _: Tensor) -> Gradients:
    """Hand-written gradients, layer by layer from the last to the first."""
    return _hand_written(network, weights, images, labels, None)


def dilated(network: Network, weights: Tensors, images: Tensor, labels: Tensor, rate: Tensor) -> Gradients:
    """Hand-written gradients in which some layers also hear from two layers above.

    With d_l = dL/d input of layer l, the gradient that arrives at the activation of such a layer l is
    P_l(d_{l+1}) + rate P_l(P_{l+1}(d_{l+2})), where P is the adjoint of a layer's pool.
    """
    return _hand_written(network, weights, images, labels, rate)


METHODS: dict[str, Backprop] = {
    "auto": auto,
    "manual": manual,
    "dilated": dilated,
}


def select_backprop(spec: AutoBackprop | ManualBackprop | DilatedBackprop) -> Backprop:
    """The function for a case's `backprop`. A dilated rate of 0 is manual backprop, bit for bit."""
    if isinstance(spec, DilatedBackprop) and spec.rate == 0.0:
        return manual
    return METHODS[spec.method]


def _hand_written(
    network: Network, weights: Tensors, images: Tensor, labels: Tensor, rate: Tensor | None
) -> Gradients:
    weights = network.compute_weights(weights)
    logits, kept = network.forward(weights, network.inputs(images))
    loss = tf.reduce_mean(cross_entropy(logits, labels))
    gradient = logits_gradient(network, logits, labels)
    of_weights, of_outputs = _backward(network, kept, gradient, rate)
    of_weights = [tf.cast(gradient, logits.dtype) for gradient in of_weights]
    return Gradients(loss, count_correct(logits, labels), of_weights, of_outputs)


def _backward(
    network: Network, kept: list[Kept], gradient: Tensor, rate: Tensor | None
) -> tuple[list[Tensor], list[Tensor]]:
    """Gradients of all weights and of all outputs, in the order of the layers.

    `gradient` is dL/d output of the last layer.
    """
    of_weights: list[Tensor] = []
    of_outputs = [gradient]  # from the last layer down, before skip gradients are added
    for index in reversed(range(len(network.layers))):
        layer, gradient = network.layers[index], of_outputs[-1]
        if rate is not None and layer.plan.number in network.dilated_layers:
            skip = network.layers[index + 1].pool_adjoint(kept[index + 1], of_outputs[-2])
            gradient += tf.cast(tf.cast(rate, skip.dtype) * skip, gradient.dtype)
        of_weight, passed_down = layer.backward(kept[index], gradient, pass_down=index > 0)
        of_weights.append(of_weight)
        if passed_down is not None:
            of_outputs.append(passed_down)
    return of_weights[::-1], of_outputs[::-1]
