"""Prove a case's gradients: against the tape, against finite differences, and part by part.

The reference is the tape's gradient, in float64, of a network without folded alpha and without Winograd's algorithm,
whose layers compute what a second reading of the case says; its skip gradients and their rate are of that reading.
A deviation shows in all layers below the one it stems from. So each part of each layer is also tried alone, on true
inputs: a fault is named where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

import numpy as np
import tensorflow as tf

from celu_cli.case.activations import user_activation
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.check.activations import PLAIN_ACTIVATIONS
from celu_cli.check.measured import CheckedLayer, Deviation, GradientCheck, LayerCheck, deviation
from celu_cli.datasets.definition import Split
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.registry import DATASETS
from celu_cli.engine.backprop import Backprop, auto, batch_gradients, select_backprop
from celu_cli.engine.check.oracles import (
    Array,
    Reference,
    difference_error,
    joined,
    loss_from,
    output_of,
    reference_gradients,
)
from celu_cli.engine.check.parts import check_loss, check_parts, loss_rounding
from celu_cli.engine.check.reading import (
    OPERATIONS,
    ReadLayer,
    read_dilated_layers,
    read_dilated_rates,
    read_layers,
    read_output,
)
from celu_cli.engine.layers import Layer
from celu_cli.engine.network import Network, build_network, network_of
from celu_cli.engine.randomness import batch_order, initial_weights
from celu_cli.engine.schedules import dilated_rate
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.engine.user_activations import float64_functions, places_of

BATCH = 5  # images: enough for every path, few enough for float64; not 4, which is a pool's factor
SAMPLES = 3
_FEW = 2  # images for finite differences and for the second reading
_SHARES = 2  # of the batch, which differ in size


def check_on_sample(case: Case, samples: int | None = None) -> GradientCheck:
    """`check_gradients` on the training images that come with celu; `samples` has its default where None."""
    sample = load_dataset(case.dataset.name, sample=True)
    return check_gradients(case, sample.train, SAMPLES if samples is None else samples)


def check_gradients(case: Case, split: Split, samples: int = SAMPLES) -> GradientCheck:
    """Compare the backprop of `case` with its references on a batch of `split`, at the initial weights.

    The batch is the first of the first epoch, cut to `BATCH` images; the dilated rate is that of the first epoch. Black
    pixels count as 1 of 255, as an input of exactly 0 lies at the kink of many an activation.
    Finite differences are taken at 2 * `samples` coordinates of each tensor; with 0 they are left out.
    """
    plan = plan_network(case)
    chosen = batch_order(len(split.images), case.seed, epoch=1)[:BATCH]
    images = tf.constant(np.maximum(split.images[chosen], 1))
    labels = tf.constant(split.labels[chosen])
    initial = initial_weights(plan, case.network.initializer, case.seed)
    read, rates = read_layers(case, DATASETS[case.dataset.name]), read_dilated_rates(case)
    rate = float(rates[0])
    skipping = read_dilated_layers(read) if rate > 0.0 else ()
    article = case.backprop.method != "auto" and case.backprop.rule == "article"
    own_rates = np.array([dilated_rate(case, epoch) for epoch in range(1, case.epochs + 1)])

    network = replace(network_of(case), shares=_SHARES)
    wide = _in_float64(case, network)
    layers = build_network(plan, tf.float64, fold=False).layers
    weights = wide.by_layer([tf.constant(w, tf.float64) for w in initial])
    x = tf.cast(images, tf.float64) / 255.0
    exact = reference_gradients(layers, (), weights, x, labels)
    declared = exact
    if article or skipping:
        declared = reference_gradients(layers, skipping, weights, x, labels, rate=rate, article=article)
    backprop, masters = select_backprop(case.backprop), [tf.constant(w) for w in initial]
    derived = _gradients(backprop, wide, tf.nest.flatten(weights), images, labels, own_rates[0])
    trained = _gradients(backprop, network, masters, images, labels, own_rates[0])
    by_tape = _gradients(auto, build_network(plan, network.dtype), masters, images, labels, rate)
    differences = _differences(layers, weights, x[:_FEW], labels[:_FEW], samples)

    checks = []
    for index, (layer, own) in enumerate(zip(layers, wide.layers, strict=True)):
        values = list(layer.references(weights[index], x))
        gradient = tf.constant(exact.outputs[index]) * wide.scale
        checks.append(
            LayerCheck(
                CheckedLayer.of(layer.plan),
                own.winograd,
                *_compare(index, derived, exact),
                *_compare(index, derived, declared),
                *_compare(index, trained, derived),
                max(rounding.relative_error for rounding in _compare(index, by_tape, exact)),
                *differences[index],
                check_parts(own, weights[index], x / wide.scale, gradient),
                _reading_error(read[index : index + 1], layer, weights[index], values),
                _first_not_finite(layer, values),
                *places_of(layer.plan.activation),
            )
        )
        x = values[-1]
    return GradientCheck(
        case_name=case.name,
        method=case.backprop.method,
        rule="article" if article else "exact",
        precision=case.precision,
        batch=len(chosen),
        rate=rate,
        dilated_layers=skipping,
        scale=wide.scale,
        loss=check_loss(wide, x, labels),
        layers=tuple(checks),
        trained_loss=loss_rounding(network, x, labels),
        dilated_rates=deviation(own_rates, rates).relative_error,
    )


def _reading_error(
    read: Sequence[ReadLayer], layer: Layer, weights: Tensors, values: Sequence[Tensor]
) -> float | None:
    """The relative error of a layer's output against the second reading of it (in a list: there may be none)."""
    if {operation.plan.name for operation in layer.operations} - OPERATIONS:
        return None
    if not read:
        return inf
    value = _value_of(read[0].activation, read[0].alpha)
    if value is None:
        return None
    try:
        expected = read_output(read[0], weights[0].numpy(), values[0][:_FEW].numpy(), value)
    except ValueError:
        return inf
    found = values[-1][:_FEW].numpy()
    return deviation(found, expected).relative_error if found.shape == expected.shape else inf


