from __future__ import annotations

import socket
from pathlib import Path

import pytest

from celu_cli.datasets import download as module
from celu_cli.datasets.download import download
from celu_cli.errors import DataError
from tests.datasets.recorder import RecordingReporter
from tests.datasets.server import FileServer, ServedFile

CONTENT = bytes(range(256)) * 4_000
LIMIT = len(CONTENT)


def fetch(server: FileServer, path: Path, reporter: RecordingReporter, limit: int = LIMIT) -> None:
    download(f"{server.address}file", path, limit, reporter)


def leftovers(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if file != path)


def test_a_file_arrives_whole_and_leaves_nothing_beside_it(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    server.files["/file"] = ServedFile(CONTENT)
    path = tmp_path / "place" / "file"
    fetch(server, path, reporter)
    assert path.read_bytes() == CONTENT
    assert leftovers(path) == []
    assert reporter.totals == reporter.received == [len(CONTENT)]


def test_a_file_that_is_there_is_not_fetched_again(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    (tmp_path / "file").write_bytes(b"there")
    fetch(server, tmp_path / "file", reporter)
    assert server.requests == []


def test_a_download_that_breaks_off_is_resumed(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    server.files["/file"] = ServedFile(CONTENT, break_after=[100_000, 200_000])
    fetch(server, tmp_path / "file", reporter)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [None, "bytes=100000-", "bytes=300000-"]
    assert sum("broke off" in message for message in reporter.messages) == 2


def test_a_later_call_resumes_what_an_earlier_one_kept(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/file"] = ServedFile(CONTENT, break_after=[100_000])
    with monkeypatch.context() as once:
        once.setattr(module, "ATTEMPTS", 1)
        with pytest.raises(DataError, match="broke off after 100,000 bytes"):
            fetch(server, tmp_path / "file", reporter)
    assert not (tmp_path / "file").exists()
    fetch(server, tmp_path / "file", reporter)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requests[-1] == ("/file", "bytes=100000-")
    assert reporter.received[-1] == reporter.totals[-1] == len(CONTENT)


@pytest.mark.parametrize("served", [{"ranges": False}, {"etag": None}])
def test_a_server_that_cannot_resume_is_asked_for_everything_again(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter, served: dict[str, object]
) -> None:
    server.files["/file"] = ServedFile(CONTENT, break_after=[100_000], **served)  # type: ignore[arg-type]
    fetch(server, tmp_path / "file", reporter)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_parts_of_two_versions_are_never_joined(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    (tmp_path / "file.part").write_bytes(b"an older version")
    (tmp_path / "file.version").write_text('"version-0"')
    server.files["/file"] = ServedFile(CONTENT)
    fetch(server, tmp_path / "file", reporter)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_part_of_unknown_version_is_not_resumed(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    (tmp_path / "file.part").write_bytes(b"unknown")
    server.files["/file"] = ServedFile(CONTENT)
    fetch(server, tmp_path / "file", reporter)
    assert server.requests == [("/file", None)]
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("version", [b'"version\n-1"', bytes(11), b"\xff\xfe", b""])
def test_a_part_whose_version_was_torn_is_fetched_afresh(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter, version: bytes
) -> None:
    (tmp_path / "file.part").write_bytes(b"torn")
    (tmp_path / "file.version").write_bytes(version)
    server.files["/file"] = ServedFile(CONTENT)
    fetch(server, tmp_path / "file", reporter)
    assert server.requests == [("/file", None)]
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("length", ["9" * 5_000, "-5", "ten"])
def test_a_length_that_is_no_length_is_not_believed(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter, length: str
) -> None:
    server.files["/file"] = ServedFile(CONTENT, told_length=length)
    fetch(server, tmp_path / "file", reporter)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert reporter.totals == [None]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT + b"more")
    (tmp_path / "file.version").write_text('"version-1"')
    server.files["/file"] = ServedFile(CONTENT)
    fetch(server, tmp_path / "file", reporter)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_another_part_than_was_asked_for_is_refused(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    server.files["/file"] = ServedFile(CONTENT, break_after=[100_000], wrong_range=True)
    with pytest.raises(DataError, match="sent a different part of"):
        fetch(server, tmp_path / "file", reporter)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_sends_nothing_more_is_given_up(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    server.files["/file"] = ServedFile(CONTENT, break_after=[50_000, 0, 0, 0, 0, 0])
    with pytest.raises(DataError, match="broke off after 50,000 bytes"):
        fetch(server, tmp_path / "file", reporter)
    assert len(server.requests) == 2


def test_a_server_that_falls_silent_is_given_up(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.1)
    server.files["/file"] = ServedFile(CONTENT, seconds=0.5)
    with pytest.raises(DataError, match=r"no answer within 0\.1 s"):
        fetch(server, tmp_path / "file", reporter)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (ServedFile(b"gone", status=403), "answered 403"),
        (ServedFile(b"<html>sorry", content_type="text/html; charset=utf-8"), "web page"),
        (ServedFile(CONTENT + b"x"), "more than the 1,024,000 bytes"),
        (ServedFile(CONTENT + b"x", tell_length=False), "more than the 1,024,000 bytes"),
    ],
)
def test_what_is_not_the_file_is_refused_and_not_kept(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter, file: ServedFile, reason: str
) -> None:
    server.files["/file"] = file
    with pytest.raises(DataError, match=reason):
        fetch(server, tmp_path / "file", reporter)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_told_by_name(
    server: FileServer, tmp_path: Path, reporter: RecordingReporter
) -> None:
    with pytest.raises(DataError, match="answered 404 Not Found for file"):
        fetch(server, tmp_path / "file", reporter)


def test_a_host_that_refuses_connections_is_told_in_plain_words(
    tmp_path: Path, reporter: RecordingReporter
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(DataError, match=r"^cannot be reached: Connection refused$"):
        download(f"http://127.0.0.1:{port}/file", tmp_path / "file", LIMIT, reporter)
