"""Find a dataset's files in a directory, under their usual names, and read them with limits."""

from __future__ import annotations

import gzip
import mmap
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from celu_cli.datasets.definition import Definition, Layout
from celu_cli.errors import DataError

Place = tuple[Layout, dict[str, Path]]
"""A layout and the path of each of its files."""


def find_places(directory: Path, definition: Definition, layouts: Iterable[Layout]) -> list[Place]:
    """Every place at or below `directory` that holds all files of one of the layouts, best first."""
    candidates = (
        (layout, find_files(directory / subdirectory, layout))
        for layout in layouts
        for subdirectory in definition.subdirectories
    )
    return [(layout, files) for layout, files in candidates if files is not None]


def find_files(directory: Path, layout: Layout) -> dict[str, Path] | None:
    """The path of each file of a layout, plain or with `.gz` behind its name; None unless all are there."""
    found = {name: path for name in layout.limits if (path := find_path(directory, name)) is not None}
    return found if len(found) == len(layout.limits) else None


def find_path(directory: Path, name: str) -> Path | None:
    """The file of this name, otherwise the one with `.gz` behind it."""
    return next((path for path in (directory / name, directory / f"{name}.gz") if path.is_file()), None)


def explain_absence(directory: Path, definition: Definition, layouts: Iterable[Layout]) -> str:
    """Why `find_places` found nothing, in words that help to repair it."""
    if directory.is_file():
        return "it is a file; name the directory that holds it"
    if not directory.is_dir():
        return "no such directory"
    for layout in layouts:
        for subdirectory in definition.subdirectories:
            missing = [name for name in layout.limits if find_path(directory / subdirectory, name) is None]
            if len(missing) < len(layout.limits):
                return f"of {layout.title} it lacks {', '.join(missing)}"
    pickles = any((directory / name).exists() for name in definition.pickles)
    pickled = '; the pickled "python version" is never read' if pickles else ""
    return f"it holds none of these: {', '.join(layout.title for layout in layouts)}{pickled}"


def read_files(
    paths: Mapping[str, Path], limits: Mapping[str, int], mapped: bool = False
) -> dict[str, bytes]:
    """The uncompressed content of files; DataError when one is damaged, too large or a web page."""
    return {name: read_file(path, name, limits[name], mapped) for name, path in paths.items()}


def read_file(path: Path, name: str, limit: int, mapped: bool = False) -> bytes:
    """The content of one file, uncompressed when `path` is `name` with `.gz` behind it.

    With `mapped` it may be a view of the file, which must then be replaced and never changed: all processes that read
    it share one copy in memory.
    """
    try:
        with path.open("rb") as raw:
            _refuse_web_page(path, raw)
            if path.name == name and mapped and 0 < os.fstat(raw.fileno()).st_size <= limit:
                # Copied where it is written to, which nobody does.
                content = cast("bytes", mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_COPY))
            elif path.name == name:
                content = raw.read(limit + 1)
            else:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    content = unpacked.read(limit + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged or cut short: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > limit:
        raise DataError(f"{path} holds more than the {limit:,} bytes it may have")
    return content


def _refuse_web_page(path: Path, raw: BinaryIO) -> None:
    beginning = raw.read(256).lstrip().lower()
    raw.seek(0)
    if beginning.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise DataError(f"{path} is a web page that was saved under that name, not data")
