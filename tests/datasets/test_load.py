from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from celu_cli.datasets import cache, load
from celu_cli.datasets.definition import NPY_FILES
from celu_cli.datasets.load import fetch_dataset, load_dataset
from celu_cli.datasets.mnist import IDX_LAYOUT
from celu_cli.datasets.registry import DATASETS
from celu_cli.datasets.sources import WebSource
from celu_cli.errors import DataError, ExitCode, UsageError
from tests.datasets.conftest import FakeMnist
from tests.datasets.recorder import RecordingReporter
from tests.datasets.server import FileServer, ServedFile


def serve_mnist(server: FileServer, files: dict[str, bytes], folder: str = "") -> WebSource:
    for name, content in files.items():
        server.files[f"/{folder}{name}.gz"] = ServedFile(content)
    return WebSource(f"{server.address}{folder}", IDX_LAYOUT, ".gz")


def use(monkeypatch: pytest.MonkeyPatch, *remote: WebSource) -> None:
    monkeypatch.setitem(DATASETS, "mnist", replace(DATASETS["mnist"], sources=remote))


def put(directory: Path, files: dict[str, bytes], suffix: str = "") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / f"{name}{suffix}").write_bytes(content)
    return directory


def cached_files() -> list[Path]:
    return sorted(
        path for path in cache.cache_directory().rglob("*") if path.is_file() and path.suffix != ".lock"
    )


def test_images_come_out_ready_to_use(mnist: FakeMnist, tmp_path: Path) -> None:
    dataset = load_dataset("mnist", data_directory=put(tmp_path / "data", mnist.idx))
    assert dataset.train.images.shape == (60_000, 28, 28, 1)
    assert dataset.test.labels.shape == (10_000,)
    for split in (dataset.train, dataset.test):
        for array in (split.images, split.labels):
            assert array.dtype == np.uint8
            assert array.flags.c_contiguous
            assert not array.flags.writeable


def test_hold_out_leaves_out_the_first_training_images(mnist: FakeMnist, tmp_path: Path) -> None:
    dataset = load_dataset("mnist", hold_out=5_000, data_directory=put(tmp_path / "data", mnist.idx))
    assert len(dataset.train.images) == len(dataset.train.labels) == 55_000
    assert np.array_equal(dataset.train.images, mnist.arrays["train_images"][5_000:])
    assert len(dataset.test.labels) == 10_000


@pytest.mark.parametrize("hold_out", [-1, 60_000])
def test_hold_out_must_leave_something(hold_out: int) -> None:
    with pytest.raises(UsageError, match="60,000 training images"):
        load_dataset("mnist", hold_out=hold_out)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean cifar10"):
        load_dataset("cifar-10")


@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_data_directory_may_be_laid_out_as_people_have_it(
    mnist: FakeMnist, tmp_path: Path, place: str, suffix: str
) -> None:
    put(tmp_path / place, mnist.idx_gz if suffix else mnist.idx, suffix)
    dataset = load_dataset("mnist", data_directory=tmp_path)
    assert dataset.source == f"--data-dir ({tmp_path})"
    assert cached_files() == []


