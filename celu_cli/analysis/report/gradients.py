"""What a report says of gradients: fidelity measured while training, and checks that lie beside a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from celu_cli.check.measured import GradientCheck
from celu_cli.events import Fidelity
from celu_cli.runs.run import Run

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
    """The layers of a check, from the loss's side down."""
    columns = _check_columns(check.precision)
    rule = "" if check.rule == "exact" else f" ({check.rule})"
    caption = f"{check.case_name}: {check.method}{rule}, {check.precision}, {check.batch} images"
    notes = [
        "error, cosine, ratio: against the true gradient, of the weights and of the layer's output; declared: error "
        f"against what the rule says it computes; finite: of the truth against finite differences; {check.precision}: "
        "what rounding adds"
    ]
    return make_table(key, caption, Records(columns, records_of(columns, reversed(check.layers))), notes)


def _check_columns(precision: str) -> tuple[Column, ...]:
    """The columns of a layer of a check, as `celu check` has them."""

    def largest(name: str, heading: str, form: str, read: Callable[[Any], Sequence[float | None]]) -> Column:
        return Column(name, lambda layer: _largest(*read(layer)), heading, form, number=True)

    def both(part: str) -> Callable[[Any], list[float | None]]:
        return lambda of: [getattr(of, f"{part}_{side}").relative_error for side in ("weights", "output")]

    exact = [
        largest(f"{part}_{name}", f"{part}: {name}", form, _of_exact(part, field))
        for part in ("weights", "output")
        for name, field, form in (
            ("error", "relative_error", "{:.2g}"),
            ("cosine", "cosine", "{:.4f}"),
            ("ratio", "norm_ratio", "{:.3g}"),
        )
    ]
    return (
        Column("layer", lambda of: of.plan.number, "layer"),
        *exact,
        largest("declared_error", "declared", "{:.1g}", both("declared")),
        largest(
            "differences", "finite", "{:.1g}", lambda of: [of.weights_differences, of.output_differences]
        ),
        largest("trained_error", precision, "{:.1g}", both("trained")),
    )


def _of_exact(part: str, field: str) -> Callable[[Any], list[float | None]]:
    return lambda of: [getattr(getattr(of, f"exact_{part}"), field)]


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


def _largest(*errors: float | None) -> float | None:
    """The largest of those that are finite; None where none is."""
    return max((error for error in errors if error is not None and isfinite(error)), default=None)
