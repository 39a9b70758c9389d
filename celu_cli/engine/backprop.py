"""How gradients are obtained. `auto`, `manual` and `dilated` have one signature; only `auto` uses a tape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import tensorflow as tf

from celu_cli.case.schema import AutoBackprop, DilatedBackprop, ManualBackprop
from celu_cli.engine.layers import Kept, Layer
from celu_cli.engine.loss import count_correct, cross_entropy, logits_gradient
from celu_cli.engine.network import Network
from celu_cli.engine.shares import Results, in_shares
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
        inner = network.compute_weights(weights)
        logits, kept = network.forward(inner, network.inputs(images), training=True)
        loss = tf.reduce_mean(cross_entropy(logits, labels))
    of_weights, of_outputs = tape.gradient(loss, (weights, [layer.output for layer in kept]))
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


def batch_gradients(
    backprop: Backprop,
    network: Network,
    weights: Tensors,
    images: Tensor,
    labels: Tensor,
    rate: Tensor,
    outputs: bool = False,
) -> Gradients:
    """The gradients of a batch by `backprop`, from those of its shares; those of the outputs only where asked for."""
    if network.shares == 1:
        return backprop(network, weights, images, labels, rate)
    whole = tf.shape(labels)[0]

    def of_share(images: Tensor, labels: Tensor) -> Results:
        found = backprop(network, weights, images, labels, rate)
        part = tf.cast(tf.shape(labels)[0] / whole, found.loss.dtype)
        # The article's gradients are sums over the images, not means.
        factor = tf.ones_like(part) if network.article else part
        rows = [tf.cast(factor, row.dtype) * row for row in found.outputs] if outputs else []
        return rows, [part * found.loss, found.correct, *(factor * gradient for gradient in found.weights)]

    rows, (loss, correct, *of_weights) = in_shares(of_share, [images, labels], network.shares)
    return Gradients(loss, correct, of_weights, rows)


def _hand_written(
    network: Network, weights: Tensors, images: Tensor, labels: Tensor, rate: Tensor | None
) -> Gradients:
    logits, kept = network.forward(network.compute_weights(weights), network.inputs(images), training=True)
    loss = tf.reduce_mean(cross_entropy(logits, labels))
    layers = list(backward(network, kept, loss_gradient(network, logits, labels), rate))[::-1]
    return Gradients(
        loss,
        count_correct(logits, labels),
        [tf.cast(gradient, logits.dtype) for layer in layers for gradient in layer.weights],
        [layer.output for layer in layers],
    )


def loss_gradient(network: Network, logits: Tensor, labels: Tensor) -> Tensor:
    """dL/d output of the last layer, [b, 1, 1, classes]; the article's scripts leave out the mean over the batch."""
    gradient = logits_gradient(logits, labels, network.scale, mean=not network.article)
    return tf.cast(gradient[:, tf.newaxis, tf.newaxis, :], network.dtype)


class LayerGradients(NamedTuple):
    """dL/d a layer's output, before a skip gradient is added; dL/d its weights; dL/d its input, None for the first."""

    layer: Layer
    output: Tensor
    weights: list[Tensor]
    passed_down: Tensor | None


def backward(
    network: Network, kept: list[Kept], gradient: Tensor, rate: Tensor | None = None
) -> Iterator[LayerGradients]:
    """The gradients of each layer, from the last to the first; `gradient` is dL/d output of the last.

    Where a `rate` is given, the network's dilated layers get that many times the gradient of two layers above, too.
    """
    above = gradient  # what the layer above got
    for index in reversed(range(len(network.layers))):
        layer, output = network.layers[index], gradient
        if rate is not None and layer.plan.number in network.dilated_layers:
            skip = network.layers[index + 1].pool_adjoint(kept[index + 1], above)
            gradient += tf.cast(tf.cast(rate, skip.dtype) * skip, gradient.dtype)
        of_weights, passed_down = layer.backward(kept[index], gradient, pass_down=index > 0)
        yield LayerGradients(layer, output, of_weights, passed_down)
        above, gradient = output, passed_down
