"""What is on this machine of each dataset, and whether it is undamaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from celu_cli.datasets.definition import Definition
from celu_cli.datasets.directory import find_path, find_places
from celu_cli.datasets.load import cache_source, chosen_directory, find_definition, given_source
from celu_cli.datasets.registry import DATASETS, SAMPLE_TEST_IMAGES, SAMPLE_TRAIN_IMAGES
from celu_cli.datasets.reporter import SilentReporter
from celu_cli.datasets.sample import SAMPLE_DIRECTORY, load_sample
from celu_cli.datasets.sources import AbsentError, DirectorySource
from celu_cli.errors import DataError

Place = Literal["data-dir", "cache", "sample"]
State = Literal["present", "incomplete", "absent"]
Verdict = Literal["intact", "corrupt", "absent"]


@dataclass(frozen=True)
class Holding:
    """What one place has of one dataset, found without reading the files; `bytes` is their size there."""

    dataset: str
    place: Place
    state: State
    train_images: int
    test_images: int
    image_shape: tuple[int, int, int]
    bytes: int
    path: Path


@dataclass(frozen=True)
class Verification:
    """Whether one place's copy of a dataset has the published SHA-256; `problem` says what is wrong."""

    dataset: str
    place: Place
    verdict: Verdict
    path: Path
    problem: str = ""


def list_holdings(data_directory: Path | None = None) -> list[Holding]:
    """What --data-dir (if any), the cache and the installation hold of every dataset."""
    holdings = []
    for definition in DATASETS.values():
        holdings += [_holding(definition, *copy) for copy in _copies(definition, data_directory)]
        if definition.sample_sha256:
            holdings.append(_sample_holding(definition))
    return holdings


def verify_dataset(name: str, data_directory: Path | None = None) -> list[Verification]:
    """Read and hash every copy of a dataset on this machine, the embedded sample included."""
    definition = find_definition(name)
    verifications = [
        _verify(
            name,
            place,
            source.directory,
            partial(source.read, definition, source.directory, SilentReporter()),
        )
        for place, source in _copies(definition, data_directory)
    ]
    if definition.sample_sha256:
        verifications.append(_verify(name, "sample", SAMPLE_DIRECTORY, partial(load_sample, name)))
    return verifications


def _copies(definition: Definition, data_directory: Path | None) -> list[tuple[Place, DirectorySource]]:
    given = chosen_directory(data_directory)
    copies: list[tuple[Place, DirectorySource]] = [("cache", cache_source(definition))]
    if given is not None:
        # Here it is no fault of a directory that it holds only some of the datasets.
        copies.insert(0, ("data-dir", replace(given_source(definition, given), asked_for=False)))
    return copies


def _holding(definition: Definition, place: Place, source: DirectorySource) -> Holding:
    """What a directory has; nothing where it cannot be looked into."""
    state: State = "absent"
    try:
        if places := find_places(source.directory, definition, source.accepted):
            state, files = "present", list(places[0][1].values())
        else:
            names = (file for layout in source.accepted for file in layout.limits)
            files = [path for file in names if (path := find_path(source.directory, file)) is not None]
            state = "incomplete" if files else "absent"
        size = sum(file.stat().st_size for file in files)
    except OSError:
        state, files, size = "absent", [], 0
    where = files[0].parent if files else source.directory
    train, test = definition.train_images, definition.test_images
    return Holding(definition.name, place, state, train, test, definition.image_shape, size, where)


def _sample_holding(definition: Definition) -> Holding:
    size = sum(file.stat().st_size for file in SAMPLE_DIRECTORY.glob(f"{definition.name}-*.png"))
    counts = (SAMPLE_TRAIN_IMAGES, SAMPLE_TEST_IMAGES, definition.image_shape)
    return Holding(definition.name, "sample", "present", *counts, size, SAMPLE_DIRECTORY)


def _verify(name: str, place: Place, path: Path, read: Callable[[], object]) -> Verification:
    try:
        read()
    except DataError as error:
        verdict: Verdict = "absent" if isinstance(error, AbsentError) else "corrupt"
        return Verification(name, place, verdict, path, str(error))
    return Verification(name, place, "intact", path)
