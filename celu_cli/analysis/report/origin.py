"""Where the runs of a report come from: the machines and versions, and what each run says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from celu_cli.analysis.report.tables import Column, Table, make_table, text
from celu_cli.runs.manifest import Manifest, Resumption
from celu_cli.runs.run import OVERRIDES_NAME, Run
from celu_cli.text import iso_time

_COMMIT_DIGITS = 12
_HASH_DIGITS = 16


@dataclass(frozen=True)
class EnvironmentRow:
    """A machine with its versions, and how many runs were trained there, wholly or in part."""

    number: int
    cpu: str
    threads: int
    host: str
    commit: str
    versions: str
    runs: int


@dataclass(frozen=True)
class OriginRow:
    """What run.json says of a run. `environments` has numbers of `EnvironmentRow`, several where it was resumed."""

    run: str
    status: str
    started: str
    ended: str
    environments: str
    dataset: str
    train_images: int | None
    test_images: int | None
    initial_weights: str
    batch_order: str
    code: str
    overrides: str
    error: str


_Environment = tuple[str, int, str, str, str]


def origins_of(runs: Sequence[Run]) -> tuple[Table, Table]:
    """The environments, and the origin of each run."""
    environments: dict[_Environment, int] = {}
    counts: dict[int, int] = {}
    rows = []
    for run in runs:
        manifest = run.manifest
        parts: list[Manifest | Resumption] = [manifest, *manifest.resumed]
        places = [environments.setdefault(_environment(part), len(environments) + 1) for part in parts]
        for place in dict.fromkeys(places):
            counts[place] = counts.get(place, 0) + 1
        rows.append(_origin(run, ", then ".join(map(str, dict.fromkeys(places)))))
    found = [EnvironmentRow(place, *key, runs=counts[place]) for key, place in environments.items()]
    return _environments_table(found), _origins_table(rows)


def _environment(part: Manifest | Resumption) -> _Environment:
    versions = ", ".join(f"{name} {version}" for name, version in part.versions.items())
    commit, mark, rest = (part.git_commit or "").partition("+")
    return part.cpu_model, part.cpu_threads, part.host, commit[:_COMMIT_DIGITS] + mark + rest, versions


def _origin(run: Run, environments: str) -> OriginRow:
    manifest = run.manifest
    return OriginRow(
        run=run.name,
        status=run.status,
        started=iso_time(manifest.started),
        ended=iso_time(manifest.ended) if manifest.ended else "",
        environments=environments,
        dataset=manifest.dataset_source or "",
        train_images=manifest.train_images,
        test_images=manifest.test_images,
        initial_weights=(manifest.initial_weights_hash or "")[:_HASH_DIGITS],
        batch_order=(manifest.batch_order_hash or "")[:_HASH_DIGITS],
        code=", ".join(f"{name} {digest[:_HASH_DIGITS]}" for name, digest in manifest.code.items()),
        overrides=_overrides(run),
        error=manifest.error
        or (f"no word since {iso_time(manifest.heartbeat)}" if run.status == "crashed" else ""),
    )


def _overrides(run: Run) -> str:
    """What was said on the command line; nothing where that cannot be read, as it explains but decides nothing."""
    try:
        return " ".join(
            (run.path / OVERRIDES_NAME).read_text(encoding="utf-8", errors="replace").split("\n")
        ).strip()
    except OSError:
        return ""


def _environments_table(rows: Sequence[EnvironmentRow]) -> Table:
    columns = (
        Column("environment", "number", text("number")),
        Column("processor", "cpu", text("cpu")),
        Column("threads", "threads", text("threads"), number=True),
        Column("host", "host", text("host")),
        Column("celu's commit", "commit", text("commit")),
        Column("versions", "versions", text("versions")),
        Column("runs", "runs", text("runs"), number=True),
    )
    return make_table("environments", "Environments", columns, rows)


def _origins_table(rows: Sequence[OriginRow]) -> Table:
    columns = (
        Column("run", "run", text("run")),
        Column("status", "status", text("status")),
        Column("error", "error", text("error")),
        Column("started", "started", text("started")),
        Column("ended", "ended", text("ended")),
        Column("environment", "environments", text("environments")),
        Column("overrides", "overrides", text("overrides")),
        Column("dataset from", "dataset", text("dataset")),
        Column("train images", "train_images", text("train_images"), number=True),
        Column("test images", "test_images", text("test_images"), number=True),
        Column("initial weights", "initial_weights", text("initial_weights")),
        Column("batch order", "batch_order", text("batch_order")),
        Column("own code", "code", text("code")),
    )
    notes = [
        "initial weights, batch order, own code: the first digits of their SHA-256; equal digits, equal content"
    ]
    return make_table("origins", "Origin of each run", columns, rows, notes)
