"""An activation as functions of NumPy arrays, computed by what trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.engine.activations import find_activation
from celu_cli.engine.own_activations import try_activation

Function: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def float64_functions(name: str, alpha: float) -> tuple[Function, Function]:
    """Value and derivative as functions of the input; the derivative is the backward pass of a gradient of ones.

    Raises:
        CaseError: `name` is an activation of the user's own that cannot be used.
    """
    try_activation(name, alpha, tf.float64)
    activation = find_activation(name)

    def value(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(activation.value(tf.constant(x), alpha))

    def derivative(x: NDArray[np.float64]) -> NDArray[np.float64]:
        kept = tf.constant(value(x) if activation.keeps == "output" else x)
        return np.asarray(activation.backward(tf.ones_like(kept), kept, alpha))

    return value, derivative


def formula_of(name: str) -> str:
    """The formula of an activation in plain text; empty where the user's own gives none."""
    return find_activation(name).formula
