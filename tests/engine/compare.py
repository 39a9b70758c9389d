"""How far numbers are from those of an oracle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Expected(NamedTuple):
    """An oracle's dL/d weights and dL/d output of each layer, the latter before a skip gradient is added."""

    weights: list[Any]
    outputs: list[Any]


def relative_error(actual: Any, expected: Any) -> float:
    """The largest difference, as a part of the largest element expected."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    largest = np.abs(expected).max()
    assert largest > 0, "an oracle that expects nothing but zeros proves nothing"
    return float(np.abs(actual - expected).max() / largest)


def assert_close(actual: Sequence[Any], expected: Sequence[Any], tolerance: float) -> None:
    """Every tensor agrees with the oracle's; the message has the error of each."""
    errors = [relative_error(one, other) for one, other in zip(actual, expected, strict=True)]
    # NumPy's maximum keeps NaN, Python's may lose it.
    assert np.max(errors) < tolerance, [f"{error:.1e}" for error in errors]


def assert_same(actual: Sequence[Any], expected: Sequence[Any]) -> None:
    """Every element of every tensor is the same number."""
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
