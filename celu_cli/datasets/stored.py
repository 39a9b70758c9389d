"""celu's own form of a dataset: four .npy files, which NumPy reads at the speed of the disk."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping

import numpy as np
from numpy.lib import format as npy

from celu_cli.datasets.facts import ARRAY_NAMES, Arrays, Bytes, array_shape
from celu_cli.errors import DataError

HEADER_LIMIT = 1_024
FILES = {name: f"{name}.npy" for name in ARRAY_NAMES}


def stored_limits(dataset: str) -> dict[str, int]:
    """The most bytes that each of the four files of a dataset may have."""
    return {file: math.prod(array_shape(dataset, name)) + HEADER_LIMIT for name, file in FILES.items()}


def decode_stored(files: Mapping[str, bytes]) -> Arrays:
    """The four .npy files as arrays, without a copy."""
    return {name: decode_npy(file, files[file]) for name, file in FILES.items()}


def decode_npy(file: str, content: bytes) -> Bytes:
    """One .npy file of unsigned bytes in C order as a read-only array; DataError for anything else."""
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        if version != (1, 0):
            raise DataError(f"{file} is of .npy version {version}, not (1, 0)")
        shape, fortran_order, dtype = npy.read_array_header_1_0(stream)
    except ValueError as error:
        raise DataError(f"{file} is not a .npy file: {error}") from error
    start = stream.tell()
    if dtype != np.uint8 or fortran_order:
        raise DataError(f"{file} holds {dtype}, not unsigned bytes in C order")
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{file} holds {len(content) - start:,} values, not the {math.prod(shape):,} of {shape}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
