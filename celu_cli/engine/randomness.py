"""Every random number of a run, from NumPy and the seed alone: initial weights and the order of the images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from celu_cli.case.operations import Parameter
from celu_cli.case.plan import NetworkPlan
from celu_cli.case.schema import Initializer

# First word of a generator's key: streams for different purposes never meet.
_WEIGHTS, _ORDER = 0, 1


def initial_weights(plan: NetworkPlan, initializer: Initializer, seed: int) -> list[NDArray[np.float32]]:
    """All weights in the order of `plan.weights`; layer l's depend on (seed, l) and their shapes alone."""
    weights = []
    for layer in plan.layers:
        generator = _generator(seed, _WEIGHTS, layer.number)
        weights += [_draw(parameter, initializer, generator) for parameter in layer.weights.values()]
    return [array.astype(np.float32) for array in weights]


def batch_order(images: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """A permutation of range(images) that depends on (seed, epoch) alone, so resuming needs no generator state."""
    return _generator(seed, _ORDER, epoch).permutation(images).astype(np.int32)


def hash_arrays(arrays: Sequence[NDArray[np.generic]]) -> str:
    """SHA-256 of the arrays' bytes, one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _generator(seed: int, purpose: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(purpose, number))))


def _draw(
    parameter: Parameter, initializer: Initializer, generator: np.random.Generator
) -> NDArray[np.float64]:
    """He et al. 2015 (arXiv:1502.01852), LeCun et al. 1998, Glorot and Bengio 2010; not truncated, unlike Keras."""
    shape, inputs, outputs = parameter.shape, parameter.inputs, parameter.outputs
    if parameter.initial is not None:
        return np.full(shape, parameter.initial)
    if initializer.name == "normal":
        return generator.normal(0.0, initializer.standard_deviation, shape)
    if initializer.name == "glorot_uniform":
        limit = sqrt(6.0 / (inputs + outputs))
        return generator.uniform(-limit, limit, shape)
    return generator.normal(0.0, sqrt((2.0 if initializer.name == "he_normal" else 1.0) / inputs), shape)
