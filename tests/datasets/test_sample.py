from __future__ import annotations

import hashlib
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from celu_cli.datasets import sample
from celu_cli.datasets.definition import Dataset
from celu_cli.datasets.load import load_dataset
from celu_cli.datasets.registry import DATASETS, SAMPLE_TEST_IMAGES, SAMPLE_TRAIN_IMAGES
from celu_cli.datasets.sample import SAMPLE_DIRECTORY, read_split
from celu_cli.errors import DataError

NAMES = sorted(DATASETS)
SPLITS = {"train": SAMPLE_TRAIN_IMAGES, "test": SAMPLE_TEST_IMAGES}


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "draw_sample.py"
    spec = importlib.util.spec_from_file_location("draw_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_loads_with_nothing_else_on_the_machine(name: str) -> None:
    dataset = load_dataset(name, sample=True)
    for split, count in ((dataset.train, SAMPLE_TRAIN_IMAGES), (dataset.test, SAMPLE_TEST_IMAGES)):
        assert split.images.shape == (count, *DATASETS[name].image_shape)
        assert split.images.dtype == split.labels.dtype == np.uint8
        assert split.images.flags.c_contiguous
        assert not split.images.flags.writeable
    assert dataset.source == "the sample that comes with celu (2,000 + 500 real images)"


@pytest.mark.parametrize("name", NAMES)
def test_every_class_is_equally_frequent(name: str) -> None:
    dataset = load_dataset(name, sample=True)
    assert np.bincount(dataset.train.labels).tolist() == [SAMPLE_TRAIN_IMAGES // 10] * 10
    assert np.bincount(dataset.test.labels).tolist() == [SAMPLE_TEST_IMAGES // 10] * 10


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_distinct_in_published_order_and_in_range(name: str, split: str) -> None:
    rows = read_split(name, split).rows.astype(int)
    count = DATASETS[name].train_images if split == "train" else DATASETS[name].test_images
    assert (np.diff(rows) > 0).all()
    assert rows[-1] < count
    if (name, split) == ("mnist", "train"):
        assert rows[0] >= 5_000


def test_hold_out_does_not_shrink_the_sample() -> None:
    assert len(load_dataset("mnist", sample=True, hold_out=5_000).train.labels) == SAMPLE_TRAIN_IMAGES


def test_every_pixel_position_of_the_colour_sample_spans_nearly_all_values() -> None:
    images = load_dataset("cifar10", sample=True).train.images
    assert images.min(axis=0).max() <= 2
    assert images.max(axis=0).min() >= 254


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", SPLITS)
def test_the_sample_is_the_rows_it_claims(
    name: str, split: str, full_dataset: Callable[[str], Dataset]
) -> None:
    full = getattr(full_dataset(name), split)
    claimed = read_split(name, split)
    assert np.array_equal(claimed.images, full.images[claimed.rows])
    assert np.array_equal(claimed.labels, full.labels[claimed.rows])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", SPLITS)
def test_the_rows_are_those_that_the_rule_draws(
    name: str, split: str, full_dataset: Callable[[str], Dataset], drawing: ModuleType
) -> None:
    labels = getattr(full_dataset(name), split).labels
    assert drawing.draw_rows(name, split, labels, SPLITS[split]) == read_split(name, split).rows.tolist()


def test_the_rule_is_the_documented_one(drawing: ModuleType) -> None:
    labels = np.arange(5_300, dtype=np.int64) % 10
    by_hash = sorted(
        range(5_000, 5_300),
        key=lambda row: hashlib.sha256(f"celu sample/mnist/train/{row}".encode()).hexdigest(),
    )
    expected = [row for label in range(10) for row in [row for row in by_hash if row % 10 == label][:2]]
    assert drawing.draw_rows("mnist", "train", labels.astype(np.uint8), 20) == sorted(expected)


def test_a_sheet_shows_images_in_reading_order(drawing: ModuleType) -> None:
    images = np.zeros((100, 2, 3, 1), np.uint8)
    images[:, 1, 2, 0] = np.arange(100)
    pixels = np.asarray(drawing.to_sheet(images))
    assert pixels.shape == (4, 150)
    assert pixels[1, 2::3].tolist() == list(range(50))
    assert pixels[3, 2::3].tolist() == list(range(50, 100))


@pytest.fixture
def copied_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "sample_data"
    shutil.copytree(SAMPLE_DIRECTORY, directory)
    monkeypatch.setattr(sample, "SAMPLE_DIRECTORY", directory)
    return directory


def test_a_changed_pixel_of_the_sample_is_noticed(copied_sample: Path) -> None:
    path = copied_sample / "mnist-test.png"
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet).copy()
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    with pytest.raises(DataError, match="install celu again"):
        load_dataset("mnist", sample=True)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("rows.json", b"{"),
        ("rows.json", b'{"mnist": {}}'),
        ("rows.json", b'{"mnist": {"train": {"labels": [300], "rows": [1]}}}'),
        ("mnist-train.png", b"no png"),
        ("mnist-train.png", b""),
    ],
)
def test_a_damaged_installation_is_told(copied_sample: Path, file: str, content: bytes) -> None:
    (copied_sample / file).write_bytes(content)
    with pytest.raises(DataError, match=r"damaged: .*install celu again"):
        load_dataset("mnist", sample=True)


def test_a_missing_file_of_the_installation_is_told(copied_sample: Path) -> None:
    (copied_sample / "mnist-train.png").unlink()
    with pytest.raises(DataError, match=r"mnist-train\.png"):
        load_dataset("mnist", sample=True)


def test_files_are_small_enough_to_ship() -> None:
    assert sum(file.stat().st_size for file in SAMPLE_DIRECTORY.iterdir()) < 8_000_000
