"""Where runs live: ``logs/<case>/<UTC time>-seed<k>/``, claimed so that no two runs share one."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import count
from pathlib import Path

from celu_cli.errors import RunError


def claim_run_directory(logs: Path, case_name: str, seed: int) -> Path:
    """Make and return a directory that belongs to one run alone.

    Raises:
        RunError: the directory cannot be made.
    """
    parent = logs / case_name
    started = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%SZ")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for attempt in count(1):
            path = parent / (f"{started}-seed{seed}" + (f"-{attempt}" if attempt > 1 else ""))
            try:
                path.mkdir()  # atomic: of two runs that try at once, one gets FileExistsError
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise RunError(
            f"cannot make a run directory in {parent}: {error.strerror}. Name another place with --logs DIR"
        ) from error
    raise AssertionError("unreachable: count() never ends")
