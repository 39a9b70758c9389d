"""What differs between two runs beside their cases: code, environment, data, start and metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from celu_cli.analysis.changes import Change, Effect, Value
from celu_cli.analysis.effective import effective_parts
from celu_cli.case.cost import split_sizes
from celu_cli.case.network import plan_network
from celu_cli.case.schema import Case
from celu_cli.runs.events import EpochMetrics
from celu_cli.runs.manifest import Manifest
from celu_cli.runs.run import Run

_ROUNDING = "other versions or processors round differently: not a likely cause"
_METRICS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")


@dataclass(frozen=True)
class Start:
    """Whether both sides begin alike; None where that is not known, and the reason for each answer.

    `expected` says that cases were compared, not the hashes of two runs.
    """

    same_weights: bool | None
    same_order: bool | None
    expected: bool
    weights_reason: str = ""
    order_reason: str = ""


@dataclass(frozen=True)
class Parting:
    """How the metrics of two runs compare, over the epochs that both have.

    `first_epoch` is the first at which any metric differs, with `first` the differences B minus A there; None
    where all are equal. `last` are the differences of the last common epoch.
    """

    common_epochs: int
    last_epoch: int | None
    first_epoch: int | None
    first: dict[str, float]
    last: dict[str, float]


def run_changes(a: Run, b: Run) -> list[Change]:
    """What run.json says of code, environment and data, where the two differ."""
    return list(_code_changes(a.manifest, b.manifest)) + list(_environment_changes(a, b))


def _code_changes(a: Manifest, b: Manifest) -> Iterator[Change]:
    versions = Value("celu", a.versions.get("celu"), b.versions.get("celu"))
    commit = Value("git_commit", a.git_commit, b.git_commit)
    differing = [value for value in (versions, commit) if value.a != value.b]
    unsure = a.git_commit is not None and a.git_commit == b.git_commit and a.git_commit.endswith("+dirty")
    if differing:
        known = all(None not in (value.a, value.b) for value in differing)
        note = "" if known else "one of the two is not recorded, so the code may be the same or not"
        yield Change("code of celu", "result", tuple(differing), note)
    elif unsure:
        note = "the commit is the same, but both had changes that were not committed: the code may differ"
        yield Change("code of celu", "result", (commit,), note)
    hashes = _code_hashes(a), _code_hashes(b)
    if hashes[0] != hashes[1]:
        yield Change("code of the activation", "result", (Value("code", *hashes),))


def _code_hashes(manifest: Manifest) -> str:
    """The start of each file's hash: the same file may lie in different places."""
    return ", ".join(sorted(digest[:12] for digest in manifest.code.values())) or "none"


def _environment_changes(a: Run, b: Run) -> Iterator[Change]:
    one, other = a.manifest, b.manifest
    rows: list[tuple[str, Effect, str, object, object, str]] = [
        (name, "rounding", name, one.versions.get(name), other.versions.get(name), _ROUNDING)
        for name in ("tensorflow", "numpy")
    ]
    rows += [
        ("processor", "rounding", "cpu_model", one.cpu_model, other.cpu_model, _ROUNDING),
        ("threads", "rounding", "cpu_threads", one.cpu_threads, other.cpu_threads, _ROUNDING),
        ("python", "none", "python", one.versions.get("python"), other.versions.get("python"), ""),
        ("host", "none", "host", one.host, other.host, ""),
    ]
    same_data = effective_parts(a.case)["dataset"] == effective_parts(b.case)["dataset"]
    hashes = "whatever the source, the arrays have the same SHA-256" if same_data else ""
    rows.append(("data source", "none", "dataset_source", one.dataset_source, other.dataset_source, hashes))
    for name, effect, key, ours, theirs, note in rows:
        if ours != theirs:
            yield Change(name, effect, (Value(key, ours, theirs),), note)
    if same_data:
        yield from _image_changes(one, other)


