"""File formats that datasets share: members of a tar, .npy, PNG. All is read in memory, nothing extracted to a path."""

from __future__ import annotations

import gzip
import math
import re
import struct
import tarfile
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO

from celu_cli.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SLACK_BYTES = 10_000_000
"""How much an archive may hold besides the members that are wanted."""
NPY_HEADER_LIMIT = 1_024
"""The most bytes that the header of a .npy file may have."""

# What np.save writes, to the letter. np.load accepts more, some of it with warnings and errors of many kinds.
_NPY_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?s:..)"
    rb"\{'descr': '\|u1', 'fortran_order': False, 'shape': \((\d{1,9}(?:, \d{1,9})*,?)\), \} *\n"
)

DAMAGED_PNG = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, OverflowError),
    *(zlib.error, struct.error),
)
"""What Pillow raises for a damaged PNG."""

# What tarfile raises for a damaged archive besides its own errors, since it believes the numbers in a header.
_DAMAGED = (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, OverflowError, RecursionError)


class _Unpacked(gzip.GzipFile):
    """The tar inside, of which no more than `limit` bytes may be asked for: tarfile reads long headers whole."""

    def __init__(self, archive: BinaryIO, title: str, limit: int) -> None:
        super().__init__(fileobj=archive, mode="rb")
        self._title = title
        self._limit = limit
        self._left = limit

    def read(self, size: int | None = -1) -> bytes:
        self._left -= self._left + 1 if size is None or size < 0 else size
        self._refuse_beyond_limit(self._left < 0)
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._refuse_beyond_limit(offset > self._limit)
        return super().seek(offset, whence)

    def _refuse_beyond_limit(self, beyond: bool) -> None:
        if beyond:
            raise DataError(f"{self._title} unpacks to more than the {self._limit:,} bytes it may have")


def read_members(archive: BinaryIO, title: str, folder: str, limits: Mapping[str, int]) -> dict[str, bytes]:
    """The members `folder/name` of a gzipped tar, for each name in `limits`: the most bytes it may have.

    Other members are skipped; links are never followed. Raises DataError when the archive is damaged,
    holds too much or lacks a member.
    """
    unpacked_limit = sum(limits.values()) + SLACK_BYTES
    members: dict[str, bytes] = {}
    try:
        with (
            _Unpacked(archive, title, unpacked_limit) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r:") as tar,
        ):
            for member in tar:
                prefix, _, name = member.name.rpartition("/")
                if prefix == folder and name in limits and member.isfile():
                    members[name] = _read_member(tar, member, title, limits[name])
    except _DAMAGED as error:
        raise DataError(f"{title} is damaged or cut short: {error}") from error
    missing = [name for name in limits if name not in members]
    if missing:
        raise DataError(f"{title} holds no {', '.join(missing)}")
    return members


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo, title: str, limit: int) -> bytes:
    if member.size > limit:
        raise DataError(f"{member.name} in {title} has {member.size:,} bytes; {limit:,} is the most expected")
    content = tar.extractfile(member)
    assert content is not None  # isfile() was checked before
    with content:
        return content.read()


def decode_npy(file: str, content: bytes) -> NDArray[np.uint8]:
    """One .npy file of unsigned bytes in C order as a read-only array; DataError for anything else."""
    import numpy as np

    header = _NPY_HEADER.match(content)
    if header is None:
        raise DataError(f"{file} is not a .npy file of unsigned bytes in C order")
    shape = tuple(int(size) for size in header[1].split(b",") if size.strip())
    values = len(content) - header.end()
    if values != math.prod(shape):
        raise DataError(f"{file} holds {values:,} values, not the {math.prod(shape):,} of {shape}")
    return np.frombuffer(content, np.uint8, offset=header.end()).reshape(shape)
