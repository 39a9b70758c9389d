"""Command lines in forked processes, which share what one process has imported: everything but TensorFlow."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib
import json
import os
import pkgutil
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_SECONDS = 120.0


def in_new_process(module: str, *words: object) -> dict[str, Any]:
    """What `module`, run with `words`, prints as JSON in its last line."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", module, *map(str, words)]
    ended = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
    figures: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return figures


@dataclass
class Invocation:
    """A command line in its surroundings; by default, plain ones."""

    words: list[str]
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/nowhere", "HOME": "home", "LANG": "C.UTF-8"}
    )
    streams: tuple[str, str, str] = ("null", "pipe", "pipe")
    size: tuple[int, int] = (80, 24)
    nobody: bool = False
    lost_directory: bool = False

    def __str__(self) -> str:
        return ascii(
            (self.words, self.environment, self.streams, self.size, self.nobody, self.lost_directory)
        )


def run_forked(
    invocation: Invocation, place: Path, output: Path, seconds: float = MOST_SECONDS
) -> tuple[int, str, str]:
    """Run the command line in a child, for some `seconds` at most.

    Its exit code, negative for a signal, what it said to the terminal and what into the pipe.
    """
    output.write_bytes(b"")
    main, terminal = pty.openpty()
    columns, lines = invocation.size
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(main)
        _become(invocation, place, output, terminal)
    os.close(terminal)
    said = bytearray()
    end = time.monotonic() + seconds + 10
    while True:
        ready, _, _ = select.select([main], [], [], 0.02)
        with contextlib.suppress(OSError):
            said += os.read(main, 65536) if ready else b""
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
    with contextlib.suppress(OSError):
        while select.select([main], [], [], 0)[0] and (more := os.read(main, 65536)):
            said += more
    os.close(main)
    texts = (content.decode("utf-8", "replace") for content in (bytes(said), output.read_bytes()))
    return os.waitstatus_to_exitcode(status), *texts


def _become(invocation: Invocation, place: Path, output: Path, terminal: int) -> None:
    """The child: take on the surroundings, run the command line as an interpreter would, and end."""
    atexit._clear()  # what the parent has to tidy up is not the child's
    os.chdir(place)
    if invocation.lost_directory:
        (place / "gone").mkdir()
        os.chdir(place / "gone")
        (place / "gone").rmdir()
    os.environ.clear()
    for name, value in invocation.environment.items():
        inside = name in ("HOME", "TMPDIR") and value and not value.startswith("/")
        os.environ[name] = str(place / value) if inside else value
    if invocation.nobody:
        _be_nobody()
    with open(output, "ab", buffering=0) as errors:  # noqa: PTH123
        last = os.dup(errors.fileno())
    sources = {kind: os.open(f"/dev/{kind}", os.O_RDWR) for kind in ("full", "null")}
    sources |= {"terminal": terminal, "pipe": last, "no reader": os.pipe()[1]}
    for number, kind in enumerate(invocation.streams):
        _open_stream(number, kind, sources)
    os.closerange(3, last)  # whatever is opened next gets the number of a stream that is closed
    os.closerange(last + 1, 200)
    sys.argv = ["celu", *invocation.words]
    code = 70
    try:
        from celu_cli.cli.app import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        import traceback

        os.write(last, traceback.format_exc().encode("utf-8", "replace"))
        code = 1
    finally:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
            sys.stdout.flush()
        os._exit(code & 255)


def _open_stream(number: int, kind: str, sources: dict[str, int]) -> None:
    name = ("stdin", "stdout", "stderr")[number]
    if kind == "closed":
        os.close(number)
        setattr(sys, name, None)
        setattr(sys, f"__{name}__", None)
        return
    os.dup2(sources[kind], number)
    encoding = os.environ.get("PYTHONIOENCODING") or (
        "ascii" if os.environ["LANG"] in ("", "POSIX") else "utf-8"
    )
    stream = open(  # noqa: SIM115
        number,
        "r" if number == 0 else "w",
        buffering=1 if kind == "terminal" or number == 2 else -1,
        encoding=encoding,
        errors="backslashreplace" if number == 2 else "strict",
        closefd=False,
    )
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def _be_nobody() -> None:
    """A user that the system knows no name and no home of, as in a container; the rights stay."""
    import pwd

    def unknown(_: object) -> None:
        raise KeyError("uid not found")

    pwd.getpwuid = pwd.getpwnam = unknown  # type: ignore[assignment]
    os.getuid = os.geteuid = lambda: 54321
    os.environ.pop("HOME", None)


def import_all_but_tensorflow() -> None:
    import celu_cli

    for module in _modules(celu_cli.__path__, "celu_cli."):
        importlib.import_module(module)
    for name in (
        "matplotlib.backends.backend_agg",
        "matplotlib.backends.backend_svg",
        "rich.live",
        "rich.table",
    ):
        importlib.import_module(name)
    assert "tensorflow" not in sys.modules


def _modules(paths: Any, prefix: str) -> Iterator[str]:
    for found in pkgutil.iter_modules(paths, prefix):
        if (
            found.name in ("celu_cli.engine", "celu_cli.execute", "celu_cli.__main__")
            or "tensorboard" in found.name
        ):
            continue
        yield found.name
        if found.ispkg:
            yield from _modules(
                [str(Path(path) / found.name.rpartition(".")[2]) for path in paths], f"{found.name}."
            )
