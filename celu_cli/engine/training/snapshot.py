"""The tensors of a training as named arrays, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray


def to_arrays(state: Any, weight_names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Nested tuples and mappings of tensors -> arrays, each named by its way there: ``sums/loss``, ``optimizer/step``.

    A plain tuple has a tensor for each of the weights, by their names: ``optimizer/m/layer1.convolution.kernel``.
    """
    return {name: tensor.numpy() for name, _, tensor in _named(state, weight_names)}


def from_arrays(arrays: Mapping[str, NDArray[Any]], like: Any, weight_names: Sequence[str]) -> Any:
    """The arrays as tensors, nested as `like` is; they may have the names of celu's first checkpoints, too.

    Raises:
        ValueError: an array is missing, or its shape or dtype is not that of the tensor in `like`.
    """
    found = {}
    for name, first_name, tensor in _named(like, weight_names):
        array = arrays.get(name, arrays.get(first_name))
        shape, dtype = tuple(tensor.shape), tensor.dtype
        if array is None or array.shape != shape or array.dtype != dtype.as_numpy_dtype:
            raise ValueError(f"the checkpoint's {name} is not the {dtype.name} {shape} of this case")
        found[id(tensor)] = tf.constant(array)
    return tf.nest.map_structure(lambda tensor: found[id(tensor)], like)


def _named(tree: Any, weight_names: Sequence[str], name: str = "", first: str = "") -> Iterator[Any]:
    """Name, name in celu's first checkpoints (which counted the weights and sums), and tensor of every leaf."""
    if isinstance(tree, Mapping):
        items = [(key, key, value) for key, value in tree.items()]
    elif isinstance(tree, tuple):
        own = getattr(tree, "_fields", weight_names)
        # The sums were counted, the parts of the state were not.
        counted = own is weight_names or first == "sums"
        first_keys = map(str, range(len(tree))) if counted else own
        items = list(zip(own, first_keys, tree, strict=True))
    else:
        yield name, first, tree
        return
    for key, first_key, value in items:
        names = (f"{name}/{key}".lstrip("/"), f"{first}/{first_key}".lstrip("/"))
        yield from _named(value, weight_names, *names)
