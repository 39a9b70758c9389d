"""The curves of the report, as short as JSON allows: rounded, and no number said twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from celu_cli.analysis.compare.bands import Measure, Phase, band_of, time_unit
from celu_cli.analysis.compare.groups import Group
from celu_cli.analysis.plots.labels import label_groups
from celu_cli.analysis.plots.style import LINE_MARKS, Look
from celu_cli.runs.published import read_published
from celu_cli.runs.run import Run
from celu_cli.text import counted

METRICS: tuple[tuple[str, Phase, Measure], ...] = (
    ("train_accuracy", "train", "accuracy"),
    ("test_accuracy", "test", "accuracy"),
    ("train_loss", "train", "loss"),
    ("test_loss", "test", "loss"),
)
_DIGITS = 6  # as many as the published logs have
_SAID = 12


def curves_of(runs: Sequence[Run], groups: Sequence[Group]) -> dict[str, Any]:
    """Everything that is drawn over epochs and time; `runs` are known by their place.

    A colour is one for white and one for a dark page, a mark a place in `LINE_MARKS`. A group of one run has no curves
    of its own.

    Raises:
        RunError: a published curve cannot be read.
    """
    places = {run.path: place for place, run in enumerate(runs)}
    published = {curve.name: curve for group in groups if (curve := read_published(group.case)) is not None}
    longest = max((run.metrics.seconds for run in runs), default=0.0)
    unit, seconds = time_unit(longest)
    return {
        "groups": [
            _group(group, label, look, places)
            for group, (label, look) in zip(groups, label_groups(groups), strict=True)
        ],
        "runs": [_run(run) for run in runs],
        "published": {
            name: {
                "epochs": [epoch.epoch for epoch in curve.epochs],
                **{key: shorts(getattr(epoch, key) for epoch in curve.epochs) for key, *_ in METRICS},
            }
            for name, curve in published.items()
        },
        "time": {"unit": unit, "seconds": seconds},
    }


def describe_curves(curves: dict[str, Any], measure: Measure) -> str:
    """What a reader who sees no picture of `curves` should know: where they end."""
    parts = []
    for group in curves["groups"]:
        found = _drawn(curves, group)
        if found is None:
            continue
        last = found["epochs"] if isinstance(found["epochs"], int) else found["epochs"][-1]
        test, train = (_end(found[f"{phase}_{measure}"]) for phase in ("test", "train"))
        parts.append(f"{group['label']} {test} test and {train} train after {counted(last, 'epoch')}")
    if not parts:
        return "No run has finished an epoch, so there is no curve."
    more = [f"and {counted(len(parts) - _SAID, 'more case')}"] if len(parts) > _SAID else []
    return f"Where the curves of {measure} end: {'; '.join([*parts[:_SAID], *more])}."


def shorts(values: Iterable[float]) -> list[float | None]:
    """Each of `values` with as many digits as a curve needs; None for what is not finite."""
    return [float(f"{value:.{_DIGITS}g}") if isfinite(value) else None for value in values]


def _group(group: Group, short_label: str, look: Look, places: Mapping[Path, int]) -> dict[str, Any]:
    # Those that count, or where none does, all; each with an epoch.
    runs = [run for run in group.counted or group.runs if run.metrics]
    published = read_published(group.case)
    found: dict[str, Any] = {
        "label": group.label,
        "short": short_label,
        "colour": [look.colour, look.on_dark],
        "mark": LINE_MARKS.index(look.mark),
        "state": "" if group.counted or not runs else runs[-1].status,
        "runs": [places[run.path] for run in group.runs],
        "drawn": [places[run.path] for run in runs],
        "published": published.name if published else None,
    }
    if len(runs) > 1:
        bands = {key: band_of(runs, phase, measure) for key, phase, measure in METRICS}
        first = bands["test_accuracy"]
        found |= {"epochs": _epochs(first.epochs), "seconds": shorts(first.seconds)}
        found |= {
            key: [shorts(band.mean), shorts(band.low), shorts(band.high)] for key, band in bands.items()
        }
    return found


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "case": run.case.name,
        "seed": run.case.seed,
        "status": run.status,
        "epochs": _epochs([epoch.epoch for epoch in run.metrics]),
        "seconds": [round(epoch.seconds, 2) if isfinite(epoch.seconds) else None for epoch in run.metrics],
        **{key: shorts(getattr(epoch, key) for epoch in run.metrics) for key, *_ in METRICS},
    }


def _epochs(epochs: Sequence[int]) -> int | list[int]:
    """The number of epochs where they count from 1 without a gap, otherwise the epochs themselves."""
    return len(epochs) if list(epochs) == list(range(1, len(epochs) + 1)) else list(epochs)


def _drawn(curves: dict[str, Any], group: dict[str, Any]) -> dict[str, Any] | None:
    """What has the curves of a group: itself, or its one run; None where they have no epoch."""
    found = group if "epochs" in group else next((curves["runs"][place] for place in group["drawn"]), None)
    return found if found and found["epochs"] else None


def _end(curve: list[Any]) -> str:
    """The last value of a run's curve, or of a group's mean, which stands before its band."""
    values = curve[0] if isinstance(curve[0], list) else curve
    return "not finite" if values[-1] is None else f"{values[-1]:.4f}"
