"""Datasets damaged in every way: decoded below the hash check, then loaded as a training loads them."""

from __future__ import annotations

import gzip
import os
import random
import re
import shutil
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
from filelock import FileLock, Timeout

from celu_cli.datasets import cache, catalogue, layouts, load_dataset
from celu_cli.datasets.directory import find_files, read_files
from celu_cli.datasets.facts import Arrays, Dataset
from celu_cli.datasets.sources import DirectorySource
from celu_cli.errors import DataError
from tests.soak.small_sets import Form, packed_batches, small_sets

_WEB_PAGE = b"<!DOCTYPE html><html><title>404 Not Found</title></html>"
_ANOTHER_NAME = (
    "../../escaped",
    "/celu-escaped",
    "cifar-10-batches-bin/../../escaped",
    "cifar-10-batches-py/x",
    "",
)


@dataclass
class DataFuzzFigures:
    """What became of the copies; the lists hold the text of each that should not be."""

    copies: int = 0
    refused: int = 0
    accepted_right: int = 0
    repaired: int = 0
    hash_alone: int = 0
    wrong_arrays: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that breaks a promise."""
        return [*self.wrong_arrays, *self.tracebacks, *self.leftovers]


def fuzz_data(count: int, seed: int) -> DataFuzzFigures:
    """Damage and load `count` copies of small datasets; the same `seed` damages them in the same way.

    A copy is refused, or read as the arrays it was made from (the damage did not touch them), or, where it lay in
    the cache and there is a sound source behind it, repaired. `hash_alone` counts those that a decoder took for
    sound and only the SHA-256 refused.
    """
    choose = random.Random(seed)
    figures = DataFuzzFigures()
    with tempfile.TemporaryDirectory() as root, small_sets(Path(root)) as forms:
        sound = _put_sound_copies(Path(root) / "sound", forms)
        for _ in range(count):
            form = choose.choice(forms)
            trial = _Trial(form, Path(root), choose, figures)
            trial.decode()
            trial.load(sound[form.dataset])
            trial.clean_up()
            figures.copies += 1
    return figures


def _put_sound_copies(directory: Path, forms: list[Form]) -> dict[str, DirectorySource]:
    sources = {}
    for form in forms:
        if form.layout in layouts.STORED.values():
            place = directory / form.dataset
            place.mkdir(parents=True)
            for name, content in form.files.items():
                (place / name).write_bytes(content)
            sources[form.dataset] = DirectorySource("a sound source", place, (form.layout,))
    return sources


class _Trial:
    """One damaged copy, in a directory of the user's or in the cache."""

    def __init__(self, form: Form, root: Path, choose: random.Random, figures: DataFuzzFigures) -> None:
        self._form = form
        self._root = root
        self._figures = figures
        self._cached = form.layout in layouts.STORED.values() and choose.random() < 0.7
        self._repairable = self._cached and choose.random() < 0.5
        self._place = cache.cache_directory() / form.dataset if self._cached else root / "given"
        self._place.mkdir(parents=True)
        for name, content in form.files.items():
            (self._place / name).write_bytes(content)
        damaged = choose.choice(list(form.files))
        damage = choose.choice([*_DAMAGES, _swap_file] if len(form.files) > 1 else _DAMAGES)
        self._told = f"{form.layout.title}, {damaged}: {damage.__name__}"
        damage(self._place / damaged, choose)

    def decode(self) -> None:
        """Read and decode the files with no hash to guard them: other arrays, but no other error."""
        layout = self._form.layout
        try:
            paths = find_files(self._place, layout)
            arrays = layout.decode(read_files(paths, layout.limits)) if paths else None
            self._figures.hash_alone += arrays is not None and not _same(arrays, self._form.truth)
        except DataError:
            pass
        except Exception as error:
            self._figures.tracebacks.append(f"{error!r} decoding {self._told}")

    def load(self, sound: DirectorySource) -> None:
        """Load the copy as a training does, with a sound source behind a cache in half of the trials."""
        given = None if self._cached else self._place
        remote = {self._form.dataset: (sound,) if self._repairable else ()}
        try:
            with mock.patch.object(catalogue, "REMOTE", remote):
                dataset = load_dataset(self._form.dataset, data_directory=given)
        except DataError:
            self._figures.refused += 1
            if self._repairable:
                self._figures.tracebacks.append(f"a sound source was not asked after {self._told}")
        except Exception as error:
            self._figures.tracebacks.append(f"{error!r} loading {self._told}")
        else:
            self._judge(dataset, repaired=dataset.source == sound.title)

    def _judge(self, dataset: Dataset, *, repaired: bool) -> None:
        if not _same(_arrays_of(dataset), self._form.truth):
            self._figures.wrong_arrays.append(f"other arrays from {self._told}")
        elif repaired:
            self._figures.repaired += 1
            if not load_dataset(self._form.dataset).source.startswith("celu's cache"):
                self._figures.wrong_arrays.append(f"the cache was not repaired after {self._told}")
        else:
            self._figures.accepted_right += 1

    def clean_up(self) -> None:
        """Note what was left behind, then remove everything but the sound copies."""
        kept = {self._place, *self._place.rglob("*"), cache.cache_directory() / self._form.dataset}
        for path in [*(self._root / "tmp").rglob("*"), *(self._root / "cache").rglob("*")]:
            if path.is_file() and (path not in kept or path.suffix == ".part") and not self._is_free(path):
                self._figures.leftovers.append(f"{path.relative_to(self._root)} after {self._told}")
        if (self._root.parent / "escaped").exists() or Path("/celu-escaped").exists():
            self._figures.leftovers.append(f"a file outside the archive after {self._told}")
        for place in (self._place, self._root / "cache"):
            shutil.rmtree(place, ignore_errors=True)

    def _is_free(self, path: Path) -> bool:
        """Whether a file is what may stay: a lock that nobody holds, or an array that the repair has written."""
        if path.suffix != ".lock":
            return self._repairable and path.suffix == ".npy"
        try:
            with FileLock(path).acquire(timeout=0):
                return True
        except Timeout:
            return False


