"""A batch cut into shares, which are computed side by side, each from its first operation to its last by one thread.

No thread waits for the others within an operation, and what the layers need of a share on the way is small: a batch of
any size takes the memory of as many shares as there are threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.machine import cpu_threads

# Of some images: tensors with a row for each, and tensors to be summed over all.
Results = tuple[list[Tensor], list[Tensor]]


def in_shares(function: Callable[..., Results], tensors: Tensors, shares: int) -> Results:
    """What `function(*tensors)` returns, from one call for each share; the last share may be smaller.

    Every tensor has a row for each image: [b, ...]. The sums are added up in the order of the shares, so that they do
    not depend on the threads.
    """
    if shares <= 1:
        return function(*tensors)
    images = tf.shape(tensors[0])[0]
    size = (images + shares - 1) // shares
    specs = [tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype) for tensor in tensors]
    # Traced once, here, which also says what it returns.
    of_share = tf.function(function, autograph=False).get_concrete_function(*specs)
    row_specs, sum_specs = of_share.structured_outputs
    used = (images + size - 1) // size
    arrays = [
        tf.TensorArray(row.dtype, used, infer_shape=False, element_shape=[None, *row.shape[1:]])
        for row in row_specs
    ]
    sums = [tf.zeros(sum_.shape, sum_.dtype) for sum_ in sum_specs]

    def step(index: Tensor, arrays: list[Any], sums: list[Tensor]) -> Any:
        rows, more = of_share(*(tensor[index * size : (index + 1) * size] for tensor in tensors))
        arrays = [array.write(index, row) for array, row in zip(arrays, rows, strict=True)]
        return index + 1, arrays, [a + b for a, b in zip(sums, more, strict=True)]

    _, arrays, sums = tf.while_loop(
        lambda index, *_: index < used, step, (0, arrays, sums), parallel_iterations=cpu_threads()
    )
    return [array.concat() for array in arrays], sums
