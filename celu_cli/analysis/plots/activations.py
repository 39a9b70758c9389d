"""The figure of `celu activations`: each function above its derivative, side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from celu_cli.analysis.plots.activation_curves import HIGH, LOW, ActivationCurve
from celu_cli.analysis.plots.style import COLOURS, GREY, save_figure
from celu_cli.check.activations import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_TITLES = {"leaky_relu": "Leaky ReLU", "relu": "ReLU", "silu": "SiLU"} | {
    name: name.upper() for name in ("celu", "elu", "selu", "gelu")
}
_SIGNS = {"alpha": r"$\alpha$", "Phi": r"$\Phi$", ">=": "≥", "<=": "≤", " - ": r" $-$ "}
_INK = "#222222"
_Style: TypeAlias = tuple[str, str | tuple[int, tuple[float, ...]]]
_DASHES = ((5, 1.5), (6, 1.5, 1, 1.5), (1.5, 1), (3, 1, 1, 1, 1, 1), (8, 2))
_STYLES: tuple[_Style, ...] = tuple(
    zip(COLOURS, ("solid", *((0, dashes) for dashes in _DASHES)), strict=False)
)
_MOST_COLUMNS = 4
_PANEL_WIDTH = 3.3  # inches
_BAND_HEIGHT = 4.9
_MARGIN = 0.06  # of the range of values
_SAME = 1e-9
_DIFFERENCES = "wrong; dashed: finite differences of $f$"
_NOT_FINITE = "wrong: NaN or infinite, as at $x$ = {:.3g}"


def draw_activations(curves: Sequence[ActivationCurve], path: Path, file_format: str) -> None:
    """Draw `curves`, those of one label (one activation with several alphas) in one pair of panels.

    Raises:
        RunError: the file cannot be written.
    """
    save_figure(lambda: activation_figure(curves), path, file_format)


def activation_figure(curves: Sequence[ActivationCurve]) -> Figure:
    """Each function above its derivative, at most four side by side, all to one scale."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    groups: dict[str, list[ActivationCurve]] = {}
    for curve in curves:
        groups.setdefault(curve.label, []).append(curve)
    alphas = sorted({curve.alpha or 0.0 for group in groups.values() if len(group) > 1 for curve in group})
    columns = min(len(groups), _MOST_COLUMNS)
    bands = ceil(len(groups) / columns)
    figure = Figure(
        figsize=(_PANEL_WIDTH * columns + 0.4, _BAND_HEIGHT * bands),
        layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.06),
    )
    grid = figure.subplots(2 * bands, columns, sharex=True, squeeze=False, height_ratios=[1.15, 1.0] * bands)
    value_limits = _limits([curve.value for curve in curves])
    true_slopes = [curve.differences for curve in curves if curve.contradicted]
    slope_limits = _limits([curve.derivative for curve in curves] + true_slopes)
    pairs = [pair for band in range(bands) for pair in zip(grid[2 * band], grid[2 * band + 1], strict=True)]
    for (upper, lower), group in zip_longest(pairs, groups.values()):
        if group is None:
            upper.remove()
            lower.remove()
            continue
        styles = _styles(group, alphas)
        _draw_values(upper, group, styles)
        _draw_derivatives(lower, group, styles)
        _prepare(upper, value_limits)
        _prepare(lower, slope_limits)
        lower.set_xlabel("$x$")
        lower.tick_params(labelbottom=True)
    for upper, lower in pairs[::columns]:
        upper.set_ylabel("$f(x)$")
        lower.set_ylabel("$f\\,'(x)$")
    return figure


def _limits(values: Sequence[Array]) -> tuple[float, float]:
    finite = np.concatenate([one[np.isfinite(one)] for one in values])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    margin = _MARGIN * ((high - low) or 1.0)
    return low - margin, high + margin


def _prepare(axes: Axes, limits: tuple[float, float]) -> None:
    axes.set_xlim(LOW, HIGH)
    axes.set_ylim(*limits)
    axes.axvline(0.0, color=GREY, linewidth=0.6, zorder=1)
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=1)


def _draw_values(axes: Axes, group: Sequence[ActivationCurve], styles: Sequence[_Style]) -> None:
    first = group[0]
    title = _TITLES.get(first.label, _literal(first.label))
    if len(group) == 1 and first.alpha is not None:
        title += rf", $\alpha$ = {first.alpha:g}"
    axes.set_title(f"{title}\n", loc="left", fontsize=12, fontweight="bold", color=_INK)
    axes.text(0, 1.03, _typeset(first.formula), transform=axes.transAxes, fontsize=8.5, color=GREY)
    _draw_lines(axes, group, styles, [np.interp(_split_x(curve.x), curve.x, curve.value) for curve in group])
    if len(group) > 1:
        axes.legend(
            loc="upper left",
            frameon=False,
            handlelength=2.6,
            borderaxespad=0.2,
            labelspacing=0.3,
            labelcolor=_INK,
        )


