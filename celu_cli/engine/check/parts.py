"""Try the parts of a hand-written backward pass alone, on true inputs in float64, so that a fault has a name.

The parts are those of the network as it is trained: where an alpha is folded, they run on what is left of it.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from celu_cli.check.measured import (
    FILTER,
    FORWARD,
    INPUT,
    NEGATIVE,
    POOL,
    POSITIVE,
    RESIDUAL,
    WHOLE_INPUT,
    WHOLE_WEIGHTS,
    PartCheck,
    part_check,
)
from celu_cli.engine.check.oracles import layer_values, mean_loss
from celu_cli.engine.layers import Kept, Layer
from celu_cli.engine.loss import logits_gradient
from celu_cli.engine.network import Network
from celu_cli.engine.tensor import Tensor


def check_loss(network: Network, output: Tensor, labels: Tensor) -> PartCheck:
    """The gradient of the loss with respect to the last layer's output (without a folded alpha)."""
    with tf.GradientTape() as tape:
        tape.watch(output)
        loss = mean_loss(output, labels)
    exact = tape.gradient(loss, output).numpy()
    last = network.layers[-1]
    if last.taped:
        return part_check("loss", exact, exact)
    value = logits_gradient(network, tf.reshape(output, [-1, output.shape[-1]]), labels) / network.scale
    return part_check("loss", value.numpy(), exact, exact * len(labels) if last.article else None)


def check_parts(layer: Layer, weights: Tensor, x: Tensor, gradient: Tensor) -> tuple[PartCheck, ...]:
    """Try the parts of a layer alone, then the layer as a whole; `gradient` is the true dL/d output."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([weights, x])
        exact = layer_values(layer, weights, x)
        declared = layer_values(layer, weights, x, article=True) if layer.article else exact
    true_gy = tape.gradient(exact.pooled, exact.y, output_gradients=gradient)
    true_gz = tape.gradient(exact.activated, exact.z, output_gradients=true_gy)

    output, kept = layer.forward(weights, x)
    gz = layer.activation_backward(true_gy, kept.activation)
    of_weights, of_input = layer.convolve_adjoint(kept, true_gz)
    whole_weights, whole_input = layer.backward(kept, gradient)

    def check(
        part: str,
        value: Tensor,
        of: str,
        by: str,
        given: Tensor,
        where: Tensor | None = None,
        times: float = 1.0,
    ) -> PartCheck:
        """Compare with `times` the tape's gradient from `of` to `by`, names of `Values`, or of weights and x."""
        results = [value]
        for values in (exact, declared) if layer.article else (exact,):
            source = {"weights": weights, "x": x}.get(by)
            source = getattr(values, by) if source is None else source
            results.append(times * tape.gradient(getattr(values, of), source, output_gradients=given))
        if where is not None:
            results = [tf.where(where, result, tf.zeros_like(result)) for result in results]
        return part_check(part, *(np.asarray(result) for result in results))

    parts = [
        part_check(FORWARD, np.asarray(output), np.asarray(exact.pooled)),
        check(POOL, layer.pool_adjoint(kept, gradient), "pooled", "y", gradient),
        # At 0 itself derivatives may jump, and either side's is as good.
        check(POSITIVE, gz, "activated", "z", true_gy, exact.z > 0.0),
        check(NEGATIVE, gz, "activated", "z", true_gy, exact.z < 0.0),
        check(FILTER, of_weights, "z", "weights", true_gz),
        check(INPUT, of_input, "z", "x", true_gz),
    ]
    if layer.plan.residual:
        through = whole_input - _through_convolution(layer, kept, gradient)
        parts.append(check(RESIDUAL, through, "pooled", "y", gradient, times=layer.plan.residual))
    parts.append(check(WHOLE_WEIGHTS, whole_weights, "pooled", "weights", gradient))
    parts.append(check(WHOLE_INPUT, whole_input, "pooled", "x", gradient))
    return tuple(parts)


def _through_convolution(layer: Layer, kept: Kept, gradient: Tensor) -> Tensor:
    """The part of dL/d input that does not come by the residual sum, by the layer's own parts."""
    gz = layer.activation_backward(layer.pool_adjoint(kept, gradient), kept.activation)
    return layer.convolve_adjoint(kept, gz)[1]
