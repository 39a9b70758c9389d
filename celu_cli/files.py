"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import uuid4

from celu_cli.errors import RunError

Parsed = TypeVar("Parsed")
Content = str | bytes | Callable[[BinaryIO], object]

_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def with_home(text: str) -> str:
    """`text` with a leading ``~`` or ``~name`` as that user's home, as a shell that saw it would have it."""
    return os.path.expanduser(text)  # noqa: PTH111 - a user may have no home: then it stays


def path_with_home(text: str | Path) -> Path:
    """The path that `text` means, `with_home`."""
    return Path(with_home(str(text)))


def is_directory(path: str | Path) -> bool:
    """Whether there is such a directory; False too for what cannot be a path at all, such as 5,000 letters."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def read_file(path: Path) -> bytes:
    """The content of the file.

    Raises:
        OSError: it cannot be read, or is not a file: a pipe would be waited for, a device read without end.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file")
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def append_text(path: Path, text: str) -> None:
    """Add `text` to the file, as UTF-8; one that has other names too is copied first, so that they keep what they have.

    Raises:
        OSError: it cannot be written, or is not a file.
    """
    with suppress(FileNotFoundError):
        if path.is_symlink() or path.stat().st_nlink > 1:
            write_whole(path, read_file(path))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o666)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(text)


def write_whole(path: Path, content: Content, *, synced: bool = False) -> None:
    """Replace the file `path`: a reader sees the old one or the new one, never a part.

    A text is written as UTF-8, a function writes into the file that it is given. With `synced` the content is on the
    disk before the file appears, so that a loss of power leaves no empty one.

    Raises:
        OSError: it cannot be written; an older one stays.
    """
    # Its name has nothing of `path`: TensorBoard would read whatever is called like an event file.
    temporary = path.parent / f".{uuid4().hex}.part"
    try:
        with temporary.open("xb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            if synced:
                sync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_result(path: Path, content: Content) -> None:
    """`write_whole` for a file that the user asked for; its directory is made where there is none.

    Raises:
        RunError: it cannot be written; an older one stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error


def read_parsed(path: Path, parse: Callable[[bytes], Parsed], what: str) -> Parsed:
    """What `parse`, which validates by pydantic, makes of the file; `what` says what the file should be.

    Raises:
        RunError: it cannot be read, or is not that.
    """
    from pydantic import ValidationError  # not at the top: what only writes files needs no pydantic

    try:
        return parse(read_file(path))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"{path} is not {what}: {where + ': ' if where else ''}{first['msg']}") from error


def remove_unfinished(directory: Path) -> None:
    """Remove what killed processes had begun to write in `directory`; the caller must hold its lock."""
    for unfinished in directory.glob(".*.part"):
        unfinished.unlink(missing_ok=True)


def sync(descriptor: int) -> None:
    """Have what is open there survive a loss of power; where the filesystem cannot promise it, hope so."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def sync_directory(directory: Path) -> None:
    """`sync` the directory's entries; nothing where the system opens no directories."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
