"""Where the runs of a report come from: the machines and versions, and what each run says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from celu_cli.analysis.compare.columns import Column, Records, records_of
from celu_cli.analysis.report.tables import Table, make_table
from celu_cli.runs.manifest import Manifest, Resumption
from celu_cli.runs.run import Run, read_overrides
from celu_cli.text import iso_time

_COMMIT_DIGITS = 12
_HASH_DIGITS = 16


_Environment = tuple[str, int | None, str, str, str]


def origins_of(runs: Sequence[Run]) -> tuple[Table, Table]:
    """The environments, and the origin of each run; a resumed run has the numbers of several environments."""
    environments: dict[_Environment, int] = {}
    counts: Counter[int] = Counter()
    origins = []
    for run in runs:
        parts: list[Manifest | Resumption] = [run.manifest, *run.manifest.resumed]
        places = dict.fromkeys(
            environments.setdefault(_environment(part), len(environments) + 1) for part in parts
        )
        counts.update(places.keys())
        origins.append((run, ", then ".join(map(str, places))))
    found = [(place, *environment, counts[place]) for environment, place in environments.items()]
    said = {run.name: read_overrides(run.path) for run in runs}
    first, *others = said.values()
    shared = [each for each in first if others and all(each in other for other in others)]
    columns = tuple(
        replace(column, text=lambda row: " ".join(each for each in said[row["run"]] if each not in shared))
        if column.name == "overrides"
        else column
        for column in _ORIGIN_COLUMNS
    )
    of_runs = Records(columns, records_of(columns, origins), {"report": _ORIGIN_FIRST})
    notes = [f"all: overrides {' '.join(shared)}"] if shared else []
    return (
        make_table("environments", "Environments", Records(_ENVIRONMENTS, records_of(_ENVIRONMENTS, found))),
        make_table("origins", "Origin of each run", of_runs, [*notes, _NOTE]),
    )


def _environment(part: Manifest | Resumption) -> _Environment:
    versions = ", ".join(f"{name} {version}" for name, version in part.versions.items())
    commit, mark, rest = (part.git_commit or "").partition("+")
    return part.cpu_model, part.cpu_threads, part.host, commit[:_COMMIT_DIGITS] + mark + rest, versions


def _error(run: Run) -> str:
    silent = f"no heartbeat since {iso_time(run.manifest.heartbeat)}" if run.status == "crashed" else ""
    return run.manifest.error or silent


def _of_run(name: str, read: Callable[[Run], Any], heading: str, **more: Any) -> Column:
    return Column(name, lambda of: read(of[0]), heading, **more)


def _images(phase: str) -> Column:
    name, heading = f"{phase}_images", f"{phase} images"
    return _of_run(
        name, lambda run: getattr(run.manifest, name), heading, number=True, shared=f"{{}} {heading}"
    )


def _digits(digest: str | None) -> str:
    return (digest or "")[:_HASH_DIGITS]


def _code(run: Run) -> str:
    return ", ".join(f"{name} {digest[:_HASH_DIGITS]}" for name, digest in run.manifest.code.items())


_ENVIRONMENTS = (
    Column("number", itemgetter(0), "environment"),
    Column("cpu", itemgetter(1), "processor"),
    Column("threads", itemgetter(2), "threads", number=True),
    Column("host", itemgetter(3), "host"),
    Column("commit", itemgetter(4), "celu's commit"),
    Column("versions", itemgetter(5), "versions"),
    Column("runs", itemgetter(6), "runs", number=True),
)
_ORIGIN_COLUMNS = (
    _of_run("run", lambda run: run.name, "run"),
    _of_run("status", lambda run: run.status, "status"),
    _of_run("started", lambda run: iso_time(run.manifest.started), "started"),
    _of_run("ended", lambda run: iso_time(run.manifest.ended) if run.manifest.ended else "", "ended"),
    Column("environments", itemgetter(1), "environment"),
    _of_run(
        "dataset", lambda run: run.manifest.dataset_source or "", "dataset from", shared="dataset from {}"
    ),
    _images("train"),
    _images("test"),
    _of_run("initial_weights", lambda run: _digits(run.manifest.initial_weights_hash), "initial weights"),
    _of_run("batch_order", lambda run: _digits(run.manifest.batch_order_hash), "batch order"),
    _of_run("code", _code, "own code"),
    _of_run("overrides", lambda run: " ".join(read_overrides(run.path)), "overrides"),
    _of_run("error", _error, "error"),
)
_ORIGIN_FIRST = ("run", "status", "error", "started", "ended", "environments", "overrides")
_NOTE = (
    "initial weights, batch order, own code: the first digits of their SHA-256; equal digits, equal content"
)