def test_the_data_directory_may_come_from_the_environment(
    mnist: FakeMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELU_DATA_DIR", str(put(tmp_path / "named", mnist.idx)))
    assert "named" in load_dataset("mnist").source
    given = put(tmp_path / "given", mnist.idx)
    assert "given" in load_dataset("mnist", data_directory=given).source


def test_a_cache_can_serve_as_data_directory(mnist: FakeMnist, tmp_path: Path) -> None:
    cache.store(tmp_path / "elsewhere" / "mnist", mnist.arrays)
    assert "elsewhere" in load_dataset("mnist", data_directory=tmp_path / "elsewhere").source


def test_keras_cache_is_read(mnist: FakeMnist, tmp_path: Path) -> None:
    members = {
        "x_train": "train_images",
        "y_train": "train_labels",
        "x_test": "test_images",
        "y_test": "test_labels",
    }
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    arrays = {key: np.squeeze(mnist.arrays[name]) for key, name in members.items()}
    np.savez(tmp_path / "keras" / "datasets" / "mnist.npz", **arrays)  # type: ignore[arg-type]
    assert load_dataset("mnist").source.startswith("Keras's cache")


def test_what_the_web_gave_is_cached_and_nothing_else_is_left(
    mnist: FakeMnist, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, serve_mnist(server, mnist.idx_gz))
    assert load_dataset("mnist").source == server.address
    assert [path.name for path in cached_files()] == sorted(NPY_FILES.values())
    asked = len(server.requests)
    dataset = load_dataset("mnist")
    assert dataset.source.startswith("celu's cache")
    assert len(server.requests) == asked
    assert np.array_equal(dataset.train.images, mnist.arrays["train_images"])


def test_a_source_with_other_bytes_is_passed_over_and_told(
    mnist: FakeMnist, server: FileServer, monkeypatch: pytest.MonkeyPatch, reporter: RecordingReporter
) -> None:
    wrong = dict(mnist.idx)
    labels = bytearray(wrong["t10k-labels-idx1-ubyte"])
    labels[-1] ^= 1
    wrong["t10k-labels-idx1-ubyte"] = bytes(labels)
    use(
        monkeypatch,
        WebSource(f"{server.address}wrong/", IDX_LAYOUT),
        serve_mnist(server, mnist.idx_gz),
    )
    for name, content in wrong.items():
        server.files[f"/wrong/{name}"] = ServedFile(content)
    assert load_dataset("mnist", reporter=reporter).source == server.address
    assert "test_labels differ from the published ones" in reporter.messages[0]
    assert reporter.messages[0].endswith("trying the next source")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html><title>Sorry</title>", "web page"),
        (b"\x1f\x8b\x08\x00 and then nothing sensible", "damaged or cut short"),
    ],
    ids=["web page", "damaged"],
)
def test_a_bad_download_is_told_and_not_kept_for_the_next_time(
    mnist: FakeMnist, server: FileServer, monkeypatch: pytest.MonkeyPatch, content: bytes, reason: str
) -> None:
    source = serve_mnist(server, mnist.idx_gz)
    use(monkeypatch, source)
    server.files["/t10k-labels-idx1-ubyte.gz"] = ServedFile(content)
    with pytest.raises(DataError, match=reason):
        load_dataset("mnist")
    assert cached_files() == []
    serve_mnist(server, mnist.idx_gz)
    assert load_dataset("mnist").source == server.address


@pytest.mark.parametrize("damage", ["bit flip", "cut short", "empty", "gone"])
def test_a_corrupt_cache_is_told_and_fetched_again(
    mnist: FakeMnist,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    reporter: RecordingReporter,
    damage: str,
) -> None:
    use(monkeypatch, serve_mnist(server, mnist.idx_gz))
    directory = cache.cache_directory() / "mnist"
    cache.store(directory, mnist.arrays)
    path = directory / "test_images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 128
    path.write_bytes({"bit flip": bytes(content), "cut short": bytes(content[:-9])}.get(damage, b""))
    if damage == "gone":
        path.unlink()
    assert load_dataset("mnist", reporter=reporter).source == server.address
    assert any("celu's cache" in message for message in reporter.messages) == (damage != "gone")
    assert load_dataset("mnist").source.startswith("celu's cache")


@pytest.mark.parametrize(
    "put_there",
    [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path.name)],
    ids=["directory", "pipe", "link"],
)
def test_what_lies_in_the_cache_and_is_no_file_is_replaced(
    mnist: FakeMnist, tmp_path: Path, put_there: Callable[[Path], None]
) -> None:
    directory = cache.cache_directory() / "mnist"
    directory.mkdir(parents=True)
    put_there(directory / "train_images.npy")
    fetch_dataset("mnist", data_directory=put(tmp_path / "data", mnist.idx))
    assert load_dataset("mnist").source.startswith("celu's cache")


def test_a_corrupt_data_directory_is_told_and_the_next_source_asked(
    mnist: FakeMnist, tmp_path: Path, reporter: RecordingReporter
) -> None:
    cache.store(cache.cache_directory() / "mnist", mnist.arrays)
    given = put(tmp_path / "data", {**mnist.idx, "t10k-labels-idx1-ubyte": b"short"})
    assert load_dataset("mnist", data_directory=given, reporter=reporter).source.startswith("celu's cache")
    assert str(given) in reporter.messages[0]


