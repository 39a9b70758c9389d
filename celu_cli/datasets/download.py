"""Fetch one file over HTTPS: bounded in size, resumed where the server allows it, whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from celu_cli.datasets.reporter import Reporter
from celu_cli.errors import DataError
from celu_cli.text import printable

if TYPE_CHECKING:
    from requests import Response

CONNECT_SECONDS = 5
SILENCE_SECONDS = 20
ATTEMPTS = 4
CHUNK_BYTES = 1 << 18


class _BrokenOffError(Exception):
    """The connection ended early; what has arrived is kept."""


def download(url: str, path: Path, limit: int, reporter: Reporter) -> None:
    """Fetch `url` to `path`, at most `limit` bytes, unless `path` is there already.

    Bytes arrive in `path.part`. When the connection breaks off they are kept, and this call or a later one
    asks for the rest, if the server says it is still the same file. DataError says why it failed.
    """
    if path.is_file():
        return
    transfer = _Transfer(url, path, limit, reporter)
    for attempt in range(1, ATTEMPTS + 1):
        before = transfer.received
        try:
            transfer.run()
        except _BrokenOffError as error:
            if attempt == ATTEMPTS or transfer.received == before:
                raise DataError(str(error)) from error
            reporter.message(f"{error}; going on from there")
        else:
            transfer.finish()
            return


class _Transfer:
    """One download: `path.part` holds the bytes so far, `path.version` what the server calls them."""

    def __init__(self, url: str, path: Path, limit: int, reporter: Reporter) -> None:
        self.url = url
        self.host = urlsplit(url).netloc
        self.path = path
        self.limit = limit
        self.reporter = reporter
        self.partial = path.with_name(f"{path.name}.part")
        self.version = path.with_name(f"{path.name}.version")

    @property
    def received(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def run(self) -> None:
        """Ask for what is missing and append it; all of it when the server cannot send a part."""
        start = self.received if self._kept_version() else 0
        with self._request(start) as response:
            if response.status_code == 416:  # no such range: what was kept is too long for the file
                self.discard()
                raise _BrokenOffError(
                    f"{self.host} has a different {self.path.name} from the one of which a part was kept"
                )
            self._refuse(response)
            if not self._continues(response, start):
                start = 0
            total = self._total(response, start)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with (
                self.partial.open("ab" if start else "wb") as sink,
                self.reporter.progress(f"{self.path.name} from {self.host}", total) as advance,
            ):
                self._remember_version(response)  # after a part of another version is gone
                advance(start)
                for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                    if sink.tell() + len(chunk) > self.limit:
                        raise DataError(self._too_large())
                    sink.write(chunk)
                    advance(len(chunk))

    def finish(self) -> None:
        """Give the complete file its name."""
        self.partial.replace(self.path)
        self.version.unlink(missing_ok=True)

    def discard(self) -> None:
        """Forget what was kept."""
        self.partial.unlink(missing_ok=True)
        self.version.unlink(missing_ok=True)

    @contextmanager
    def _request(self, start: int) -> Iterator[Response]:
        import requests
        import urllib3

        headers = {"User-Agent": "celu", "Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": self._kept_version()}
        timeout = (CONNECT_SECONDS, SILENCE_SECONDS)
        try:
            with requests.get(self.url, headers=headers, stream=True, timeout=timeout) as response:
                yield response
        except requests.ConnectTimeout as error:
            raise DataError(f"no connection within {CONNECT_SECONDS} s") from error
        except requests.ReadTimeout as error:
            raise DataError(f"no answer within {SILENCE_SECONDS} s") from error
        except requests.RequestException as error:
            raise DataError(f"cannot be reached: {_root_cause(error)}") from error
        except urllib3.exceptions.HTTPError as error:
            raise _BrokenOffError(f"{self.host} broke off after {self.received:,} bytes") from error

    def _refuse(self, response: Response) -> None:
        if response.status_code not in (200, 206):
            raise DataError(
                f"answered {response.status_code} {printable(response.reason or '')} for {self.path.name}"
            )
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise DataError(f"answered with a web page instead of {self.path.name}")

    def _continues(self, response: Response, start: int) -> bool:
        content_range = re.match(r"bytes (\d{1,18})-", response.headers.get("Content-Range", ""))
        if response.status_code == 200:
            return False
        if content_range is None or int(content_range[1]) != start:
            self.discard()
            raise DataError(f"sent a different part of {self.path.name} from the one that was requested")
        return True

    def _total(self, response: Response, start: int) -> int | None:
        length = re.fullmatch(r"\d{1,18}", response.headers.get("Content-Length", ""), re.ASCII)
        total = start + int(length[0]) if length else None
        if total is not None and total > self.limit:
            raise DataError(self._too_large())
        return total

    def _kept_version(self) -> str:
        """What the server called the part that is kept; empty where that is not known or not whole."""
        version = self.version.read_text("latin-1") if self.version.exists() else ""
        return version if version.isascii() and version.isprintable() and version == version.strip() else ""

    def _remember_version(self, response: Response) -> None:
        etag = response.headers.get("ETag", "")
        version = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
        if version:
            self.version.write_text(version, "latin-1")
        else:
            self.version.unlink(missing_ok=True)

    def _too_large(self) -> str:
        self.discard()
        return f"sends more than the {self.limit:,} bytes that {self.path.name} may have"


def _root_cause(error: BaseException) -> str:
    """The plainest words for a network error: the operating system's, below what libraries wrapped around."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
