from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from celu_cli.datasets.directory import read_file
from celu_cli.errors import DataError


def test_a_plain_and_a_compressed_file_read_the_same(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"content")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(b"content"))
    assert read_file(tmp_path / "plain", "plain", 7) == b"content"
    assert read_file(tmp_path / "packed.gz", "packed", 7) == b"content"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(b"content")[:-6], "damaged or cut short"),
        (gzip.compress(b"content")[:-8] + bytes(8), "damaged or cut short"),
        (b"not gzip", "damaged or cut short"),
        (gzip.compress(bytes(100_000)), "more than the 7 bytes"),
        (b"\n<!DOCTYPE HTML><title>404</title>", "web page"),
        (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "web page"),
    ],
    ids=["cut short", "wrong checksum", "not gzip", "bomb", "html", "xml"],
)
def test_a_bad_compressed_file_is_refused_with_its_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "file.gz").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_file(tmp_path / "file.gz", "file", 7)


def test_a_plain_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(8))
    with pytest.raises(DataError, match="more than the 7 bytes"):
        read_file(tmp_path / "file", "file", 7)


def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing cannot be read: No such file"):
        read_file(tmp_path / "nothing", "nothing", 7)
