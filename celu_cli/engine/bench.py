"""Training steps that can be called again and again, to be timed; and the convolutions of a step alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.plan import LayerPlan, plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Split
from celu_cli.engine.network import network_of
from celu_cli.engine.optimizers import build_optimizer
from celu_cli.engine.randomness import initial_weights
from celu_cli.engine.schedules import dilated_rate
from celu_cli.engine.tensor import Tensor
from celu_cli.engine.training.diagnosis import clear_memory_errors, diverged
from celu_cli.engine.training.steps import compile_steps, empty_sums

_STRIDES = [1, 1, 1, 1]


class RepeatedSteps:
    """The first `count` steps of an epoch over `split` in the order it has, by the graph that trains.

    Each call goes on with the weights and the optimizer's state of the call before. `weights` replaces the initial
    ones of the case.
    """

    def __init__(
        self,
        case: Case,
        split: Split,
        count: int = 1,
        weights: Sequence[NDArray[np.float32]] | None = None,
    ) -> None:
        if weights is None:
            weights = initial_weights(plan_network(case), case.network.initializer, case.seed)
        self._case, self._count = case, count
        self._weights: Any = tuple(map(tf.constant, weights))
        self._state: Any = build_optimizer(case.optimizer).init(self._weights)
        self._run_steps = compile_steps(case, network_of(case), split)
        self._order = tf.range(len(split.images))
        self._rates = tf.fill([count], tf.constant(case.optimizer.learning_rate, tf.float32))
        self._skip = tf.constant(dilated_rate(case, 1), tf.float32)
        self._images = min(count * case.batch_size, len(split.images))

    def __call__(self) -> float:
        """Take the steps and return their mean loss.

        Raises:
            DivergedError: the loss or a gradient became NaN or infinite, so that steps were left out.
            OutOfMemoryError: a tensor does not fit into the memory.
        """
        sums = empty_sums(self._case, self._count, len(self._weights))
        passed = (self._order, self._rates, self._skip, tf.constant(0), tf.constant(self._count))
        with clear_memory_errors():
            self._weights, self._state, (loss, _, diverged_at, _) = self._run_steps(
                self._weights, self._state, sums, *passed
            )
            if diverged_at.numpy().item() >= 0:
                raise diverged(self._case, "in a step that was to be timed")
            return loss.numpy().item() / self._images

    @property
    def weights(self) -> list[NDArray[np.float32]]:
        """The weights as they are now."""
        return [tensor.numpy() for tensor in self._weights]


def convolutions_alone(case: Case, images: int) -> Callable[[], None]:
    """A function that computes what no step of `case` can do without, each by TensorFlow's own kernel.

    These are the convolutions of a batch of `images`: forward, filter gradient and (but for the first layer) input
    gradient, in the precision of the case.

    Raises:
        OutOfMemoryError: a tensor does not fit into the memory.
    """
    dtype = tf.as_dtype(case.precision)
    layers = plan_network(case).layers
    with clear_memory_errors():
        operands = [
            tuple(
                tf.cast(tf.random.normal(shape), dtype)
                for shape in (
                    [images, *layer.input_shape],
                    layer.weights_shape,
                    [images, *layer.activation_shape],
                )
            )
            for layer in layers
        ]

    @tf.function(autograph=False)
    def convolve_all() -> list[Tensor]:
        return [
            result
            for layer, tensors in zip(layers, operands, strict=True)
            for result in _convolutions(layer, *tensors)
        ]

    def step() -> None:
        with clear_memory_errors():
            for result in convolve_all():
                result.numpy()  # waits until it is there

    return step


def _convolutions(layer: LayerPlan, x: Tensor, weights: Tensor, gradient: Tensor) -> list[Tensor]:
    results = [
        tf.nn.conv2d(x, weights, _STRIDES, "SAME"),
        tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=weights.shape, out_backprop=gradient, strides=_STRIDES, padding="SAME"
        ),
    ]
    if layer.number > 1:
        results.append(
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=x.shape,
                filter=weights,
                out_backprop=gradient,
                strides=_STRIDES,
                padding="SAME",
            )
        )
    return results
