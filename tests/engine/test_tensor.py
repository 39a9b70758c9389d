from __future__ import annotations

import logging

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.engine.tensor import share

ROOM = np.zeros(64 + 1_000, np.uint8)
ALIGNED = -ROOM.ctypes.data % 64


@pytest.mark.parametrize("begin", [ALIGNED, (ALIGNED + 16) % 64], ids=["aligned", "not aligned"])
def test_a_tensor_has_the_values_of_the_array_and_its_memory_if_that_is_aligned(begin: int) -> None:
    array = ROOM[begin : begin + 1_000].reshape(10, 100)
    array[...] = np.arange(1_000).reshape(10, 100) % 251
    tensor = share(array)
    np.testing.assert_array_equal(tensor, array)
    assert tensor.shape == (10, 100)
    array[3, 5] = 255  # only to find out
    assert (tensor[3, 5].numpy() == 255) == (begin == ALIGNED)


def test_a_process_that_shares_many_arrays_hears_no_warning() -> None:
    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = said.append  # type: ignore[method-assign]
    tf.get_logger().addHandler(handler)
    try:
        for size in range(1, 12):
            share(np.zeros(size, np.uint8))
    finally:
        tf.get_logger().removeHandler(handler)
    assert not said
