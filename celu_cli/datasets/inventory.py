"""What is on this machine of each dataset, and whether it is undamaged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from celu_cli.datasets.catalogue import cache_source, given_source
from celu_cli.datasets.directory import find_path, find_places
from celu_cli.datasets.load import check_name, chosen_directory
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
    """What one place has of one dataset, told without reading the files; `bytes` is their size there."""

    dataset: str
    place: Place
    state: State
    train_images: int
    test_images: int
    image_shape: tuple[int, int, int]
    bytes: int
    path: Path


@dataclass(frozen=True)
class Proof:
    """Whether one place's copy of a dataset has the published SHA-256; `problem` says what is wrong."""

    dataset: str
    place: Place
    verdict: Verdict
    path: Path
    problem: str = ""


def list_holdings(data_directory: Path | None = None) -> list[Holding]:
    """What --data-dir (if any), the cache and the installation hold of every dataset."""
    holdings = []
    for name in DATASETS:
        holdings += [_holding(name, place, source) for place, source in _copies(name, data_directory)]
        holdings.append(_sample_holding(name))
    return holdings


def verify_dataset(name: str, data_directory: Path | None = None) -> list[Proof]:
    """Read and hash every copy of a dataset on this machine, the embedded sample included."""
    check_name(name)
    proofs = [_prove(name, place, source) for place, source in _copies(name, data_directory)]
    try:
        load_sample(name)
    except DataError as error:
        return [*proofs, Proof(name, "sample", "corrupt", SAMPLE_DIRECTORY, str(error))]
    return [*proofs, Proof(name, "sample", "intact", SAMPLE_DIRECTORY)]


def _copies(name: str, data_directory: Path | None) -> list[tuple[Place, DirectorySource]]:
    given = chosen_directory(data_directory)
    copies: list[tuple[Place, DirectorySource]] = [("cache", cache_source(name))]
    if given is not None:
        # Here it is no fault of a directory that it holds only some of the datasets.
        copies.insert(0, ("data-dir", replace(given_source(name, given), asked_for=False)))
    return copies


def _holding(name: str, place: Place, source: DirectorySource) -> Holding:
    facts = DATASETS[name]
    state, files, size = _find(name, source)
    where = files[0].parent if files else source.directory
    return Holding(name, place, state, facts.train_images, facts.test_images, facts.image_shape, size, where)


def _find(name: str, source: DirectorySource) -> tuple[State, list[Path], int]:
    """Which files are there, and their size; none where the directory cannot be looked into."""
    try:
        state, files = _look(name, source)
        return state, files, sum(file.stat().st_size for file in files)
    except OSError:
        return "absent", [], 0


def _look(name: str, source: DirectorySource) -> tuple[State, list[Path]]:
    places = find_places(source.directory, name, source.accepted)
    if places:
        return "present", list(places[0][1].values())
    names = (file for layout in source.accepted for file in layout.limits)
    files = [path for file in names if (path := find_path(source.directory, file)) is not None]
    return ("incomplete" if files else "absent"), files


def _sample_holding(name: str) -> Holding:
    size = sum(file.stat().st_size for file in SAMPLE_DIRECTORY.glob(f"{name}-*.png"))
    shape = DATASETS[name].image_shape
    return Holding(
        name, "sample", "present", SAMPLE_TRAIN_IMAGES, SAMPLE_TEST_IMAGES, shape, size, SAMPLE_DIRECTORY
    )


def _prove(name: str, place: Place, source: DirectorySource) -> Proof:
    try:
        source.read(name, source.directory, SilentReporter())
    except AbsentError as error:
        return Proof(name, place, "absent", source.directory, str(error))
    except DataError as error:
        return Proof(name, place, "corrupt", source.directory, str(error))
    return Proof(name, place, "intact", source.directory)