def _value_of(activation: str, alpha: float) -> Callable[[Array], Array] | None:
    """What a second reading takes for the activation; None where there is no second writing of it."""
    if plain := PLAIN_ACTIVATIONS.get(activation):
        return lambda x: plain.value(x, alpha)
    return float64_functions(activation, alpha)[0] if user_activation(activation) else None


def _first_not_finite(layer: Layer, values: Sequence[Tensor]) -> str:
    """The first operation that makes NaN or infinity of finite numbers."""
    finite = [bool(tf.reduce_all(tf.math.is_finite(value))) for value in values]
    for operation, before, after in zip(layer.operations, finite, finite[1:], strict=False):
        if before and not after:
            return operation.plan.name.replace("_", " ")
    return ""


def _compare(index: int, found: Reference, expected: Reference) -> tuple[Deviation, Deviation]:
    """The deviations of one layer's weights and output."""
    return (
        deviation(found.weights[index], expected.weights[index]),
        deviation(found.outputs[index], expected.outputs[index]),
    )


def _in_float64(case: Case, trained: Network) -> Network:
    """The network of the training, with the same algorithms in float64."""
    wide = network_of(case, tf.float64)
    layers = (
        replace(layer, operations=own.operations)
        for layer, own in zip(wide.layers, trained.layers, strict=True)
    )
    return replace(wide, layers=tuple(layers), shares=trained.shares)


def _gradients(
    backprop: Backprop, network: Network, weights: Tensors, images: Tensor, labels: Tensor, rate: float
) -> Reference:
    """Gradients of weights and outputs by one method, the alpha that was folded out taken back in."""
    rate_tensor = tf.constant(rate, tf.float64)
    result = batch_gradients(backprop, network, weights, images, labels, rate_tensor, outputs=True)
    return Reference(
        list(map(joined, network.by_layer(result.weights))),
        [tf.cast(gradient, tf.float64).numpy() / network.scale for gradient in result.outputs],
    )


def _differences(
    layers: tuple[Layer, ...], weights: Sequence[Tensors], x: Tensor, labels: Tensor, samples: int
) -> list[tuple[float | None, float | None]]:
    """The true gradients of each layer's weights and output against finite differences."""
    if samples == 0:
        return [(None, None)] * len(layers)
    exact = reference_gradients(layers, (), weights, x, labels)

    def layer_differences(index: int, x: Tensor, y: Tensor) -> tuple[float | None, float | None]:
        own, generator = list(weights[index]), np.random.default_rng(index)
        loss_above = loss_from(layers, weights, labels, index + 1)

        def loss_at(moved: Array) -> float:
            """The loss with other weights, given in one array as `joined` makes it."""
            parts = np.split(moved.ravel(), np.cumsum([tf.size(w) for w in own])[:-1])
            changed = [tf.constant(part.reshape(w.shape)) for part, w in zip(parts, own, strict=True)]
            return loss_above(output_of(layers[index], changed, x))

        def loss_of_output(moved: Array) -> float:
            return loss_above(tf.constant(moved))

        return (
            difference_error(loss_at, joined(own), exact.weights[index], samples, generator),
            difference_error(loss_of_output, y.numpy(), exact.outputs[index], samples, generator),
        )

    errors = []
    for index, layer in enumerate(layers):
        y = output_of(layer, weights[index], x)
        errors.append(layer_differences(index, x, y))
        x = y
    return errors
