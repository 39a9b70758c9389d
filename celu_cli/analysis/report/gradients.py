"""What a report says of gradients: fidelity measured while training, and checks that lie beside a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, isfinite
from statistics import fmean
from typing import Any

from celu_cli.analysis.compare.columns import Column, Records, records_of
from celu_cli.analysis.plots.run_plots import measurements
from celu_cli.analysis.plots.style import LINE_MARKS, ordered_looks
from celu_cli.analysis.report.curves import shorts
from celu_cli.analysis.report.tables import Table, make_table
from celu_cli.check.measured import Deviation, GradientCheck, Kind, Station, stations
from celu_cli.events import Fidelity
from celu_cli.runs.run import Run
from celu_cli.text import counted

_POINTS = 12_000  # of all runs together, so that the page stays small
_LEAST_POINTS = 12


@dataclass(frozen=True)
class _Layer:
    """A layer's gradient in use against the exact one: the finite values of all `measurements` of a run."""

    run: str
    number: int
    measurements: int
    cosines: list[float]
    ratios: list[float]


_number = partial(Column, number=True)
_FIDELITY_COLUMNS = (
    Column("run", lambda of: of.run, "run"),
    _number("layer", lambda of: of.number, "layer"),
    _number("measurements", lambda of: of.measurements, "measured"),
    _number("mean_cosine", lambda of: fmean(of.cosines) if of.cosines else None, "mean cosine", "{:.4f}"),
    _number("smallest_cosine", lambda of: min(of.cosines, default=None), "smallest", "{:.4f}"),
    _number("smallest_ratio", lambda of: min(of.ratios, default=None), "norm ratio from", "{:.3g}"),
    _number("largest_ratio", lambda of: max(of.ratios, default=None), "to", "{:.3g}"),
)
_FIDELITY_NOTES = (
    "cosine: 1 where the gradient in use has the direction of the exact one",
    "norm ratio: its size divided by the exact one's",
)


def fidelity_of(runs: Sequence[Run]) -> tuple[Table, list[dict[str, Any]]]:
    """A table of the layers of every run that measured fidelity, and the measurements to draw, thinned where many."""
    measured = {run.name: measurements(run) for run in runs if any(epoch.fidelity for epoch in run.metrics)}
    most = max(_LEAST_POINTS, _POINTS // max(1, len(measured)))
    drawn = [_drawn(name, points, most) for name, points in measured.items()]
    layers = [layer for name, points in measured.items() for layer in _layers(name, points)]
    records = Records(_FIDELITY_COLUMNS, records_of(_FIDELITY_COLUMNS, layers))
    return make_table("fidelity", "Fidelity of the gradient, by layer", records, _FIDELITY_NOTES), drawn


def check_table(key: str, check: GradientCheck) -> Table:
    """The gradient's way from the loss down, as `celu check` shows it."""
    columns = _check_columns(check.precision)
    rule = "" if check.rule == "exact" else f" ({check.rule})"
    caption = f"{check.case_name}: {check.method}{rule}, {check.precision}, {counted(check.batch, 'image')}"
    notes = [
        "error, cosine, ratio: against the true gradient, of the layer's weights and of what it passes down to the "
        "layer below; declared: error against what the rule says it computes; finite: of the truth against finite "
        f"differences; {check.precision}: what rounding adds"
    ]
    return make_table(key, caption, Records(columns, records_of(columns, stations(check))), notes)


def _check_columns(precision: str) -> tuple[Column, ...]:
    """The columns of a stop of a check, as `celu check` has them."""

    def of_exact(part: str, at: Callable[[Station], Deviation | None]) -> Iterator[Column]:
        for heading, field, form in (
            ("error", "relative_error", "{:.2g}"),
            ("cosine", "cosine", "{:.4f}"),
            ("ratio", "norm_ratio", "{:.3g}"),
        ):
            value = partial(_value, at, field)
            yield _number(f"{part.replace(' ', '_')}_{heading}", value, f"{part}: {heading}", form)

    def largest(name: str, heading: str, kind: Kind) -> Column:
        return _number(name, lambda of: _largest(of.errors(kind)), heading, "{:.1g}")

    return (
        _number("layer", lambda of: of.layer.number if of.layer else "loss", "layer"),
        *of_exact("weights", lambda of: of.layer.exact_weights if of.layer else None),
        *of_exact("passed down", lambda of: of.below.exact_output if of.below else None),
        largest("declared_error", "declared", "declared"),
        largest("differences", "finite", "differences"),
        largest("trained_error", precision, "trained"),
    )


def _drawn(name: str, points: Sequence[tuple[float, Fidelity]], most: int) -> dict[str, Any]:
    every = ceil(len(points) / most)
    kept = points[::every]
    layers = range(min(len(entry.cosine) for _, entry in kept))
    return {
        "run": name,
        "every": every,
        "looks": [
            {"colour": [look.colour, look.on_dark], "mark": LINE_MARKS.index(look.mark)}
            for look in ordered_looks(len(layers))
        ],
        "epochs": [round(place, 4) for place, _ in kept],
        "cosine": [shorts(entry.cosine[layer] for _, entry in kept) for layer in layers],
        "norm_ratio": [shorts(entry.norm_ratio[layer] for _, entry in kept) for layer in layers],
    }


def _layers(name: str, points: Sequence[tuple[float, Fidelity]]) -> Iterator[_Layer]:
    for layer in range(min(len(entry.cosine) for _, entry in points)):
        cosines = [entry.cosine[layer] for _, entry in points if isfinite(entry.cosine[layer])]
        ratios = [entry.norm_ratio[layer] for _, entry in points if isfinite(entry.norm_ratio[layer])]
        yield _Layer(name, layer + 1, len(points), cosines, ratios)


def _value(at: Callable[[Station], Deviation | None], field: str, station: Station) -> float | None:
    return _largest([getattr(at(station), field, None)])


def _largest(errors: Iterable[float | None]) -> float | None:
    """The largest of those that are finite; None where none is."""
    return max((error for error in errors if error is not None and isfinite(error)), default=None)
