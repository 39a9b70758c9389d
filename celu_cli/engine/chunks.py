"""A batch taken some images at a time, so that what is computed of them on the way stays in the processor's caches.

It spares memory as well: what the images need between two layers exists for one chunk, not for the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from celu_cli.engine.tensor import Tensor, Tensors

CHUNK_BYTES = 8 * 2**20
# While one chunk waits for its matrix products, another can be transformed; each costs memory.
_CHUNKS_AT_ONCE = 2

# Of some images: tensors with a row for each, and tensors to be summed over all.
Results = tuple[list[Tensor], list[Tensor]]


def chunk_size(image_bytes: int) -> int:
    """How many images make a chunk, if the largest tensor of one has so many bytes."""
    return max(1, CHUNK_BYTES // image_bytes)


def in_chunks(function: Callable[..., Results], tensors: Tensors, size: int) -> Results:
    """What `function(*tensors)` returns, from one call for each `size` images; the last chunk may be smaller.

    Every tensor has a row for each image: [b, ...]. A row that `function` returns twice is stored once.
    """
    images = tf.shape(tensors[0])[0]
    chunks = (images + size - 1) // size

    def of_chunk(index: Tensor | int) -> Results:
        return function(*(_rows(tensor, index * size, size) for tensor in tensors))

    rows, sums = of_chunk(0)
    names = [id(row) for row in rows]
    places = [names.index(name) for name in names]
    arrays = {
        place: tf.TensorArray(
            rows[place].dtype, chunks, infer_shape=False, element_shape=[None, *rows[place].shape[1:]]
        ).write(0, rows[place])
        for place in set(places)
    }

    def step(index: Tensor, arrays: dict[int, Any], sums: list[Tensor]) -> Any:
        rows, more = of_chunk(index)
        arrays = {place: array.write(index, rows[place]) for place, array in arrays.items()}
        return index + 1, arrays, [a + b for a, b in zip(sums, more, strict=True)]

    _, arrays, sums = tf.while_loop(
        lambda index, *_: index < chunks, step, (1, arrays, sums), parallel_iterations=_CHUNKS_AT_ONCE
    )
    whole = {place: array.concat() for place, array in arrays.items()}
    return [whole[place] for place in places], list(sums)


def _rows(tensor: Tensor, first: Tensor | int, count: int) -> Tensor:
    return tf.ensure_shape(tensor[first : first + count], [None, *tensor.shape[1:]])
