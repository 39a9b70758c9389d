"""The activations of a report's cases: values and derivatives to draw, and what their derivative does at 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from celu_cli.analysis.compare.columns import Column, Record, Records, View, records_of
from celu_cli.analysis.plots.activation_curves import ActivationCurve, measure_activation
from celu_cli.analysis.plots.style import LINE_MARKS, look_of
from celu_cli.analysis.report.curves import shorts
from celu_cli.analysis.report.tables import Table, make_table
from celu_cli.case.activations import activation_label, alpha_rule
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.check.activations import PLAIN_ACTIVATIONS, Array

_EVERY = 10  # of a curve's points: enough for a screen
_BESIDE_ZERO = 1e-9  # where the two ends of a jump are drawn
_MOST_DRAWN = 21


def activations_of(cases: Iterable[tuple[str, Case]]) -> tuple[Table, dict[str, Any]]:
    """A table of the activations that the labelled `cases` use, and their curves for drawing.

    One of the user's own is code that only a training runs, so it is named but not drawn.
    """
    used: dict[tuple[str, float | None], list[str]] = {}
    for label, case in cases:
        for key in dict.fromkeys(_activations(case)):
            used.setdefault(key, []).append(label)
    known = [key for key in used if key[0] in PLAIN_ACTIVATIONS][:_MOST_DRAWN]
    curves = {(name, alpha): _measure(name, alpha) for name, alpha in known}
    uses = [_Use(*key, curves.get(key), labels) for key, labels in used.items()]
    table = make_table("activations", "Formulas", Records(_COLUMNS, records_of(_COLUMNS, uses)))
    drawn = [_drawn(curve, number) for number, curve in enumerate(curves.values())]
    x = next(
        (_with_zero(curve.x, -_BESIDE_ZERO, 0.0, _BESIDE_ZERO, curve.x) for curve in curves.values()), []
    )
    return table, {"x": x, "curves": drawn}


def _activations(case: Case) -> Iterator[tuple[str, float | None]]:
    for layer in plan_network(case).layers:
        yield layer.activation, None if alpha_rule(layer.activation) is None else layer.alpha


def _measure(name: str, alpha: float | None) -> ActivationCurve:
    plain, factor = PLAIN_ACTIVATIONS[name], 1.0 if alpha is None else alpha
    return measure_activation(
        name, alpha, plain.formula, lambda x: plain.value(x, factor), lambda x: plain.derivative(x, factor)
    )


def _at_zero(record: Record) -> str:
    left, right = record["left"], record["right"]
    if left is None or right is None:
        return "not drawn"
    # The limits are taken a little beside 0, where a bend shows in the last digits.
    same = abs(left - right) <= 1e-6 * max(1.0, abs(left))
    return "continuous" if same else f"jumps from {left:.4g} to {right:.4g}"


def _note_on_missing(rows: Sequence[Record], _view: View) -> Iterator[str]:
    if any(row["left"] is None for row in rows):
        yield (
            f"not drawn: one from a Python file, which only a training runs, or beyond the first {_MOST_DRAWN}; "
            "celu activations draws any"
        )


@dataclass(frozen=True)
class _Use:
    """An activation with its alpha, the labels of the cases that use it, and its curve where it is drawn."""

    activation: str
    alpha: float | None
    curve: ActivationCurve | None
    labels: Sequence[str]


_COLUMNS = (
    Column("activation", lambda of: activation_label(of.activation), "activation"),
    Column("alpha", lambda of: of.alpha, "alpha", "{:g}", number=True),
    Column("formula", lambda of: of.curve.formula if of.curve else "", "formula"),
    Column(
        "left",
        lambda of: getattr(of.curve, "left", None),
        "derivative at 0",
        text=_at_zero,
        note=_note_on_missing,
    ),
    Column("right", lambda of: getattr(of.curve, "right", None)),
    Column("cases", lambda of: ", ".join(of.labels), "cases"),
)


def _drawn(curve: ActivationCurve, place: int) -> dict[str, Any]:
    look = look_of(place)
    at_zero = np.nan if curve.jumps else curve.at_zero
    value = float(curve.value[curve.x == 0.0][0])
    return {
        "label": curve.label if curve.alpha is None else f"{curve.label}, alpha {curve.alpha:g}",
        "colour": [look.colour, look.on_dark],
        "mark": LINE_MARKS.index(look.mark),
        "value": _with_zero(curve.value, value, value, value, curve.x),
        "derivative": _with_zero(curve.derivative, curve.left, at_zero, curve.right, curve.x),
    }


def _with_zero(values: Array, left: float, middle: float, right: float, x: Array) -> list[float | None]:
    """Every so many of `values`, with three at 0: just left of it, at it and just right of it."""
    thinned, places = values[::_EVERY], x[::_EVERY]
    return shorts([*thinned[places < 0], left, middle, right, *thinned[places > 0]])
