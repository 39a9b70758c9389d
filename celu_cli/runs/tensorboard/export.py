"""Runs as files of another kind, written beside their place and moved there whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from celu_cli.errors import RunError
from celu_cli.runs.run import Run, places_of
from celu_cli.runs.tensorboard.event_files import PATTERN
from celu_cli.runs.tensorboard.writer import TEST, TRAIN, begin_files


def export_events(runs: Sequence[Run], directory: Path) -> list[Path]:
    """Write event files for TensorBoard to ``directory/<case>/<run>/``, in the place of an earlier export of that run.

    Nothing appears before all runs are written.

    Raises:
        RunError: two runs have one name, a place is taken by something else, or a file cannot be read or written.
    """
    places = places_of(runs, directory)
    for place in places:
        _refuse_what_is_no_export(place)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that what is made in it can be moved there at once.
        with TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as temporary:
            workspace = Path(temporary)
            for number, run in enumerate(runs):
                begin_files(run, workspace / str(number))
            for number, place in enumerate(places):
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.exists():
                    place.rename(workspace / f"old-{number}")
                (workspace / str(number)).rename(place)
    except OSError as error:
        raise RunError(f"cannot write {directory}: {error.strerror or error}") from error
    return places


def _refuse_what_is_no_export(place: Path) -> None:
    """A directory with event files where a run has them holds nothing else that could be lost."""
    files = [path for path in place.rglob("*") if not path.is_dir()] if place.is_dir() else [place]
    of_a_run = (place, place / TRAIN, place / TEST)
    if place.exists() and not all(path.match(PATTERN) and path.parent in of_a_run for path in files):
        raise RunError(f"{place} holds more than event files; export into another directory")
