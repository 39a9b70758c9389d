"""The tensors of a training as named arrays, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def to_arrays(tensors: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Nested mappings and tuples of tensors -> arrays, each named by its way there, such as ``optimizer/m/0``."""
    return {name: tensor.numpy() for name, tensor in _named(tensors, "")}


def from_arrays(arrays: Mapping[str, NDArray[Any]], like: Any, prefix: str = "") -> Any:
    """The arrays as tensors, nested as `like` is.

    Raises:
        ValueError: an array is missing, or its shape or dtype is not that of the tensor in `like`.
    """
    if isinstance(like, Mapping):
        return {key: from_arrays(arrays, value, f"{prefix}{key}/") for key, value in like.items()}
    if isinstance(like, tuple):
        return tuple(from_arrays(arrays, value, f"{prefix}{i}/") for i, value in enumerate(like))
    name = prefix.rstrip("/")
    array = arrays.get(name, np.empty(0))
    if name not in arrays or array.shape != tuple(like.shape) or array.dtype != like.dtype.as_numpy_dtype:
        raise ValueError(
            f"the checkpoint's {name} is not the {like.dtype.name} {tuple(like.shape)} of this case"
        )
    return tf.constant(array)


def _named(tensors: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tensors, Mapping):
        for key, value in tensors.items():
            yield from _named(value, f"{prefix}{key}/")
    elif isinstance(tensors, tuple):
        for index, value in enumerate(tensors):
            yield from _named(value, f"{prefix}{index}/")
    else:
        yield prefix.rstrip("/"), tensors
