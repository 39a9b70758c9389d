"""celu's own form of a dataset: four .npy files, which NumPy reads at the speed of the disk."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from celu_cli.datasets.facts import ARRAY_NAMES, Arrays, Bytes, array_shape
from celu_cli.errors import DataError

HEADER_LIMIT = 1_024
# What np.save writes, to the letter. np.load accepts more, some of it with warnings and errors of many kinds.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?s:..)"
    rb"\{'descr': '\|u1', 'fortran_order': False, 'shape': \((\d{1,9}(?:, \d{1,9})*,?)\), \} *\n"
)
FILES = {name: f"{name}.npy" for name in ARRAY_NAMES}


def stored_limits(dataset: str) -> dict[str, int]:
    """The most bytes that each of the four files of a dataset may have."""
    return {file: math.prod(array_shape(dataset, name)) + HEADER_LIMIT for name, file in FILES.items()}


def decode_stored(files: Mapping[str, bytes]) -> Arrays:
    """The four .npy files as arrays, without a copy."""
    return {name: decode_npy(file, files[file]) for name, file in FILES.items()}


def decode_npy(file: str, content: bytes) -> Bytes:
    """One .npy file of unsigned bytes in C order as a read-only array; DataError for anything else."""
    header = _HEADER.match(content)
    if header is None:
        raise DataError(f"{file} is not a .npy file of unsigned bytes in C order")
    shape = tuple(int(size) for size in header[1].split(b",") if size.strip())
    values = len(content) - header.end()
    if values != math.prod(shape):
        raise DataError(f"{file} holds {values:,} values, not the {math.prod(shape):,} of {shape}")
    return np.frombuffer(content, np.uint8, offset=header.end()).reshape(shape)
