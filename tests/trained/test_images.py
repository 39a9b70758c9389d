"""Pictures of any kind become images like those of the dataset, or are refused with their name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image

from celu_cli.datasets.registry import DATASETS
from celu_cli.errors import DataError
from celu_cli.trained.images import image_files, read_image

CIFAR10, MNIST = DATASETS["cifar10"], DATASETS["mnist"]


def save(path: Path, pixels: Any, **how: Any) -> Path:
    Image.fromarray(np.asarray(pixels, how.pop("dtype", np.uint8))).save(path, **how)
    return path


def halves(height: int, width: int) -> np.ndarray[Any, Any]:
    """Red above, blue below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, :, 0] = 255
    pixels[height // 2 :, :, 2] = 255
    return pixels


def test_a_picture_of_the_datasets_own_size_comes_through_unchanged(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", pixels), CIFAR10), pixels)
    grey = pixels[:28, :28, 0]
    np.testing.assert_array_equal(read_image(save(tmp_path / "b.png", grey), MNIST)[..., 0], grey)


def test_a_larger_picture_is_averaged_down(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    means = pixels.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    found = read_image(save(tmp_path / "a.png", pixels), CIFAR10)
    assert np.abs(found - means).max() <= 1


def test_the_largest_square_in_the_middle_is_taken(tmp_path: Path) -> None:
    pixels = np.zeros((64, 200, 3), np.uint8)
    pixels[:, 68:132] = 255
    assert read_image(save(tmp_path / "a.png", pixels), CIFAR10).min() == 255


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    found = read_image(save(tmp_path / "a.jpg", halves(64, 64), exif=exif, quality=100), CIFAR10)
    assert found[4, 16, 2] > 200
    assert found[28, 16, 0] > 200


def test_transparency_becomes_white(tmp_path: Path) -> None:
    pixels = np.zeros((28, 28, 4), np.uint8)
    pixels[10:18, 10:18, 3] = 255  # a black square on nothing
    found = read_image(save(tmp_path / "a.png", pixels), MNIST)
    assert (found[0, 0, 0], found[14, 14, 0]) == (255, 0)


@pytest.mark.parametrize(("top", "left", "size"), [(40, 300, 90), (200, 100, 260), (150, 150, 30)])
def test_ink_anywhere_on_grey_paper_becomes_a_digit_as_mnist_has_them(
    top: int, left: int, size: int, tmp_path: Path
) -> None:
    paper = np.full((480, 480), 200.0)
    paper += np.linspace(-15, 15, 480)  # a shadow
    paper[top : top + size, left : left + size // 3] = 60  # a bar, three times as high as wide
    found = read_image(save(tmp_path / "a.png", paper), MNIST, ink=True)[..., 0].astype(float)
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    assert (len(rows), len(columns)) == (20, 7)
    assert found[0, 0] == 0
    assert found[14, 14] > 240
    middle = [(found * place).sum() / found.sum() for place in np.indices(found.shape)]
    np.testing.assert_allclose(middle, 13.5, atol=0.6)


def test_paper_without_ink_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no dark ink on light paper in .*a\.png"):
        read_image(save(tmp_path / "a.png", np.full((99, 99), 200)), MNIST, ink=True)


def test_sixteen_bits_keep_their_brightness(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65_535, 28 * 28).reshape(28, 28)
    found = read_image(save(tmp_path / "a.png", ramp, dtype=np.uint16), MNIST)
    assert np.abs(found[..., 0] - ramp / 257).max() <= 1


@pytest.mark.parametrize("dataset", [CIFAR10, MNIST])
def test_a_real_photograph_is_read(dataset: Any) -> None:
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        found = read_image(Path(file.name), dataset)
    assert found.shape == dataset.image_shape
    assert 30 < found.std() < 100


@pytest.mark.parametrize("damage", ["no image", "cut", "empty", "letters in the middle"])
def test_a_damaged_file_is_refused_by_its_name(damage: str, tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.png", halves(200, 200)).read_bytes()
    path = tmp_path / "damaged.png"
    middle = len(whole) // 2
    content = {
        "no image": b"%PDF-1.7\n" * 50,
        "cut": whole[:middle],
        "empty": b"",
        "letters in the middle": whole[:60] + b"x" * 40 + whole[100:],
    }[damage]
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged\.png"):
        read_image(path, CIFAR10)


def test_far_too_many_pixels_are_refused_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.png", halves(200, 200))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30_000)
    with pytest.raises(DataError, match=r"a\.png has too many pixels"):
        read_image(path, CIFAR10)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"cannot read .*a\.png: not a regular file"):
        read_image(tmp_path / "a.png", CIFAR10)
    with pytest.raises(DataError, match=r"cannot read x+: File name too long"):
        image_files(Path("x" * 5_000))


def test_a_folder_means_the_images_in_it_by_name(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "c.png").mkdir()
    assert [path.name for path in image_files(tmp_path)] == ["a.png", "b.JPG"]
    assert image_files(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_a_place_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no image in .*; images end in \.bmp, "):
        image_files(tmp_path)
    with pytest.raises(DataError, match=r"there is no .*/a\.png"):
        image_files(tmp_path / "a.png")
