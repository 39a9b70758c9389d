"""What a report tells of gradients: fidelity measured while training, and checks that lie beside a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any

from celu_cli.analysis.report.curves import shorts
from celu_cli.analysis.report.tables import Column, Table, make_table, number, text
from celu_cli.case.cost import split_sizes
from celu_cli.check.measured import Deviation, GradientCheck
from celu_cli.events import Fidelity
from celu_cli.runs.run import Run

_POINTS = 12_000  # of all runs together, so that the page stays small
_LEAST_POINTS = 12


@dataclass(frozen=True)
class FidelityRow:
    """A layer's gradient in use against the exact one, over all measurements of a run."""

    run: str
    layer: int
    measurements: int
    mean_cosine: float | None
    smallest_cosine: float | None
    smallest_ratio: float | None
    largest_ratio: float | None


@dataclass(frozen=True)
class CheckRow:
    """A layer of a gradient check, with the fields that `celu check` shows."""

    layer: int
    weights_error: float | None
    weights_cosine: float | None
    weights_ratio: float | None
    output_error: float | None
    output_cosine: float | None
    output_ratio: float | None
    declared_error: float | None
    differences: float | None
    trained_error: float | None


def fidelity_of(runs: Sequence[Run]) -> tuple[Table, list[dict[str, Any]]]:
    """A table of the layers of every run that measured fidelity, and the measurements to draw, thinned where many."""
    measured = {run.name: _measurements(run) for run in runs if any(epoch.fidelity for epoch in run.metrics)}
    most = max(_LEAST_POINTS, _POINTS // max(1, len(measured)))
    drawn = [_drawn(name, points, most) for name, points in measured.items()]
    rows = [row for name, points in measured.items() for row in _layer_rows(name, points)]
    columns = (
        Column("run", "run", text("run")),
        Column("layer", "layer", text("layer"), number=True),
        Column("measured", "measurements", text("measurements"), number=True),
        Column("mean cosine", "mean_cosine", number("mean_cosine"), number=True),
        Column("smallest", "smallest_cosine", number("smallest_cosine"), number=True),
        Column("norm ratio from", "smallest_ratio", number("smallest_ratio", "{:.3g}"), number=True),
        Column("to", "largest_ratio", number("largest_ratio", "{:.3g}"), number=True),
    )
    notes = [
        "cosine: 1 where the gradient in use points the way of the exact one; norm ratio: its size over the exact one's"
    ]
    return make_table("fidelity", "Fidelity of the gradient, by layer", columns, rows, notes), drawn


def check_table(key: str, check: GradientCheck) -> Table:
    """The layers of a check, from the loss's side down."""
    rows = [
        CheckRow(
            layer.plan.number,
            *_three(layer.exact_weights),
            *_three(layer.exact_output),
            _largest(layer.declared_weights.relative_error, layer.declared_output.relative_error),
            _largest(layer.weights_differences, layer.output_differences),
            _largest(layer.trained_weights.relative_error, layer.trained_output.relative_error),
        )
        for layer in reversed(check.layers)
    ]
    columns = (
        Column("layer", "layer", text("layer")),
        Column("weights: error", "weights_error", number("weights_error", "{:.2g}"), number=True),
        Column("weights: cosine", "weights_cosine", number("weights_cosine"), number=True),
        Column("weights: ratio", "weights_ratio", number("weights_ratio", "{:.3g}"), number=True),
        Column("output: error", "output_error", number("output_error", "{:.2g}"), number=True),
        Column("output: cosine", "output_cosine", number("output_cosine"), number=True),
        Column("output: ratio", "output_ratio", number("output_ratio", "{:.3g}"), number=True),
        Column("declared", "declared_error", number("declared_error", "{:.1g}"), number=True),
        Column("finite", "differences", number("differences", "{:.1g}"), number=True),
        Column(check.precision, "trained_error", number("trained_error", "{:.1g}"), number=True),
    )
    rule = "" if check.rule == "exact" else f" ({check.rule})"
    caption = f"{check.case_name}: {check.method}{rule}, {check.precision}, {check.batch} images"
    notes = [
        "error, cosine, ratio: against the true gradient, of the weights and of the layer's output; declared: error "
        f"against what the rule says it computes; finite: of the truth against finite differences; {check.precision}: "
        "what rounding adds"
    ]
    return make_table(key, caption, columns, rows, notes)


def _measurements(run: Run) -> list[tuple[float, Fidelity]]:
    """Each measurement with its place on the axis of epochs."""
    steps = ceil(split_sizes(run.case)[0] / run.case.batch_size)
    return [
        (epoch.epoch - 1 + (entry.step - 1) / steps, entry)
        for epoch in run.metrics
        for entry in epoch.fidelity
    ]


def _drawn(name: str, points: Sequence[tuple[float, Fidelity]], most: int) -> dict[str, Any]:
    every = ceil(len(points) / most)
    kept = points[::every]
    layers = range(min(len(entry.cosine) for _, entry in kept))
    return {
        "run": name,
        "every": every,
        "epochs": [round(place, 4) for place, _ in kept],
        "cosine": [shorts(entry.cosine[layer] for _, entry in kept) for layer in layers],
        "norm_ratio": [shorts(entry.norm_ratio[layer] for _, entry in kept) for layer in layers],
    }


def _layer_rows(name: str, points: Sequence[tuple[float, Fidelity]]) -> Iterator[FidelityRow]:
    for layer in range(min(len(entry.cosine) for _, entry in points)):
        cosines = [entry.cosine[layer] for _, entry in points if isfinite(entry.cosine[layer])]
        ratios = [entry.norm_ratio[layer] for _, entry in points if isfinite(entry.norm_ratio[layer])]
        yield FidelityRow(
            name,
            layer + 1,
            len(points),
            sum(cosines) / len(cosines) if cosines else None,
            min(cosines, default=None),
            min(ratios, default=None),
            max(ratios, default=None),
        )


def _three(found: Deviation) -> tuple[float | None, float | None, float | None]:
    return _largest(found.relative_error), _largest(found.cosine), _largest(found.norm_ratio)


def _largest(*errors: float | None) -> float | None:
    """The largest of those that are finite; None where none is."""
    return max((error for error in errors if error is not None and isfinite(error)), default=None)
