"""What differs between two runs beside their cases: code, environment and data, also of what resumed them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from celu_cli.analysis.why.changes import Change, Value
from celu_cli.case.settings import part_settings
from celu_cli.runs.manifest import NOT_RECORDED, UNSET, Manifest, Resumption
from celu_cli.runs.run import Run
from celu_cli.text import counted

ACTIVATION_CODE = "code of the activation"
_ROUNDING = "other versions or processors round differently: not a likely cause"
_ORDER = "sums are added up in another order, which rounds differently: not a likely cause"


def run_changes(a: Run, b: Run) -> list[Change]:
    """What run.json says of code, environment and data, where the two differ.

    Where a run was resumed with another version or on another machine, its value says from which epoch on.
    """
    return [*_code_changes(a.manifest, b.manifest), *_environment_changes(a, b)]


def shared_conditions(a: Run, b: Run) -> list[str]:
    """What code, environment and data the two have in common, a few words each."""
    ours, theirs = list(_conditions(a.manifest)), list(_conditions(b.manifest))
    return [condition for condition in ours if condition in theirs]


def _recorded(manifest: Manifest, read: Callable[[Manifest | Resumption], Any]) -> Any:
    """What `read` finds; where that changed when the run was resumed, each value in turn: ``8; from epoch 3: 4``."""
    found = [("", read(manifest))]
    for resumption in manifest.resumed:
        if (value := read(resumption)) != found[-1][1]:
            step = f"step {resumption.step + 1} of " if resumption.step else ""
            found.append((f"from {step}epoch {resumption.epoch}: ", value))
    if len(found) == 1:
        return found[0][1]
    return "; ".join(place + (NOT_RECORDED if value is None else str(value)) for place, value in found)


def _carried(manifest: Manifest, read: Callable[[Manifest | Resumption], Any]) -> Any:
    """As `_recorded`; what a resumption does not have is taken to be as before."""
    latest: Any = None

    def read_or_keep(process: Manifest | Resumption) -> Any:
        nonlocal latest
        value = read(process)
        latest = latest if value is None else value
        return latest

    return _recorded(manifest, read_or_keep)


def _version(manifest: Manifest, package: str) -> Any:
    return _carried(manifest, lambda process: process.versions.get(package))


def _host(manifest: Manifest) -> Any:
    """As `_recorded`; where an older celu put the last process in the place of the first, its host is not recorded."""
    if {process.host for process in manifest.resumed} <= {manifest.host}:
        return manifest.host
    last = manifest.process
    replaced = (manifest.pid, manifest.host) == (last.pid, last.host)
    return _recorded(manifest, lambda process: None if replaced and process is manifest else process.host)


def with_code_of(changes: Sequence[Change]) -> list[Change]:
    """`changes`, the code of an activation joined to the change that names another file: one brings the other."""
    code = next((change for change in changes if change.name == ACTIVATION_CODE), None)
    named = next((change for change in changes if any(map(_names_another_file, change.values))), None)
    if code is None or named is None:
        return list(changes)
    joined = replace(named, values=(*named.values, *code.values))
    return [joined if change is named else change for change in changes if change is not code]


def _names_another_file(value: Value) -> bool:
    ours, theirs = (set(re.findall(r"[^'\"]+\.py:\w+", str(side))) for side in (value.a, value.b))
    return ours != theirs


def _code_changes(a: Manifest, b: Manifest) -> Iterator[Change]:
    versions = Value("celu", _version(a, "celu"), _version(b, "celu"))
    commit = Value("git_commit", *(_recorded(one, lambda process: process.git_commit) for one in (a, b)))
    differing = tuple(value for value in (versions, commit) if value.a != value.b)
    if differing:
        known = all(side and NOT_RECORDED not in side for value in differing for side in (value.a, value.b))
        note = "" if known else "one of the two is not recorded, so the code may be the same or not"
        yield Change("code of celu", "result", differing, note)
    elif commit.a is not None and "+dirty" in commit.a:
        note = "the commit is the same, but both had changes that were not committed: the code may differ"
        yield Change("code of celu", "result", (commit,), note)
    hashes = Value("code", _code_hashes(a), _code_hashes(b))
    if hashes.a != hashes.b:
        yield Change(ACTIVATION_CODE, "result", (hashes,))


def _code_hashes(manifest: Manifest) -> str:
    """The start of each file's hash: the same file may lie in different places."""
    return ", ".join(sorted(digest[:12] for digest in manifest.code.values())) or "none"


