"""stdin, stdout and stderr that may be closed, full, without a reader or not blocking."""

from __future__ import annotations

import os
import signal
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from select import select
from typing import TYPE_CHECKING, NoReturn

from celu_cli.errors import RunError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}


def use_safe_streams() -> None:
    """Make a closed stream one to /dev/null, what stdout cannot take a `RunError`, what stderr cannot take nothing.

    A file opened later would otherwise get the number of a closed stream, and what libraries print.
    """
    for name, number in _NUMBERS.items():
        stream = getattr(sys, name)
        if stream is None:
            _open_null(number)
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(number, mode, errors="backslashreplace", closefd=False))  # noqa: SIM115
        elif number and stream is getattr(sys, f"__{name}__") and isinstance(stream, TextIOWrapper):
            raw = (
                _Stdout(number, "wb", closefd=False) if number == 1 else _Stderr(number, "wb", closefd=False)
            )
            # A letter that the encoding lacks is escaped in both.
            safe = TextIOWrapper(
                BufferedWriter(raw), stream.encoding, "backslashreplace", line_buffering=stream.line_buffering
            )
            setattr(sys, name, safe)


def forget_impossible_sizes() -> None:
    """Remove a COLUMNS or LINES that no terminal has: at 0 nothing would be seen, and more than memory holds fails."""
    for name in ("COLUMNS", "LINES"):
        size = os.environ.get(name, "")
        if not (size.isascii() and size.isdecimal() and len(size) < 6 and int(size) > 0):
            os.environ.pop(name, None)


class NoReaderError(Exception):
    """Nobody reads stdout any more, as after `head`. No OSError, which libraries would answer in ways of their own."""


def end_without_reader() -> NoReturn:
    """End as other tools do whose reader has gone: by SIGPIPE, without a word."""
    to_nowhere(1)  # Python would complain again when it closes stdout
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    sys.exit(1)


def to_nowhere(number: int) -> None:
    """Have /dev/null take what is still written to the stream."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, number)
    os.close(null)


def _open_null(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)


class _Stdout(FileIO):
    def write(self, content: Buffer) -> int:
        try:
            written: int | None = super().write(content)
            while written is None:  # not blocking, as another program left it
                select([], [self], [])
                written = super().write(content)
        except BrokenPipeError as error:
            raise NoReaderError from error
        except OSError as error:
            to_nowhere(self.fileno())
            raise RunError(f"cannot write to stdout: {error.strerror}") from error
        return written


class _Stderr(FileIO):
    def write(self, content: Buffer) -> int:
        """What cannot be shown is lost; what the command does is worth more."""
        length = memoryview(content).nbytes
        try:
            written: int | None = super().write(content)
        except OSError:
            to_nowhere(self.fileno())
            return length
        return length if written is None else written
