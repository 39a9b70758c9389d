"""A web server on 127.0.0.1 that serves files from memory, well or badly."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass
class ServedFile:
    """A file and how it is served; `break_after` says after how many bytes the first answers end."""

    content: bytes
    etag: str | None = '"version-1"'
    ranges: bool = True
    break_after: list[int] = field(default_factory=list)
    status: int = 200
    content_type: str = "application/octet-stream"
    seconds: float = 0.0
    wrong_range: bool = False
    tell_length: bool = True
    told_length: str | None = None


class FileServer:
    """Serves `files` by path; `requests` holds the path and the Range of every request."""

    def __init__(self) -> None:
        self.files: dict[str, ServedFile] = {}
        self.requests: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        files, requests = self.files, self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append((self.path, self.headers["Range"]))
                file = files.get(self.path)
                if file is None:
                    self.send_error(404)
                    return
                time.sleep(file.seconds)
                with suppress(ConnectionError):  # the client may have heard enough
                    serve(self, file)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def serve(handler: BaseHTTPRequestHandler, file: ServedFile) -> None:
    """Answer one request."""
    start = _start(handler, file)
    body = file.content[start:]
    if start and not body:
        handler.send_error(416)
        return
    handler.send_response(206 if start else file.status)
    if start:
        told = start + 1 if file.wrong_range else start
        handler.send_header("Content-Range", f"bytes {told}-{len(file.content) - 1}/{len(file.content)}")
    if file.etag:
        handler.send_header("ETag", file.etag)
    if file.tell_length:
        handler.send_header("Content-Length", file.told_length or str(len(body)))
    handler.send_header("Content-Type", file.content_type)
    handler.end_headers()
    handler.wfile.write(body[: file.break_after.pop(0)] if file.break_after else body)


def _start(handler: BaseHTTPRequestHandler, file: ServedFile) -> int:
    wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
    same = handler.headers["If-Range"] in (None, file.etag)
    return int(wanted[1]) if wanted and file.ranges and same else 0
