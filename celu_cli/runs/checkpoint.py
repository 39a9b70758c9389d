"""checkpoint/: what a training needs to be resumed, in files that are whole or not there.

A file is an npz archive without pickles. Its name says where the training stood and begins the SHA-256 of its bytes, so
that a damaged one is known by its name. It appears by rename; the one before it stays until the next is whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

from celu_cli.events import Checkpoint
from celu_cli.files import read_file, remove_unfinished, sync_directory, write_whole

CHECKPOINT_NAME = "checkpoint"

_KEPT = 2
_DIGEST_DIGITS = 16
_NAME = re.compile(r"epoch-(\d+)-step-(\d+)-([0-9a-f]{16})\.npz")
_COUNTERS = "counters"
_COUNTED = ("epoch", "step", "steps", "seconds")


@dataclass(frozen=True)
class FoundCheckpoint:
    """The newest whole checkpoint, if any, and a text for each newer one that is damaged."""

    checkpoint: Checkpoint | None
    problems: tuple[str, ...]


def write_checkpoint(run_path: Path, checkpoint: Checkpoint) -> None:
    """Add a checkpoint, then remove all but it and the one before.

    Raises:
        OSError: it cannot be written; those there are stay.
    """
    directory = run_path / CHECKPOINT_NAME
    directory.mkdir(exist_ok=True)
    content = _pack(checkpoint)
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_DIGITS]
    name = f"epoch-{checkpoint.epoch:05}-step-{checkpoint.step:07}-{digest}.npz"
    write_whole(directory / name, content, synced=True)
    sync_directory(directory)
    remove_unfinished(directory)
    for old in _newest_first(directory)[_KEPT:]:
        old.unlink(missing_ok=True)


def read_checkpoint(run_path: Path) -> FoundCheckpoint:
    """The newest whole checkpoint of a run; a damaged one is passed over for the one before it."""
    problems: list[str] = []
    for path in _newest_first(run_path / CHECKPOINT_NAME):
        try:
            return FoundCheckpoint(_unpack(path), tuple(problems))
        except (OSError, ValueError, KeyError) as error:
            problems.append(f"{path} cannot be used: {error}")
    return FoundCheckpoint(None, tuple(problems))


def _newest_first(directory: Path) -> list[Path]:
    """The checkpoints by how far the training had come."""
    try:
        paths = [path for path in directory.iterdir() if _NAME.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(paths, key=_position, reverse=True)


def _position(path: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1]), int(match[2])


def _pack(checkpoint: Checkpoint) -> bytes:
    import numpy as np

    counters = json.dumps({name: getattr(checkpoint, name) for name in _COUNTED})
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{_COUNTERS: np.array(counters)}, **dict(checkpoint.arrays))
    return content.getvalue()


def _unpack(path: Path) -> Checkpoint:
    import numpy as np

    content = read_file(path)
    if hashlib.sha256(content).hexdigest()[:_DIGEST_DIGITS] != path.stem[-_DIGEST_DIGITS:]:
        raise ValueError("its content is damaged (SHA-256 differs)")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    counters = json.loads(arrays.pop(_COUNTERS).item())
    return Checkpoint(**{name: counters[name] for name in _COUNTED}, arrays=arrays)
