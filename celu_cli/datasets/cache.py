"""celu's cache of datasets: where it is, and how arrays get into it whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
from filelock import Timeout
from platformdirs import user_cache_path

from celu_cli.datasets.definition import NPY_FILES, Arrays
from celu_cli.datasets.reporter import Reporter
from celu_cli.errors import DataError
from celu_cli.files import remove_unfinished, write_whole
from celu_cli.processes import lock_file

LOCK_SECONDS = 3_600.0


def cache_directory() -> Path:
    """The directory that holds one directory a dataset; XDG_CACHE_HOME moves it on Linux."""
    try:
        return user_cache_path("celu", appauthor=False) / "datasets"
    except RuntimeError:  # a user without a home, as in a container: nothing is cached, nor can it be
        return Path(os.devnull, "celu")


def store(directory: Path, arrays: Arrays) -> None:
    """Write the four arrays; each file appears by rename when it is complete. May raise OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    remove_unfinished(directory)
    for name, file in NPY_FILES.items():
        path = directory / file
        if path.is_dir() and not path.is_symlink():
            path.rmdir()  # an empty one is in the way by mistake; OSError where it is not empty
        write_whole(path, partial(np.save, arr=arrays[name], allow_pickle=False), synced=True)


@contextmanager
def workspace(dataset: str, reporter: Reporter) -> Iterator[Path]:
    """A directory to download into, held by one process at a time.

    It is in the cache, so a download that was broken off is there to be resumed; where the cache cannot be
    written it is a temporary directory. The operating system frees the lock when its holder dies.
    """
    root = cache_directory()
    with ExitStack() as held:
        try:
            place = root / "downloads" / dataset
            place.mkdir(parents=True, exist_ok=True)
            held.enter_context(_locked(root / f"{dataset}.lock", reporter))
        except OSError as error:
            reporter.message(
                f"the cache {root} cannot be used ({error}); a temporary directory takes its place"
            )
            place = Path(held.enter_context(_temporary_directory()))
        try:
            yield place
        finally:
            with suppress(OSError):  # not empty: there are parts of downloads in it
                place.rmdir()


@contextmanager
def _locked(path: Path, reporter: Reporter) -> Iterator[None]:
    try:
        lock = lock_file(path)
    except Timeout:
        reporter.message("another celu is fetching the same dataset; waiting for it")
        try:
            lock = lock_file(path, LOCK_SECONDS)
        except Timeout as error:
            raise DataError(
                f"another celu has held {path} for {LOCK_SECONDS / 60:.0f} minutes; "
                "end that process and try again"
            ) from error
    if lock is None:
        raise OSError("its filesystem has no file locks")
    try:
        yield
    finally:
        lock.release()


def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="celu-")
    except OSError as error:
        raise DataError(
            f"no directory can be written to, neither the cache nor a temporary one: {error}"
        ) from error
