"""Prove a case's gradients: against the tape, against finite differences, and part by part.

The reference is the tape's gradient, in float64, of a network without folded alpha and without Winograd's algorithm.
A deviation shows in all layers below the one it stems from. So each part of each layer is also tried alone, on true
inputs: a fault is named where it stands.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from celu_cli.analysis.gradients import GradientCheck, LayerCheck, PartCheck, deviation, part_check
from celu_cli.case.network import plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets import Split
from celu_cli.engine.backprop import Gradients, cross_entropy, logits_gradient, select_backprop
from celu_cli.engine.layers import Layer
from celu_cli.engine.network import Network, build_network
from celu_cli.engine.oracles import Array, difference_error, loss_from, surrogate_gradients, tape_gradients
from celu_cli.engine.randomness import batch_order, initial_weights
from celu_cli.engine.schedules import dilated_rate
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.engine.trainer import network_of

BATCH = 6  # images: enough for every path, few enough for float64; not 4, which is a pool's factor
_SAMPLES = 4


def check_gradients(case: Case, split: Split) -> GradientCheck:
    """Compare the backprop of `case` with its references on a batch of `split`, at the initial weights.

    The batch is the first of the first epoch, cut to `BATCH` images; the dilated rate is that of the first epoch.
    """
    plan = plan_network(case)
    chosen = batch_order(len(split.images), case.seed, epoch=1)[:BATCH]
    images, labels = tf.constant(split.images[chosen]), tf.constant(split.labels[chosen])
    initial = initial_weights(plan, case.network.initializer, case.seed)
    weights = [tf.constant(w, tf.float64) for w in initial]
    rate = dilated_rate(case, epoch=1)

    reference = build_network(plan, tf.float64, fold=False)
    exact = tape_gradients(reference, weights, images, labels)
    declared = surrogate_gradients(reference, weights, images, labels, rate) if rate > 0.0 else None
    derived = _gradients(case, network_of(case, tf.float64), weights, images, labels, rate)
    trained = _gradients(case, network_of(case), [tf.constant(w) for w in initial], images, labels, rate)

    inputs, loss = _check_loss(case, reference, weights, images, labels)
    layers = []
    for index, layer in enumerate(reference.layers):
        own = replace(layer, article=_is_article(case))
        layers.append(
            LayerCheck(
                number=index + 1,
                exact_weights=deviation(derived[0][index], exact[0][index]),
                exact_output=deviation(derived[1][index], exact[1][index]),
                declared_weights=deviation(derived[0][index], declared[0][index]) if declared else None,
                declared_output=deviation(derived[1][index], declared[1][index]) if declared else None,
                trained_weights=deviation(trained[0][index], derived[0][index]),
                trained_output=deviation(trained[1][index], derived[1][index]),
                **_differences(reference, weights, inputs, labels, exact, index),
                parts=_check_parts(own, weights[index], inputs[index], tf.constant(exact[1][index])),
            )
        )
    return GradientCheck(
        case.name,
        case.backprop.method,
        "article" if _is_article(case) else "exact",
        case.precision,
        BATCH,
        loss,
        tuple(layers),
    )


def _is_article(case: Case) -> bool:
    return case.backprop.method != "auto" and case.backprop.rule == "article"


def _gradients(
    case: Case, network: Network, weights: Tensors, images: Tensor, labels: Tensor, rate: float
) -> tuple[list[Array], list[Array]]:
    """The case's own gradients of weights and outputs, the alpha that was folded out taken back in."""
    result: Gradients = select_backprop(case.backprop)(
        network, weights, images, labels, tf.constant(rate, tf.float64)
    )
    outputs = [tf.cast(gradient, tf.float64).numpy() / network.scale for gradient in result.outputs]
    return [tf.cast(gradient, tf.float64).numpy() for gradient in result.weights], outputs


def _check_loss(
    case: Case, network: Network, weights: Tensors, images: Tensor, labels: Tensor
) -> tuple[list[Tensor], PartCheck]:
    """The input of every layer and of what would follow the last, and the check of the logits' gradient."""
    logits, kept = network.forward(weights, network.inputs(images))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_mean(cross_entropy(logits, labels))
    true = tape.gradient(loss, logits)
    own = replace(
        network, layers=tuple(replace(layer, article=_is_article(case)) for layer in network.layers)
    )
    value = tf.reshape(logits_gradient(own, logits, labels), logits.shape)
    return [network.inputs(images), *(layer.pooled for layer in kept)], part_check(
        "loss", value.numpy(), true.numpy()
    )


def _differences(
    network: Network,
    weights: Tensors,
    inputs: list[Tensor],
    labels: Tensor,
    exact: tuple[list[Array], list[Array]],
    index: int,
) -> dict[str, float | None]:
    """The true gradients of a layer against finite differences."""
    generator = np.random.default_rng(index)
    others = list(weights)

    def loss_of_weights(moved: Array) -> float:
        others[index] = tf.constant(moved)
        return loss_from(network, others, labels, index)(inputs[index])

    loss_of_output = loss_from(network, weights, labels, index + 1)
    return {
        "weights_differences": difference_error(
            loss_of_weights, weights[index].numpy(), exact[0][index], _SAMPLES, generator
        ),
        "output_differences": difference_error(
            lambda moved: loss_of_output(tf.constant(moved)),
            inputs[index + 1].numpy(),
            exact[1][index],
            _SAMPLES,
            generator,
        ),
    }


def _check_parts(layer: Layer, weights: Tensor, x: Tensor, gradient: Tensor) -> tuple[PartCheck, ...]:
    """Try the layer's pool, activation, convolution and their assembly alone; `gradient` is the true dL/d output."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([weights, x])
        z = tf.nn.conv2d(x, weights, 1, "SAME")
        value = layer.activation.value(z, layer.plan.alpha)
        output, kept = layer.forward(weights, x)
    true_gy = tape.gradient(output, kept.y, output_gradients=gradient)
    true_gz = tape.gradient(value, z, output_gradients=true_gy)
    gz = layer.activation_backward(true_gy, kept.activation)
    of_weights, of_input = layer.convolve_adjoint(weights, kept.convolved, true_gz, pass_down=True)
    _, whole = layer.backward(weights, kept, gradient)
    positive = z.numpy() >= 0.0
    pairs = {
        "pool": (layer.pool_adjoint(kept, gradient), true_gy),
        "activation (x >= 0)": (gz.numpy()[positive], true_gz.numpy()[positive]),
        "activation (x < 0)": (gz.numpy()[~positive], true_gz.numpy()[~positive]),
        "filter gradient": (of_weights, tape.gradient(z, weights, output_gradients=true_gz)),
        "input gradient": (of_input, tape.gradient(z, x, output_gradients=true_gz)),
        "layer": (whole, tape.gradient(output, x, output_gradients=gradient)),
    }
    return tuple(
        part_check(part, np.asarray(value), np.asarray(true)) for part, (value, true) in pairs.items()
    )
