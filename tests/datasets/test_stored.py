from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from celu_cli.datasets.stored import decode_npy
from celu_cli.errors import DataError
from tests.datasets.damage import damaged


def saved(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 4, 4, 3)])
def test_what_numpy_saves_is_read_back(shape: tuple[int, ...]) -> None:
    array = np.resize(np.arange(256, dtype=np.uint8), shape)
    np.testing.assert_array_equal(decode_npy("file.npy", saved(array)), array)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (saved(np.zeros(3, np.int64)), "not a .npy file of unsigned bytes"),
        (saved(np.asfortranarray(np.zeros((3, 2), np.uint8))), "in C order"),
        (saved(np.array([{"pickled": 1}], dtype=object)), "not a .npy file of unsigned bytes"),
        (saved(np.zeros(30, np.uint8))[:-1], "holds 29 values, not the 30"),
        (saved(np.zeros(30, np.uint8)) + b"x", "holds 31 values, not the 30"),
        (b"", "not a .npy file"),
    ],
    ids=["int64", "fortran order", "pickle", "cut short", "too long", "empty"],
)
def test_anything_else_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_npy("file.npy", content)


def test_a_damaged_file_raises_no_other_error() -> None:
    content = saved(np.zeros((20, 28, 28), np.uint8))
    for copy in damaged(content, 2_000):
        with suppress(DataError):
            assert decode_npy("file.npy", copy).dtype == np.uint8
