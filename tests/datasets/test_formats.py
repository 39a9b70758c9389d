from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from celu_cli.datasets import formats
from celu_cli.datasets.formats import decode_npy, read_members
from celu_cli.errors import DataError
from tests.datasets.damage import damaged

LIMITS = {"one": 10, "two": 10}


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, "/etc/passwd"
    return info, content


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def read(content: bytes) -> dict[str, bytes]:
    return read_members(io.BytesIO(content), "archive.tar.gz", "folder", LIMITS)


GOOD = packed(member("folder/one", b"1111"), member("folder/other", b"x"), member("folder/two", b"2222"))


def test_wanted_members_are_read_and_others_passed_over() -> None:
    assert read(GOOD) == {"one": b"1111", "two": b"2222"}


@pytest.mark.parametrize(
    "name", ["../folder/one", "/folder/one", "folder/../folder/one", "one", "./folder/one"]
)
def test_a_member_under_any_other_path_does_not_count(name: str) -> None:
    with pytest.raises(DataError, match="holds no one"):
        read(packed(member(name, b"evil"), member("folder/two", b"2")))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_links_and_devices_do_not_count(kind: bytes) -> None:
    with pytest.raises(DataError, match="holds no one"):
        read(packed(member("folder/one", kind=kind), member("folder/two", b"2")))


def test_a_member_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(DataError, match=r"one in archive\.tar\.gz has 11 bytes; 10 is the most"):
        read(packed(member("folder/one", b"x" * 11)))


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "SLACK_BYTES", 10_000)
    bomb: Sequence[tuple[tarfile.TarInfo, bytes]] = [
        member("bomb", bytes(1_000_000)),
        member("folder/one", b"1"),
    ]
    with pytest.raises(DataError, match="unpacks to more than"):
        read(packed(*bomb))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>404</html>", GOOD[:40], GOOD[:-60]],
    ids=["nothing", "html", "a beginning", "all but the end"],
)
def test_what_is_no_whole_archive_is_refused(content: bytes) -> None:
    with pytest.raises(DataError):
        read(content)


def test_a_damaged_archive_raises_no_other_error() -> None:
    for copy in damaged(GOOD, 2_000):
        with suppress(DataError):
            assert set(read(copy)) == set(LIMITS)


def header(kind: bytes, size: int, name: str = "folder/one") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def extended(*records: str) -> bytes:
    """A pax header with these records."""
    body = b"".join(f"{len(record) + 4} {record}\n".encode() for record in records)
    return header(tarfile.XHDTYPE, len(body)) + body.ljust(512, b"\0")


SPARSE = ("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=folder/one", "GNU.sparse.realsize=4")


@pytest.mark.parametrize(
    "tar",
    [
        (header(tarfile.GNUTYPE_LONGNAME, 5) + b"abcde".ljust(512, b"\0")) * 3_000,
        extended(*SPARSE) + header(tarfile.REGTYPE, 512) + b"junk\n".ljust(512, b"x"),
        extended("size=9999999999999999") + header(tarfile.REGTYPE, 4),
    ],
    ids=["a name upon a name", "a sparse map of junk", "a size beyond all disks"],
)
def test_a_header_that_lies_is_refused(tar: bytes) -> None:
    with pytest.raises(DataError):
        read(gzip.compress(tar))


def test_a_header_that_asks_for_too_much_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "SLACK_BYTES", 10_000)
    bomb = header(tarfile.GNUTYPE_LONGNAME, 50_000_000) + bytes(50_000_000)
    packed_bomb = gzip.compress(bomb, 1)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="unpacks to more than the 10,020 bytes"):
            read(packed_bomb)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


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
def test_any_other_npy_file_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_npy("file.npy", content)


def test_a_damaged_npy_file_raises_no_other_error() -> None:
    content = saved(np.zeros((20, 28, 28), np.uint8))
    for copy in damaged(content, 2_000):
        with suppress(DataError):
            assert decode_npy("file.npy", copy).dtype == np.uint8
