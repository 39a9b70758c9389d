"""Files are whole or not there, whatever stops their writing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from celu_cli.errors import RunError
from celu_cli.files import (
    Content,
    append_text,
    read_file,
    remove_unfinished,
    sync_directory,
    write_result,
    write_whole,
)


@pytest.mark.parametrize("content", ["\u00e4\n", b"\xc3\xa4\n", lambda file: file.write(b"\xc3\xa4\n")])
def test_text_bytes_and_a_function_write_the_same(tmp_path: Path, content: Content) -> None:
    write_whole(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == b"\xc3\xa4\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def break_off(file: BinaryIO) -> None:
    file.write(b"half")
    raise OSError(28, "No space left on device")


def test_an_older_file_stays_whole_when_its_successor_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "runs.csv"
    write_result(path, "old\n")
    write_result(path, "new\n")
    with pytest.raises(RunError, match=r"cannot write .*runs\.csv: No space left on device"):
        write_result(path, break_off)
    assert (path.read_text(), [entry.name for entry in path.parent.iterdir()]) == ("new\n", ["runs.csv"])


def test_a_synced_file_is_on_the_disk_before_it_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append((tmp_path / "file").exists()))
    write_whole(tmp_path / "file", "text", synced=True)
    assert (seen, (tmp_path / "file").read_text()) == ([False], "text")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and devices")
def test_what_is_no_file_is_neither_waited_for_nor_read_without_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("pipe", "zeros"):
        with pytest.raises(OSError, match="not a regular file"):
            read_file(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path)
    with pytest.raises(OSError, match="No such device"):
        append_text(tmp_path / "pipe", "text")


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_what_is_added_to_a_linked_file_is_not_added_to_the_other(
    link: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    (tmp_path / "other").write_text("one\n")
    link(tmp_path / "file", tmp_path / "other")
    for text in ("two\n", "é\n"):
        append_text(tmp_path / "file", text)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "one\ntwo\né\n"
    assert (tmp_path / "other").read_text() == "one\n"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_where_nothing_can_be_synced_files_are_written_all_the_same(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    write_whole(tmp_path / "file", "text", synced=True)
    sync_directory(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["text"]


def test_a_disk_that_fails_while_it_syncs_is_no_filesystem_that_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_whole(tmp_path / "file", "text", synced=True)
    with pytest.raises(OSError, match="Input/output error"):
        sync_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".0123.part").write_text("half")
    (tmp_path / "run.json").write_text("{}")
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