def _same(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in other)


def _arrays_of(dataset: Dataset) -> Arrays:
    return {
        "train_images": dataset.train.images,
        "train_labels": dataset.train.labels,
        "test_images": dataset.test.images,
        "test_labels": dataset.test.labels,
    }


def _flip_bits(path: Path, choose: random.Random) -> None:
    content = bytearray(path.read_bytes())
    near = choose.choice([100, len(content)])
    for _ in range(choose.randint(1, 3)):
        content[choose.choice([1, -1]) * choose.randrange(min(near, len(content)))] ^= 1 << choose.randrange(
            8
        )
    path.write_bytes(content)


def _cut_short(path: Path, choose: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: choose.choice([0, 1, 10, choose.randrange(len(content)), len(content) - 1])])


def _overwrite(path: Path, choose: random.Random) -> None:
    content = path.read_bytes()
    start = choose.randrange(len(content))
    length = choose.randint(1, 300)
    filler = choose.choice([bytes(length), b"\xff" * length, choose.randbytes(length), b"[" * length])
    path.write_bytes(content[:start] + filler + content[start + choose.choice([0, length]) :])


def _replace(path: Path, choose: random.Random) -> None:
    other = choose.choice(
        [
            _WEB_PAGE,
            gzip.compress(_WEB_PAGE),
            b"[" * 200_000,
            gzip.compress(bytes(5_000_000)),
            choose.randbytes(500),
        ]
    )
    path.write_bytes(other)


def _append(path: Path, choose: random.Random) -> None:
    with path.open("ab") as file:
        file.write(choose.choice([b"\0", bytes(1_000_000), path.read_bytes(), _WEB_PAGE]))


def _repack(path: Path, choose: random.Random) -> None:
    """Damage what is inside a compressed file or a PNG and give it right checksums again; else flip bits."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        inner = path.with_suffix(".inner")
        inner.write_bytes(gzip.decompress(content))
        choose.choice([_flip_bits, _overwrite, _cut_short])(inner, choose)
        path.write_bytes(gzip.compress(inner.read_bytes(), 1))
        inner.unlink()
    elif path.suffix == ".png":
        path.write_bytes(_with_right_checksums(_with_a_changed_byte(content, choose)))
    elif path.suffix == ".json":
        path.write_bytes(
            re.sub(rb"\d", choose.choice([b"10", b"-1", b"1e400", b"null", b"3"]), content, count=1)
        )
    else:
        _flip_bits(path, choose)


def _with_a_changed_byte(content: bytes, choose: random.Random) -> bytearray:
    copy = bytearray(content)
    copy[choose.randrange(8, choose.choice([60, len(copy)]))] = choose.randrange(256)
    return copy


def _with_right_checksums(png: bytearray) -> bytes:
    start = 8
    while start + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, start)
        end = start + 8 + length
        if end + 4 > len(png):
            break
        struct.pack_into(">I", png, end, zlib.crc32(png[start + 4 : end]))
        start = end + 4
    return bytes(png)


def _rename_members(path: Path, choose: random.Random) -> None:
    """An archive whose members lead elsewhere; other files become one, which they must not be."""

    def elsewhere(info: tarfile.TarInfo) -> None:
        if choose.random() < 0.5:
            info.name = choose.choice(_ANOTHER_NAME)
            info.type = choose.choice([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
            info.linkname = "/etc/passwd"

    batches = {f"data_batch_{number}.bin": bytes(4 * 3_073) for number in range(1, 6)}
    path.write_bytes(packed_batches({**batches, "test_batch.bin": bytes(4 * 3_073)}, elsewhere))


def _no_file(path: Path, choose: random.Random) -> None:
    """Something else than a file under the name."""
    path.unlink()
    make: Callable[[Path], object] = choose.choice(
        [Path.mkdir, os.mkfifo, lambda place: place.symlink_to(place.name), lambda _: None]
    )
    make(path)


def _swap_file(path: Path, choose: random.Random) -> None:
    """Another file of the same set under the name."""
    others = sorted(other for other in path.parent.iterdir() if other != path)
    path.write_bytes(choose.choice(others).read_bytes())


_DAMAGES = [
    _flip_bits,
    _cut_short,
    _overwrite,
    _replace,
    _append,
    _repack,
    _repack,
    _rename_members,
    _no_file,
]
