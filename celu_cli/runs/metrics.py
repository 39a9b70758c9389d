"""metrics.jsonl: one JSON object an epoch, appended and synced, so that a killed run keeps its epochs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from celu_cli.errors import RunError
from celu_cli.events import EpochMetrics, Epochs, Fidelity
from celu_cli.files import read_file, sync, write_whole
from celu_cli.text import json_text

METRICS_NAME = "metrics.jsonl"

_NAMES = [field.name for field in fields(EpochMetrics) if field.name != "fidelity"]
_TYPES = {"epoch": int, "time": str}  # all others are numbers
# What another version of celu may lack; without the others a line is no epoch.
_ABSENT: dict[str, Any] = {
    "learning_rate": math.nan,
    "dilated_rate": math.nan,
    "seconds": math.nan,
    "images_per_second": math.nan,
    "time": "",
}
_KINDS = [_TYPES.get(name, float) for name in _NAMES]


class EpochLine(NamedTuple):
    """An epoch, and the line it was read from, without its end."""

    metrics: EpochMetrics
    line: bytes


def append_metrics(run_path: Path, metrics: EpochMetrics) -> None:
    """Add one epoch. A line that an earlier process left torn is removed first."""
    path = run_path / METRICS_NAME
    with path.open("ab+") as file:
        file.seek(0)
        content = file.read()
        file.truncate(len(content) - len(_torn_tail(content)))
        file.write(_line(metrics))
        file.flush()
        sync(file.fileno())


def first_epochs(run_path: Path, least: int, most: int) -> list[EpochLine]:
    """The first `most` epochs, or as many as there are.

    Raises:
        RunError: the file cannot be read, or one of the first `least` epochs is missing.
    """
    path = run_path / METRICS_NAME
    first = [one for one in _read_lines(path) if one.metrics.epoch <= most]
    if [one.metrics.epoch for one in first] != list(range(1, len(first) + 1)) or len(first) < least:
        raise RunError(f"{path} lacks some of the epochs up to {least}, which the checkpoint continues")
    return first


def keep_metrics(run_path: Path, kept: Iterable[EpochLine]) -> None:
    """Drop all but `kept`, as when a run is resumed; what another version of celu wrote of an epoch stays as it is."""
    path = run_path / METRICS_NAME
    if path.exists():
        write_whole(path, b"".join(one.line + b"\n" for one in kept), synced=True)


def read_metrics(run_path: Path) -> Epochs:
    """All finished epochs in order; none when the file does not exist yet.

    A last line without its end of line is the trace of a kill and is left out. An epoch that comes again, as
    after resuming from an earlier checkpoint, replaces itself and all that followed.

    Raises:
        RunError: the file cannot be read, or a line is not an epoch.
    """
    return Epochs(one.metrics for one in _read_lines(run_path / METRICS_NAME))


def _read_lines(path: Path) -> list[EpochLine]:
    try:
        content = read_file(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    whole = content[: len(content) - len(_torn_tail(content))]
    epochs: list[EpochLine] = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            metrics = _parse(line)
        except ValueError as error:
            raise RunError(f"{path}, line {number}: not an epoch's metrics: {error}") from error
        while epochs and epochs[-1].metrics.epoch >= metrics.epoch:
            epochs.pop()
        epochs.append(EpochLine(metrics, line))
    return epochs


def _line(metrics: EpochMetrics) -> bytes:
    values = asdict(metrics)
    if not metrics.fidelity:
        del values["fidelity"]
    return f"{json_text(values, indent=None)}\n".encode()


def _torn_tail(content: bytes) -> bytes:
    return content[content.rfind(b"\n") + 1 :]


def _parse(line: bytes) -> EpochMetrics:
    try:
        values = from_json(line)
    except ValueError:
        values = json.loads(line)  # slower, but it says what is wrong within one line of many
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    measured = tuple(_parse_fidelity(entry) for entry in values.pop("fidelity", ()))
    in_order: list[Any] = [values.get(name) for name in _NAMES]
    if [type(value) for value in in_order] != _KINDS:  # rare: null, a whole number, or wrong
        in_order = [_value(values, name) for name in _NAMES]
    return EpochMetrics(*[*in_order, measured])  # fidelity is the last field


def _parse_fidelity(entry: Any) -> Fidelity:
    try:
        cosine, norm_ratio = (
            tuple(math.nan if value is None else float(value) for value in entry[key])
            for key in ("cosine", "norm_ratio")
        )
        return Fidelity(int(entry["step"]), cosine, norm_ratio)
    except (KeyError, TypeError) as error:
        raise ValueError(f"fidelity is {entry!r}") from error


def _value(values: dict[str, Any], key: str) -> Any:
    if key not in values:
        if key in _ABSENT:
            return _ABSENT[key]
        raise ValueError(f"{key} is missing")
    value = values[key]
    kind = _TYPES.get(key)
    if kind is None:
        if value is None:
            return math.nan
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    elif isinstance(value, kind):
        return value
    raise ValueError(f"{key} is {value!r}")