def _environment_changes(a: Run, b: Run) -> Iterator[Change]:
    same_data = part_settings(a.case)["dataset"] == part_settings(b.case)["dataset"]
    same_arrays = "whatever the source, the arrays have the same SHA-256" if same_data else ""
    conditions: list[tuple[str, str, str, Callable[[Manifest], Any]]] = [
        ("tensorflow", "tensorflow", _ROUNDING, lambda one: _version(one, "tensorflow")),
        ("numpy", "numpy", _ROUNDING, lambda one: _version(one, "numpy")),
        ("processor", "cpu_model", _ROUNDING, lambda one: _recorded(one, lambda at: at.cpu_model)),
        ("threads", "cpu_threads", _ORDER, lambda one: _recorded(one, lambda at: at.cpu_threads)),
        ("shares of a batch", "shares", _ORDER, lambda one: one.shares),
        ("cores", "cores", "", lambda one: _carried(one, lambda at: at.cores)),
        ("python", "python", "", lambda one: _version(one, "python")),
        ("host", "host", "", _host),
        ("data source", "dataset_source", same_arrays, lambda one: one.dataset_source),
    ]
    for name, key, note, read in conditions:
        value = Value(key, read(a.manifest), read(b.manifest))
        if key == "shares" and a.case.shares != b.case.shares:
            continue  # a change of the case, not of the machine
        # An older celu recorded no cores and no shares.
        if value.a != value.b and (key not in ("cores", "shares") or None not in (value.a, value.b)):
            yield Change(name, "rounding" if note in (_ROUNDING, _ORDER) else "none", (value,), note)
    names = sorted({*_variables(a.manifest), *_variables(b.manifest)})
    variables = [Value(name, _variable(a.manifest, name), _variable(b.manifest, name)) for name in names]
    # An older celu recorded none.
    if differing := tuple(one for one in variables if one.a != one.b and None not in (one.a, one.b)):
        yield Change("environment variables", "rounding", differing, _ROUNDING)
    if same_data:
        pairs = [
            Value(key, getattr(a.manifest, key), getattr(b.manifest, key))
            for key in ("train_images", "test_images")
        ]
        if differing := tuple(one for one in pairs if None not in (one.a, one.b) and one.a != one.b):
            yield Change("number of images", "result", differing)


def _variables(manifest: Manifest) -> list[str]:
    """The names of the variables that were set for any of the run's processes."""
    processes: tuple[Manifest | Resumption, ...] = (manifest, *manifest.resumed)
    return sorted({name for process in processes for name in process.environment or ()})


def _variable(manifest: Manifest, name: str) -> Any:
    def read(process: Manifest | Resumption) -> str | None:
        return None if process.environment is None else process.environment.get(name, UNSET)

    return _carried(manifest, read)


def _conditions(manifest: Manifest) -> Iterator[str]:
    for package in manifest.versions:
        yield f"{package} {_version(manifest, package)}"
    if commit := _recorded(manifest, lambda process: _short(process.git_commit)):
        yield f"commit {commit}"
    yield _recorded(manifest, lambda process: process.cpu_model)
    yield _recorded(
        manifest,
        lambda process: (
            counted(process.cpu_threads, "thread") if process.cpu_threads else f"{NOT_RECORDED} threads"
        ),
    )
    if manifest.shares is not None:
        yield f"a batch in {counted(manifest.shares, 'share')}"
    for name in _variables(manifest):
        yield f"{name}={_variable(manifest, name)}"
    yield f"host {_host(manifest)}"
    if manifest.train_images is not None and manifest.test_images is not None:
        yield f"{manifest.train_images:,} train and {manifest.test_images:,} test images"
    if manifest.dataset_source:
        yield f"data from {manifest.dataset_source}"


def _short(commit: str | None) -> str | None:
    return commit and commit[:12] + ("+dirty" if commit.endswith("+dirty") else "")
