"""Read named members of a compressed tar, in memory, with limits. Nothing is ever extracted to a path."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Mapping
from typing import BinaryIO

from celu_cli.errors import DataError

SLACK_BYTES = 10_000_000
"""How much an archive may hold besides the members that are wanted."""


def read_members(archive: BinaryIO, title: str, folder: str, limits: Mapping[str, int]) -> dict[str, bytes]:
    """The members `folder/name` of a gzipped tar, for each name in `limits`: the most bytes it may have.

    Other members are passed over; links are never followed. Raises DataError when the archive is damaged,
    holds too much or lacks a member.
    """
    unpacked_limit = sum(limits.values()) + SLACK_BYTES
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=archive, mode="r:gz") as tar:
            for member in tar:
                if member.offset_data + member.size > unpacked_limit:
                    raise DataError(f"{title} unpacks to more than the {unpacked_limit:,} bytes it may have")
                prefix, _, name = member.name.rpartition("/")
                if prefix == folder and name in limits and member.isfile():
                    members[name] = _read_member(tar, member, title, limits[name])
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(f"{title} is damaged or cut short: {error}") from error
    missing = [name for name in limits if name not in members]
    if missing:
        raise DataError(f"{title} holds no {', '.join(missing)}")
    return members


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo, title: str, limit: int) -> bytes:
    if member.size > limit:
        raise DataError(f"{member.name} in {title} has {member.size:,} bytes; {limit:,} is the most expected")
    content = tar.extractfile(member)
    assert content is not None  # isfile() was asked before
    with content:
        return content.read()
