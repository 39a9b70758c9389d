"""Training steps that can be called again and again, to be timed; and the convolutions of a step alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Split
from celu_cli.engine.network import network_of
from celu_cli.engine.operations.convolution import STRIDES, filter_gradient, input_gradient
from celu_cli.engine.randomness import initial_weights
from celu_cli.engine.schedules import dilated_rate
from celu_cli.engine.tensor import Tensor
from celu_cli.engine.training.diagnosis import clear_memory_errors, diverged
from celu_cli.engine.training.steps import compile_steps, initial_state


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
        network = network_of(case)
        self._case = case
        self._state = initial_state(case, network, weights, count)
        self._empty_sums = self._state.sums
        self._run_steps = compile_steps(case, network, split)
        self._inputs = (
            tf.range(len(split.images)),
            tf.fill([count], tf.constant(case.optimizer.learning_rate, tf.float32)),
            tf.constant(dilated_rate(case, 1), tf.float32),
            tf.constant(0),
            tf.constant(count),
        )
        self._images = min(count * case.batch_size, len(split.images))

    def __call__(self) -> float:
        """Take the steps and return their mean loss.

        Raises:
            DivergedError: the loss or a gradient became NaN or infinite, so that steps were left out.
            OutOfMemoryError: a tensor does not fit into the memory.
        """
        with clear_memory_errors():
            self._state = self._run_steps(self._state._replace(sums=self._empty_sums), *self._inputs)
            if self._state.sums.diverged_at.numpy().item() >= 0:
                raise diverged(self._case, "in a step that was to be timed")
            return self._state.sums.loss.numpy().item() / self._images

    @property
    def weights(self) -> list[NDArray[np.float32]]:
        """The weights as they are now."""
        return [tensor.numpy() for tensor in self._state.weights]


def convolutions_alone(case: Case, images: int) -> Callable[[], None]:
    """A function that computes what no step of `case` can do without, each by TensorFlow's own kernel.

    These are the convolutions of a batch of `images`: forward, filter gradient and (but for the first layer) input
    gradient, in the precision of the case.

    Raises:
        OutOfMemoryError: a tensor does not fit into the memory.
    """
    dtype = tf.as_dtype(case.precision)
    plans = [layer.operations[0] for layer in plan_network(case).layers]
    with clear_memory_errors():
        operands = [
            [
                tf.cast(tf.random.normal(shape), dtype)
                for shape in (
                    [images, *plan.input_shape],
                    plan.parameters[0].shape,
                    [images, *plan.output_shape],
                )
            ]
            for plan in plans
        ]

    @tf.function(autograph=False)
    def convolve_all() -> list[Tensor]:
        results = []
        for number, (x, kernel, gradient) in enumerate(operands, 1):
            results += [tf.nn.conv2d(x, kernel, STRIDES, "SAME"), filter_gradient(x, kernel.shape, gradient)]
            if number > 1:
                results.append(input_gradient(x, kernel, gradient))
        return results

    def step() -> None:
        with clear_memory_errors():
            for result in convolve_all():
                result.numpy()  # waits until it is there

    return step