def test_one_damaged_layout_does_not_hide_a_good_one(mnist: FakeMnist, tmp_path: Path) -> None:
    put(tmp_path, dict.fromkeys(NPY_FILES.values(), b"damaged"))
    put(tmp_path, mnist.idx)
    assert load_dataset("mnist", data_directory=tmp_path).source == f"--data-dir ({tmp_path})"


def test_the_error_lists_every_source_with_its_reason_and_what_to_do(
    mnist: FakeMnist, server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, WebSource(f"{server.address}one/", IDX_LAYOUT), serve_mnist(server, {}, "two/"))
    given = put(tmp_path / "data", {"t10k-labels-idx1-ubyte": mnist.idx["t10k-labels-idx1-ubyte"]})
    with pytest.raises(DataError) as failure:
        load_dataset("mnist", data_directory=given)
    lines = str(failure.value).splitlines()
    assert lines[0] == "MNIST is not available. Every source was tried:"
    expected = [
        "--data-dir",
        "celu's cache",
        "Keras's cache",
        f"{server.address}one/",
        f"{server.address}two/",
    ]
    assert len(lines) == 7
    for line, source in zip(lines[1:-1], expected, strict=True):
        assert line.startswith(f"  {source}")
    assert "it lacks train-images-idx3-ubyte" in lines[1]
    assert "answered 404" in lines[4]
    assert "--sample" in lines[-1]
    assert "--data-dir" in lines[-1]
    assert failure.value.exit_code == ExitCode.DATA


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no such directory"),  # noqa: ARG005 - nothing is made
        (lambda path: path.write_bytes(b""), "it is a file; name the directory that holds it"),
        (lambda path: path.mkdir(), "it holds none of these"),
        (lambda path: (path / "cifar-10-batches-py").mkdir(parents=True), '"python version" is never read'),
    ],
)
def test_a_data_directory_of_no_use_says_why(
    tmp_path: Path, make: object, reason: str, reporter: RecordingReporter
) -> None:
    make(tmp_path / "data")  # type: ignore[operator]
    with pytest.raises(DataError):
        load_dataset("cifar10", data_directory=tmp_path / "data", reporter=reporter)
    assert reason in reporter.messages[0]


def test_the_sample_is_never_used_unasked() -> None:
    with pytest.raises(DataError):
        load_dataset("mnist")
    assert len(load_dataset("mnist", sample=True).train.labels) == 2_000


def test_a_cache_that_cannot_be_used_still_serves_from_memory(
    mnist: FakeMnist,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    reporter: RecordingReporter,
) -> None:
    (tmp_path / "cache").write_bytes(b"a file is in the way")
    use(monkeypatch, serve_mnist(server, mnist.idx_gz))
    assert load_dataset("mnist", reporter=reporter).source == server.address
    assert "a temporary directory takes its place" in reporter.messages[0]
    assert "used from memory" in reporter.messages[-1]


