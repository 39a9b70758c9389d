from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from celu_cli.datasets.mnist import (
    IDX_FILES,
    NPZ_FILE,
    NPZ_KEYS,
    SHAPES,
    decode_idx,
    decode_idx_files,
    decode_npz,
    idx_header,
)
from celu_cli.errors import DataError
from tests.datasets.conftest import FakeMnist
from tests.datasets.damage import damaged


def npz(**members: Any) -> dict[str, bytes]:
    stream = io.BytesIO()
    np.savez_compressed(stream, **members)
    return {NPZ_FILE: stream.getvalue()}


@pytest.fixture(scope="module")
def good_npz(made_mnist: FakeMnist) -> dict[str, bytes]:
    return npz(**{NPZ_KEYS[name]: np.squeeze(array) for name, array in made_mnist.arrays.items()})


def test_an_idx_file_is_read_row_by_row() -> None:
    image = np.arange(6, dtype=np.uint8)
    content = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (1, 2, 3)) + image.tobytes()
    assert decode_idx("file", content, (1, 2, 3, 1))[0, :, :, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_four_idx_files_become_the_four_arrays(made_mnist: FakeMnist) -> None:
    arrays = decode_idx_files(made_mnist.idx)
    for name, array in made_mnist.arrays.items():
        assert arrays[name].shape == SHAPES[name]
        assert np.array_equal(arrays[name], array)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not begin with the idx header"),
        (idx_header((9, 28, 28)) + bytes(9 * 784), "does not begin with the idx header"),
        (idx_header((10, 28, 28)) + bytes(10 * 784 - 1), "has 7,855 bytes, not 7,856"),
        (idx_header((10, 28, 28)) + bytes(10 * 784 + 1), "has 7,857 bytes, not 7,856"),
    ],
    ids=["empty", "fewer images", "cut short", "too long"],
)
def test_another_idx_file_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_idx(IDX_FILES["test_images"], content, (10, 28, 28, 1))


def test_the_npz_of_keras_becomes_the_four_arrays(good_npz: dict[str, bytes], made_mnist: FakeMnist) -> None:
    for name, array in decode_npz(good_npz).items():
        assert np.array_equal(array, made_mnist.arrays[name])


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"x_train": np.zeros((2, 28, 28), np.uint8)}, r"has the shape \(2, 28, 28\)"),
        ({"x_train": np.array([print], dtype=object)}, "not a .npy file of unsigned bytes"),
        ({"x_train": np.zeros((60000, 28, 28), np.uint16)}, "would unpack to 94,080,128 bytes"),
        ({"images": np.zeros(1, np.uint8)}, "x_train"),
    ],
    ids=["other shape", "pickle", "too large", "other names"],
)
def test_another_npz_is_refused_with_its_reason(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_npz(npz(**members))


def test_an_encrypted_npz_is_refused(good_npz: dict[str, bytes]) -> None:
    content = bytearray(good_npz[NPZ_FILE])
    entry = content.index(b"PK\x01\x02")
    content[entry + 8] |= 1
    with pytest.raises(DataError, match="encrypted"):
        decode_npz({NPZ_FILE: bytes(content)})


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_damaged_npz_never_gives_other_arrays(method: int) -> None:
    stream = io.BytesIO()
    labels = np.resize(np.arange(10, dtype=np.uint8), 60_000)
    with (
        zipfile.ZipFile(stream, "w", method) as archive,
        archive.open("x_train.npy", "w") as member,
    ):
        np.save(member, labels)
    for copy in damaged(stream.getvalue(), 500):
        with suppress(DataError):
            decode_npz({NPZ_FILE: copy})
            pytest.fail("an npz without the other three arrays was accepted")