def _draw_derivatives(axes: Axes, group: Sequence[ActivationCurve], styles: Sequence[_Style]) -> None:
    _draw_lines(axes, group, styles, [_split(curve, curve.derivative) for curve in group])
    x = _split_x(group[0].x)
    for curve in group:
        if curve.contradicted:
            differences = np.interp(x, curve.x, curve.differences)
            axes.plot(x, differences, color=_INK, linestyle="--", linewidth=1.3, zorder=5)
    notes = [_NOT_FINITE.format(at) for curve in group if (at := curve.not_finite_at) is not None]
    if any(curve.contradicted for curve in group):
        notes.insert(0, _DIFFERENCES)
    for note in notes[:1]:
        axes.text(0, 1.03, note, transform=axes.transAxes, fontsize=8.5, color=_INK)
    for curve, (colour, _) in zip(group, styles, strict=True):
        if curve.jumps:
            _mark_jump(axes, curve, colour, [other for other in group if other is not curve])


def _draw_lines(
    axes: Axes, group: Sequence[ActivationCurve], styles: Sequence[_Style], lines: Sequence[Array]
) -> None:
    """Each curve in its own style; the stretch that all of them share once, in black."""
    x = _split_x(group[0].x)
    shared = np.ptp(np.stack(lines), axis=0) <= _SAME if len(group) > 1 else np.zeros(x.shape, bool)
    inside = shared & np.roll(shared, 1) & np.roll(shared, -1)
    for curve, y, (colour, dashes) in zip(group, lines, styles, strict=True):
        label = None if curve.alpha is None else rf"$\alpha$ = {curve.alpha:g}"
        axes.plot(
            x, np.where(inside, np.nan, y), color=colour, linestyle=dashes, linewidth=2, label=label, zorder=3
        )
    axes.plot(x, np.where(shared, lines[0], np.nan), color=_INK, linewidth=2, zorder=4)


def _mark_jump(axes: Axes, curve: ActivationCurve, colour: str, others: Sequence[ActivationCurve]) -> None:
    """An open circle where the derivative ends, a full one where its value at 0 lies, and a dotted line between."""
    axes.plot([0, 0], [curve.left, curve.right], color=colour, linestyle=":", linewidth=1.4, zorder=3)
    for side in ("left", "right"):
        level = getattr(curve, side)
        shared = bool(others) and all(abs(getattr(other, side) - level) <= _SAME for other in others)
        ink = _INK if shared else colour
        full = abs(level - curve.at_zero) < abs(curve.left - curve.right) / 2
        axes.plot(
            [0], [level], "o", markersize=5.5, color=ink, markerfacecolor=ink if full else "white", zorder=5
        )
    axes.annotate(
        f"{curve.left:.3g} → {curve.right:.3g}",
        xy=(0, (curve.left + curve.right) / 2),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        color=colour,
    )


def _split_x(x: Array) -> Array:
    """`x` with a gap at 0, whose two sides both end at 0."""
    return np.concatenate([x[x < 0], [0.0, np.nan, 0.0], x[x > 0]])


def _split(curve: ActivationCurve, y: Array) -> Array:
    """The derivative over `_split_x`: up to its limit on the left of 0, and from its limit on the right."""
    return np.concatenate([y[curve.x < 0], [curve.left, np.nan, curve.right], y[curve.x > 0]])


def _styles(group: Sequence[ActivationCurve], alphas: Sequence[float]) -> list[_Style]:
    """One style for one alpha in all panels that have several; the first style for a lone curve."""
    if len(group) == 1:
        return [_STYLES[0]]
    return [_STYLES[alphas.index(curve.alpha or 0.0) % len(_STYLES)] for curve in group]


def _typeset(formula: str) -> str:
    """The plain formula with Greek letters and mathematical signs."""
    formula = re.sub(r"\bx\b", "$x$", _literal(formula))
    for word, sign in _SIGNS.items():
        formula = formula.replace(word, sign)
    return formula


def _literal(text: str) -> str:
    """Text in which Matplotlib finds no mathematics."""
    return text.replace("$", r"\$")
