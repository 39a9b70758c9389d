"""What differs between two runs beside their cases: code, environment, data, start and metrics."""

from __future__ import annotations

from collections.abc import Iterator

from celu_cli.analysis.why.changes import Change, Effect, Value
from celu_cli.analysis.why.settings import part_settings
from celu_cli.case.schema import Case
from celu_cli.runs.manifest import Manifest
from celu_cli.runs.run import Run

_ROUNDING = "other versions or processors round differently: not a likely cause"


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
    same_data = part_settings(a.case)["dataset"] == part_settings(b.case)["dataset"]
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


def _case(side: Case | Run) -> Case:
    return side.case if isinstance(side, Run) else side