def test_a_full_disk_still_serves_from_memory_and_leaves_no_part(
    mnist: FakeMnist, server: FileServer, monkeypatch: pytest.MonkeyPatch, reporter: RecordingReporter
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    use(monkeypatch, serve_mnist(server, mnist.idx_gz))
    monkeypatch.setattr(os, "fsync", full)
    assert load_dataset("mnist", reporter=reporter).source == server.address
    assert "No space left on device" in reporter.messages[-1]
    assert cached_files() == []


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc, on which nobody may write")
def test_a_disk_that_nobody_may_write_to_still_serves_from_memory(
    mnist: FakeMnist, server: FileServer, monkeypatch: pytest.MonkeyPatch, reporter: RecordingReporter
) -> None:
    monkeypatch.setattr(cache, "user_cache_path", lambda *_, **__: Path("/proc/celu"))
    use(monkeypatch, serve_mnist(server, mnist.idx_gz))
    assert load_dataset("mnist", reporter=reporter).source == server.address
    assert "the cache /proc/celu/datasets cannot be used" in reporter.messages[0]
    with pytest.raises(DataError, match="/proc/celu/datasets/mnist cannot be written"):
        fetch_dataset("mnist")


def test_what_lies_in_a_data_directory_and_is_no_file_is_not_waited_for(
    mnist: FakeMnist, tmp_path: Path
) -> None:
    given = put(tmp_path / "data", mnist.idx)
    first, second, *_ = mnist.idx
    (given / first).unlink()
    os.mkfifo(given / first)
    (given / second).unlink()
    (given / second).symlink_to(second)
    with pytest.raises(DataError, match=f"of the four idx files it lacks {first}, {second}"):
        load_dataset("mnist", data_directory=given)


def test_a_name_that_no_directory_can_have_is_told() -> None:
    with pytest.raises(DataError, match="File name too long"):
        load_dataset("mnist", data_directory=Path("x" * 5_000))


def test_fetching_into_a_cache_that_cannot_be_written_is_an_error(
    mnist: FakeMnist, server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_bytes(b"a file is in the way")
    use(monkeypatch, serve_mnist(server, mnist.idx_gz))
    with pytest.raises(DataError, match="XDG_CACHE_HOME moves the cache"):
        fetch_dataset("mnist")


def test_no_place_to_write_at_all_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    (tmp_path / "cache").write_bytes(b"a file is in the way")
    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(DataError, match="neither the cache nor a temporary one"):
        load_dataset("mnist")


def test_fetching_puts_a_data_directory_into_the_cache(mnist: FakeMnist, tmp_path: Path) -> None:
    given = put(tmp_path / "data", mnist.idx)
    assert fetch_dataset("mnist", data_directory=given) == f"--data-dir ({given})"
    assert fetch_dataset("mnist").startswith("celu's cache")


def test_nothing_of_a_killed_process_stays_in_the_cache(mnist: FakeMnist) -> None:
    directory = cache.cache_directory() / "mnist"
    directory.mkdir(parents=True)
    (directory / ".train_images.npy.0123.part").write_bytes(b"half")
    cache.store(directory, mnist.arrays)
    assert sorted(path.name for path in directory.iterdir()) == sorted(NPY_FILES.values())


def test_a_name_is_checked_before_anything_is_asked() -> None:
    with pytest.raises(UsageError):
        load.fetch_dataset("imagenet")


@pytest.mark.parametrize("hold_out", [0, 5_000, 4_999])
def test_the_arrays_lie_where_tensorflow_can_use_them_without_a_copy(
    mnist: FakeMnist, tmp_path: Path, hold_out: int
) -> None:
    dataset = load_dataset("mnist", hold_out=hold_out, data_directory=put(tmp_path / "data", mnist.idx))
    for split in (dataset.train, dataset.test):
        for array in (split.images, split.labels):
            assert array.ctypes.data % 64 == 0
            assert array.flags.c_contiguous
            assert not array.flags.writeable


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux says what a process has mapped")
def test_processes_share_one_copy_of_a_cached_dataset_and_keep_it_when_the_cache_is_filled_again(
    mnist: FakeMnist, tmp_path: Path
) -> None:
    data = put(tmp_path / "data", mnist.idx)
    fetch_dataset("mnist", data_directory=data)
    (images,) = [path for path in cached_files() if path.name == NPY_FILES["train_images"]]
    dataset = load_dataset("mnist")
    place = dataset.train.images.ctypes.data
    of_images = [
        line.split() for line in Path("/proc/self/maps").read_text().splitlines() if str(images) in line
    ]
    assert any(
        int(begin, 16) <= place < int(end, 16) for begin, end in (words[0].split("-") for words in of_images)
    )
    before = dataset.train.images.copy()
    images.unlink()
    fetch_dataset("mnist", data_directory=data)
    np.testing.assert_array_equal(dataset.train.images, before)


def test_a_directory_of_the_user_is_read_whole_because_it_may_change(
    mnist: FakeMnist, tmp_path: Path
) -> None:
    fetch_dataset("mnist", data_directory=put(tmp_path / "data", mnist.idx))
    own = cache.cache_directory() / "mnist"
    dataset = load_dataset("mnist", data_directory=own.rename(tmp_path / "own"))
    with (tmp_path / "own" / NPY_FILES["train_labels"]).open("r+b") as file:
        file.truncate(100)
    assert dataset.train.labels.sum() > 0
