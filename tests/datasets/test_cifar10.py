from __future__ import annotations

import io
import json
import struct
import tarfile
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from celu_cli.datasets import cifar10
from celu_cli.datasets.cifar10 import (
    ARCHIVE_FILE,
    TEST_BATCH,
    TEST_SHEET,
    TRAIN_BATCHES,
    TRAIN_SHEET_LABELS,
    decode_archive,
    decode_batch,
    decode_batches,
    decode_sheet,
    decode_sheet_labels,
)
from celu_cli.errors import DataError
from tests.datasets.damage import damaged


def png(size: tuple[int, int], mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, 7).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


@pytest.fixture(scope="module")
def records() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.resize(np.arange(251, dtype=np.uint8), (10_000, 3_073))


def test_a_record_is_a_label_then_three_planes_row_by_row(
    records: np.ndarray[tuple[int, int], np.dtype[np.uint8]],
) -> None:
    images, labels = decode_batch(TEST_BATCH, records.tobytes())
    assert images.shape == (10_000, 32, 32, 3)
    assert images.flags.c_contiguous
    for image, row, column, channel in [(0, 0, 1, 0), (3, 5, 0, 2), (9_999, 31, 31, 1)]:
        assert images[image, row, column, channel] == records[image, 1 + channel * 1_024 + row * 32 + column]
    assert labels[4] == records[4, 0]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Six batches of 20 images; every byte of a batch is its place in the published order."""
    files = (*TRAIN_BATCHES, TEST_BATCH)
    monkeypatch.setattr(cifar10, "BATCH_IMAGES", 20)
    monkeypatch.setattr(cifar10, "BATCH_SIZES", dict.fromkeys(files, 20 * 3_073))
    return {file: bytes([place]) * 20 * 3_073 for place, file in enumerate(files)}


def test_batches_are_joined_in_the_order_of_their_numbers(small_batches: dict[str, bytes]) -> None:
    arrays = decode_batches(small_batches)
    assert arrays["train_labels"].tolist() == np.repeat(np.arange(5), 20).tolist()
    assert arrays["train_images"].shape == (100, 32, 32, 3)
    assert arrays["train_images"][::20, 31, 31, 2].tolist() == [0, 1, 2, 3, 4]
    assert set(arrays["test_labels"].tolist()) == {5}


def test_a_batch_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match=r"test_batch.bin has 3,073 bytes, not 30,730,000"):
        decode_batch(TEST_BATCH, bytes(3_073))


def test_the_archive_of_the_authors_is_read(small_batches: dict[str, bytes]) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for file, content in sorted(small_batches.items(), reverse=True):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{file}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    arrays = decode_archive({ARCHIVE_FILE: stream.getvalue()})
    assert arrays["train_labels"].tolist() == np.repeat(np.arange(5), 20).tolist()
    assert arrays["test_labels"].tolist() == [5] * 20


def test_a_sheet_has_an_image_in_each_row() -> None:
    pixels = np.resize(np.arange(251, dtype=np.uint8), (10_000, 1_024, 3))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    images = decode_sheet(TEST_SHEET, stream.getvalue())
    for image, row, column in [(0, 0, 1), (7, 3, 30), (9_999, 31, 31)]:
        np.testing.assert_array_equal(images[image, row, column], pixels[image, 32 * row + column])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png((1_024, 9_999)), "is RGB 1024 x 9999, not RGB 1024 x 10000"),
        (png((1_024, 10_000), "L"), "is L 1024 x 10000"),
        (png((1_024, 10_000))[:2_000], "damaged PNG"),
        (b"<html>not found</html>", "is not a PNG"),
        (b"", "is not a PNG"),
    ],
    ids=["rows", "grey", "cut short", "web page", "empty"],
)
def test_another_sheet_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_sheet(TEST_SHEET, content)


def test_a_picture_of_another_kind_is_not_even_decoded() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (1_024, 10_000)).save(stream, "BMP")
    with pytest.raises(DataError, match="is not a PNG"):
        decode_sheet(TEST_SHEET, stream.getvalue())


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    content = bytearray(png((4, 4)))
    content[16:24] = (200_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    with pytest.raises(DataError, match="far too large"):
        decode_sheet(TEST_SHEET, bytes(content))


def test_a_damaged_sheet_raises_no_other_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "BATCH_IMAGES", 50)
    for copy in damaged(png((1_024, 50)), 300):
        with suppress(DataError):
            assert decode_sheet(TEST_SHEET, copy).shape == (50, 32, 32, 3)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    "kind", [b"acTL", b"fcTL", b"iCCP", b"zTXt", b"iTXt", b"pHYs", b"cHRM", b"tRNS", b"eXIf"]
)
@pytest.mark.parametrize("data", [b"", b"\0", bytes(8), b"\xff" * 26, b"k\0\1\0\0\0"], ids=len)
def test_a_chunk_that_lies_raises_no_other_error(
    monkeypatch: pytest.MonkeyPatch, kind: bytes, data: bytes
) -> None:
    monkeypatch.setattr(cifar10, "BATCH_IMAGES", 2)
    whole = png((1_024, 2))
    for place in (33, len(whole) - 12):
        with suppress(DataError):
            sheet = decode_sheet(TEST_SHEET, whole[:place] + chunk(kind, data) + whole[place:])
            assert (sheet == [7, 0, 0]).all()


def test_labels_are_read_from_a_json_list() -> None:
    assert decode_sheet_labels(TRAIN_SHEET_LABELS, b"[6, 9, 0]").tolist() == [6, 9, 0]


@pytest.mark.parametrize("labels", [[10], [-1], [1.5], ["1"], [True], {"0": 1}, None])
def test_what_is_no_list_of_labels_is_refused(labels: object) -> None:
    with pytest.raises(DataError, match="not a list of labels 0 to 9"):
        decode_sheet_labels(TRAIN_SHEET_LABELS, json.dumps(labels).encode())


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1, 2", b"\xff\xfe\xfd", b"[" * 200_000])
def test_labels_that_are_no_json_are_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="is not JSON"):
        decode_sheet_labels(TRAIN_SHEET_LABELS, content)
