"""How near the gradient in use is to the exact one, measured inside the compiled loop every so many steps."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import tensorflow as tf

from celu_cli.case.schema import Case
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.events import Fidelity


def empty_record(case: Case, steps: int, weights: int) -> Tensor:
    """Room for an epoch's measurements: float32 [measurements, weights, 2]; no room where the case asks for none."""
    measurements = ceil(steps / case.fidelity.every) if case.fidelity is not None else 0
    return tf.zeros([measurements, weights, 2])


def record_if_due(
    case: Case, record: Tensor, index: Tensor, used: Tensors, exact: Callable[[], Tensors]
) -> Tensor:
    """The record with step `index` (from 0) measured where that is due; `exact` is computed only then."""
    if case.fidelity is None:
        return record
    every = case.fidelity.every

    def measured() -> Tensor:
        return tf.tensor_scatter_nd_update(record, [[index // every]], [compare_gradients(used, exact())])

    return tf.cond(index % every == 0, measured, lambda: record)


def compare_gradients(used: Tensors, exact: Tensors) -> Tensor:
    """Cosine and |used| / |exact| for each of the weights, 0 where a gradient is 0: [weights, 2]."""
    rows = []
    for a, b in zip(used, exact, strict=True):
        norm_a, norm_b = tf.norm(a), tf.norm(b)
        cosine = tf.math.divide_no_nan(tf.reduce_sum(a * b), norm_a * norm_b)
        rows.append(tf.stack([cosine, tf.math.divide_no_nan(norm_a, norm_b)]))
    return tf.stack(rows)


def read_record(case: Case, record: Tensor) -> tuple[Fidelity, ...]:
    """An epoch's measurements as plain values."""
    if case.fidelity is None:
        return ()
    return tuple(
        Fidelity(
            step=1 + number * case.fidelity.every,
            cosine=tuple(map(float, rows[:, 0])),
            norm_ratio=tuple(map(float, rows[:, 1])),
        )
        for number, rows in enumerate(record.numpy())
    )
