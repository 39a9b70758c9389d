"""celu's cache of datasets: where it is, and how arrays get into it whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from celu_cli.datasets.facts import Arrays, Bytes
from celu_cli.datasets.stored import FILES


def cache_directory() -> Path:
    """The directory that holds one directory a dataset; XDG_CACHE_HOME moves it on Linux."""
    return user_cache_path("celu", appauthor=False) / "datasets"


def store(directory: Path, arrays: Arrays) -> None:
    """Write the four arrays; each file appears by rename when it is complete. Raises OSError when it cannot."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        _store_array(directory / file, arrays[name])


def _store_array(path: Path, array: Bytes) -> None:
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as stream:
            np.save(stream, array, allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
