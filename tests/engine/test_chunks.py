from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from celu_cli.engine import chunks, layers
from celu_cli.engine.chunks import Results, chunk_size, in_chunks
from tests.engine.compare import assert_close, relative_error
from tests.engine.small import Floats, uncompiled
from tests.engine.test_layers import LAYERS, build_layer


def numbers(*shape: int) -> Floats:
    return np.arange(np.prod(shape), dtype=float).reshape(shape)


def rows_and_sums(x: tf.Tensor, y: tf.Tensor) -> Results:
    doubled = 2.0 * x
    return [doubled, x + y[:, :1], doubled], [tf.reduce_sum(y, axis=0)]


@settings(deadline=None, max_examples=30)
@given(images=st.integers(1, 9), size=st.integers(1, 10))
def test_chunks_of_any_size_give_what_the_batch_gives(images: int, size: int) -> None:
    x, y = tf.constant(numbers(images, 3)), tf.constant(numbers(images, 2))
    expected = rows_and_sums(x, y)
    for actual, whole in zip(in_chunks(rows_and_sums, [x, y], size), expected, strict=True):
        for one, other in zip(actual, whole, strict=True):
            np.testing.assert_array_equal(one, other)


def test_in_a_graph_the_batch_may_be_unknown_and_shapes_stay_known() -> None:
    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, 3], tf.float64)])
    def run(x: tf.Tensor) -> tf.Tensor:
        (doubled, _, again), (total,) = in_chunks(rows_and_sums, [x, x], 2)
        assert doubled.shape.as_list() == [None, 3]
        assert doubled is again  # stored once
        return doubled, total

    for images in (1, 2, 5):
        doubled, total = run(numbers(images, 3))
        np.testing.assert_array_equal(doubled, 2.0 * numbers(images, 3))
        np.testing.assert_array_equal(total, numbers(images, 3).sum(axis=0))


def test_a_chunk_holds_at_least_one_image_however_large() -> None:
    assert [chunk_size(chunks.CHUNK_BYTES * 2), chunk_size(chunks.CHUNK_BYTES // 3)] == [1, 3]


@pytest.mark.parametrize("winograd", [False, True], ids=["direct", "winograd"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_in_chunks_what_it_computes_at_once(name: str, winograd: bool) -> None:
    plan = LAYERS[name]
    layer = build_layer(plan, winograd=winograd and plan.kernel == 3)
    generator = np.random.default_rng(0)
    x, weights, gradient = (
        tf.constant(generator.normal(size=shape))
        for shape in ((5, *plan.input_shape), plan.kernel_shape, (5, *plan.output_shape))
    )

    def both_ways() -> list[tf.Tensor]:
        output, kept = layer.forward([weights], x)
        (of_weights,), of_input = layer.backward(kept, gradient)
        return [output, *tf.nest.flatten(kept.tensors), kept.activated, of_weights, of_input]

    with uncompiled(), patch.object(layers, "_LARGE_IMAGE_BYTES", 0):
        at_once = both_ways()
        calls = []
        with patch.object(layers, "chunk_size", lambda image_bytes: calls.append(image_bytes) or 2):
            in_twos = both_ways()

    assert len(calls) == 2  # forward and back
    assert relative_error(in_twos[0], at_once[0]) < 1e-12
    assert_close(in_twos, at_once, 1e-12)
