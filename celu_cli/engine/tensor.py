"""The names that the engine's signatures share, tensors on the memory of arrays, and tensors times a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import tensorflow as tf
from numpy.typing import NDArray

Tensor: TypeAlias = tf.Tensor
Tensors: TypeAlias = Sequence[tf.Tensor]


def scaled(x: Tensor, factor: float) -> Tensor:
    """x * factor, without a pass over x where the factor is 1."""
    return x if factor == 1.0 else x * tf.constant(factor, x.dtype)


def share(array: NDArray[Any]) -> Tensor:
    """A tensor with the values of an array that nobody changes: on the same memory if aligned, otherwise a copy.

    `tf.constant` always copies, and as a rule twice. Aligned to 64 bytes are the arrays of `celu_cli.datasets`.
    """
    shared = tf.function(lambda: tf.numpy_function(lambda: array, [], array.dtype), autograph=False)
    # Called itself, the fifth such function in a process would have TensorFlow warn of retracing.
    return shared.get_concrete_function()()
