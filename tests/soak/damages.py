"""What happens to the files of a dataset: each takes a file's path and damages it there."""

from __future__ import annotations

import gzip
import os
import random
import re
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.soak.small_sets import packed_batches

_WEB_PAGE = b"<!DOCTYPE html><html><title>404 Not Found</title></html>"
_ANOTHER_NAME = (
    "../../escaped",
    "/celu-escaped",
    "cifar-10-batches-bin/../../escaped",
    "cifar-10-batches-py/x",
    "",
)


def flip_bits(path: Path, choose: random.Random) -> None:
    content = bytearray(path.read_bytes())
    near = choose.choice([100, len(content)])
    for _ in range(choose.randint(1, 3)):
        content[choose.choice([1, -1]) * choose.randrange(min(near, len(content)))] ^= 1 << choose.randrange(
            8
        )
    path.write_bytes(content)


def cut_short(path: Path, choose: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: choose.choice([0, 1, 10, choose.randrange(len(content)), len(content) - 1])])


def overwrite(path: Path, choose: random.Random) -> None:
    content = path.read_bytes()
    start = choose.randrange(len(content))
    length = choose.randint(1, 300)
    filler = choose.choice([bytes(length), b"\xff" * length, choose.randbytes(length), b"[" * length])
    path.write_bytes(content[:start] + filler + content[start + choose.choice([0, length]) :])


def replace_whole(path: Path, choose: random.Random) -> None:
    other = choose.choice(
        [
            _WEB_PAGE,
            gzip.compress(_WEB_PAGE),
            b"[" * 200_000,
            gzip.compress(bytes(5_000_000)),
            choose.randbytes(500),
        ]
    )
    path.write_bytes(other)


def append(path: Path, choose: random.Random) -> None:
    with path.open("ab") as file:
        file.write(choose.choice([b"\0", bytes(1_000_000), path.read_bytes(), _WEB_PAGE]))


def repack(path: Path, choose: random.Random) -> None:
    """Damage what only its own format knows, under right checksums; other files suffer flipped bits."""
    content = path.read_bytes()
    if path.name.endswith(".tar.gz") and choose.random() < 0.7:
        path.write_bytes(gzip.compress(choose.choice(_LYING_HEADERS) + gzip.decompress(content), 1))
    elif path.suffix == ".gz":
        inner = path.with_suffix(".inner")
        inner.write_bytes(gzip.decompress(content))
        choose.choice([flip_bits, overwrite, cut_short])(inner, choose)
        path.write_bytes(gzip.compress(inner.read_bytes(), 1))
        inner.unlink()
    elif path.suffix == ".png" and choose.random() < 0.6:
        place = choose.choice([33, len(content) - 12])
        path.write_bytes(content[:place] + _lying_chunk(choose) + content[place:])
    elif path.suffix == ".png":
        path.write_bytes(_with_right_checksums(_with_a_changed_byte(content, choose)))
    elif path.suffix == ".json":
        lie = choose.choice([b"10", b"-1", b"1e400", b"null", b"3", b"9" * 5_000, b"[" * 200_000])
        path.write_bytes(re.sub(rb"\d", lie, content, count=1))
    else:
        flip_bits(path, choose)


def _header(kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def _extended(*records: str) -> bytes:
    body = b"".join(f"{len(record) + 4} {record}\n".encode() for record in records)
    return _header(tarfile.XHDTYPE, len(body)) + body.ljust(512, b"\0")


_SPARSE = _extended("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=x", "GNU.sparse.realsize=4")
_LYING_HEADERS = [
    (_header(tarfile.GNUTYPE_LONGNAME, 5) + b"abcde".ljust(512, b"\0")) * 3_000,
    _header(tarfile.GNUTYPE_LONGNAME, 10**10),
    _header(tarfile.REGTYPE, 10**10),
    _SPARSE + _header(tarfile.REGTYPE, 512) + b"junk\n".ljust(512, b"x"),
    _extended("size=9999999999999999"),
    _extended("size=junk"),
    _extended("path=../../escaped"),
]


def _lying_chunk(choose: random.Random) -> bytes:
    kind = choose.choice(
        [b"acTL", b"fcTL", b"fdAT", b"iCCP", b"zTXt", b"iTXt", b"pHYs", b"cHRM", b"tRNS", b"IHDR"]
    )
    data = choose.choice([b"", b"\0", bytes(4), bytes(8), b"\xff" * 26, b"k\0\1\0\0\0", choose.randbytes(30)])
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _with_a_changed_byte(content: bytes, choose: random.Random) -> bytearray:
    copy = bytearray(content)
    copy[choose.randrange(8, choose.choice([60, len(copy)]))] = choose.randrange(256)
    return copy


def _with_right_checksums(png: bytearray) -> bytes:
    start = 8
    while start + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, start)
        end = start + 8 + length
        if end + 4 > len(png):
            break
        struct.pack_into(">I", png, end, zlib.crc32(png[start + 4 : end]))
        start = end + 4
    return bytes(png)


def rename_members(path: Path, choose: random.Random) -> None:
    """An archive whose members lead elsewhere; other files become one, which they must not be."""

    def elsewhere(info: tarfile.TarInfo) -> None:
        if choose.random() < 0.5:
            info.name = choose.choice(_ANOTHER_NAME)
            info.type = choose.choice([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
            info.linkname = "/etc/passwd"

    batches = {f"data_batch_{number}.bin": bytes(4 * 3_073) for number in range(1, 6)}
    path.write_bytes(packed_batches({**batches, "test_batch.bin": bytes(4 * 3_073)}, elsewhere))


def no_file(path: Path, choose: random.Random) -> None:
    """Something else than a file under the name."""
    path.unlink()
    make: Callable[[Path], object] = choose.choice(
        [Path.mkdir, os.mkfifo, lambda place: place.symlink_to(place.name), lambda _: None]
    )
    make(path)


def swap_file(path: Path, choose: random.Random) -> None:
    """Another file of the same set under the name."""
    others = sorted(other for other in path.parent.iterdir() if other != path)
    path.write_bytes(choose.choice(others).read_bytes())


DAMAGES = [
    flip_bits,
    cut_short,
    overwrite,
    replace_whole,
    append,
    repack,
    repack,
    rename_members,
    no_file,
]