def _image_changes(a: Manifest, b: Manifest) -> Iterator[Change]:
    counts = [
        Value(key, getattr(a, key), getattr(b, key))
        for key in ("train_images", "test_images")
        if None not in (getattr(a, key), getattr(b, key))
    ]
    differing = tuple(value for value in counts if value.a != value.b)
    if differing:
        yield Change("number of images", "result", differing)


def shared_facts(a: Case | Run, b: Case | Run) -> list[str]:
    """What seed, code, environment and data have in common, a few words each."""
    facts = [(f"seed {_case(side).seed}", *_run_facts(side)) for side in (a, b)]
    return [fact for fact in facts[0] if fact in facts[1]]


def _run_facts(side: Case | Run) -> Iterator[str]:
    if not isinstance(side, Run):
        return
    manifest = side.manifest
    yield from (f"{package} {version}" for package, version in manifest.versions.items())
    if manifest.git_commit:
        yield f"commit {manifest.git_commit[:12]}{'+dirty' if manifest.git_commit.endswith('+dirty') else ''}"
    yield manifest.cpu_model
    yield f"{manifest.cpu_threads} threads"
    yield f"host {manifest.host}"
    if manifest.train_images is not None and manifest.test_images is not None:
        yield f"{manifest.train_images:,} train and {manifest.test_images:,} test images"
    if manifest.dataset_source:
        yield f"data from {manifest.dataset_source}"


def compare_starts(a: Case | Run, b: Case | Run) -> Start:
    """Whether initial weights and order of the images are the same: by the hashes of runs, else by the cases."""
    if not (isinstance(a, Run) and isinstance(b, Run)):
        return _expected_start(_case(a), _case(b))
    pairs = [
        (getattr(a.manifest, key), getattr(b.manifest, key))
        for key in ("initial_weights_hash", "batch_order_hash")
    ]
    weights, order = (None if None in pair else pair[0] == pair[1] for pair in pairs)
    reasons = [
        "a run that stopped before its first step has no hash" if same is None else ""
        for same in (weights, order)
    ]
    return Start(weights, order, False, *reasons)


def _case(side: Case | Run) -> Case:
    return side.case if isinstance(side, Run) else side


def _expected_start(a: Case, b: Case) -> Start:
    shapes = [[layer.weights_shape for layer in plan_network(case).layers] for case in (a, b)]
    seed = ("seed", a.seed == b.seed)
    needed = (
        (
            seed,
            ("shapes of the layers", shapes[0] == shapes[1]),
            ("initializer", a.network.initializer == b.network.initializer),
        ),
        (seed, ("number of training images", split_sizes(a)[0] == split_sizes(b)[0])),
    )
    weights, order = (all(same for _, same in facts) for facts in needed)
    return Start(weights, order, True, *map(_reason, needed))


def _reason(facts: Sequence[tuple[str, bool]]) -> str:
    differing = [name for name, same in facts if not same]
    return f"other {' and '.join(differing)}" if differing else f"same {', '.join(name for name, _ in facts)}"


def compare_metrics(a: Run, b: Run) -> Parting:
    """Where the metrics of two runs part and how far they are apart in the end."""
    theirs = {metrics.epoch: metrics for metrics in b.metrics}
    pairs = [(metrics, theirs[metrics.epoch]) for metrics in a.metrics if metrics.epoch in theirs]
    parted = next((pair for pair in pairs if not _equal(*pair)), None)
    return Parting(
        common_epochs=len(pairs),
        last_epoch=pairs[-1][0].epoch if pairs else None,
        first_epoch=parted[0].epoch if parted else None,
        first=_differences(*parted) if parted else {},
        last=_differences(*pairs[-1]) if pairs else {},
    )


def _differences(a: EpochMetrics, b: EpochMetrics) -> dict[str, float]:
    """B minus A: losses, and accuracies as shares; NaN where a side has no finite value."""
    return {key: getattr(b, key) - getattr(a, key) for key in _METRICS}


def _equal(a: EpochMetrics, b: EpochMetrics) -> bool:
    pairs = [(getattr(a, key), getattr(b, key)) for key in _METRICS]
    return all(x == y or (math.isnan(x) and math.isnan(y)) for x, y in pairs)
