"""Training steps that can be called again and again, to be timed; and what no step can do without, alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.case.shares import count_shares
from celu_cli.datasets.definition import Split
from celu_cli.engine.network import network_of
from celu_cli.engine.operations.convolution import STRIDES, Convolution, filter_gradient, input_gradient
from celu_cli.engine.randomness import initial_weights
from celu_cli.engine.runtime import operations_at_once, spread_threads
from celu_cli.engine.schedules import dilated_rate
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.engine.training.diagnosis import clear_memory_errors, diverged
from celu_cli.engine.training.steps import compile_steps, initial_state
from celu_cli.engine.winograd import count_flops
from celu_cli.timing import Way

_PRODUCT = 2048  # rows and columns of the matrices; larger ones were multiplied at the same rate


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
        plan = plan_network(case)
        spread_threads(count_shares(case, plan))  # as a training does
        if weights is None:
            weights = initial_weights(plan, case.network.initializer, case.seed)
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
    """A function that computes the convolutions of a step of `case`, each by TensorFlow's own kernel.

    These are the convolutions of a batch of `images`: forward, filter gradient and (but for the first layer) input
    gradient, in the precision of the case. The batch is cut so that all threads have as much to do.

    Raises:
        OutOfMemoryError: a tensor does not fit into the memory.
    """
    dtype = tf.as_dtype(case.precision)
    parts = min(images, operations_at_once())
    with clear_memory_errors():
        operands = [
            [
                tf.cast(tf.random.normal(shape), dtype)
                for shape in ([rows, *layer.input_shape], layer.kernel_shape, [rows, *layer.activation_shape])
            ]
            for layer in plan_network(case).layers
            for rows in (len(range(part, images, parts)) for part in range(parts))
        ]

    @tf.function(autograph=False)
    def convolve_all() -> Tensor:
        results = []
        for number, (x, kernel, gradient) in enumerate(operands):
            results += [tf.nn.conv2d(x, kernel, STRIDES, "SAME"), filter_gradient(x, kernel.shape, gradient)]
            if number >= parts:  # the first layer passes nothing down
                results.append(input_gradient(x, kernel, gradient))
        return _first_elements(results)

    def step() -> None:
        with clear_memory_errors():
            convolve_all().numpy()

    return step


def _first_elements(tensors: Tensors) -> Tensor:
    """One of each: NumPy's copy of it waits until all are computed, and copies nothing large."""
    return tf.stack([tf.reshape(tensor, [-1])[0] for tensor in tensors])


def least_flops(case: Case) -> dict[tf.DType, int]:
    """FLOPs of the products that a step of `case` computes for one image, a multiply-add counted as 2, by their type.

    These are the convolutions' (forward, filter gradient and, but for the first layer, input gradient), by Winograd's
    algorithm where it is used, without its transforms.
    """
    network, flops = network_of(case), Counter[tf.DType]()
    for layer in network.layers:
        convolution, context = layer.operations[0], layer.context
        assert isinstance(convolution, Convolution)
        direct = convolution.plan.forward_flops
        least = count_flops(convolution.plan) if convolution.winograd else direct
        back = tf.float32 if context.widened else network.dtype
        flops[network.dtype if context.native else back] += direct if context.native else least
        flops[back] += least if layer.plan.number == 1 else 2 * least
    return dict(flops)


def arithmetic_limit(case: Case, images: int) -> Way:
    """How long a step of `images` would take if it were its `least_flops` alone, at this machine's highest rate.

    The rate is measured at each call: of a product of two large matrices for each thread, side by side.

    Raises:
        OutOfMemoryError: a tensor does not fit into the memory.
    """
    flops = least_flops(case)
    parts = operations_at_once()
    shape = [_PRODUCT, _PRODUCT]
    with clear_memory_errors():
        operands = {
            dtype: [tf.cast(tf.random.normal(shape), dtype) for _ in range(parts + 1)] for dtype in flops
        }

    @tf.function(autograph=False)
    def multiply(shared: Tensor, own: list[Tensor]) -> Tensor:
        return _first_elements([tf.matmul(one, shared) for one in own])

    def way() -> float:
        milliseconds = 0.0
        for dtype, (shared, *own) in operands.items():
            start = time.perf_counter()
            with clear_memory_errors():
                multiply(shared, own).numpy()
            taken = 1e3 * (time.perf_counter() - start)
            milliseconds += taken * images * flops[dtype] / (parts * 2 * _PRODUCT**3)
        return milliseconds

    return way
