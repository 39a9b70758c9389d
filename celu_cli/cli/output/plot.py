"""`celu plot --terminal`: a chart as curves of braille characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, log10
from string import ascii_lowercase, ascii_uppercase
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from celu_cli.analysis.plots.chart import Chart
from celu_cli.analysis.plots.curve import Curve
from celu_cli.cli.output.tables import print_lines

_STYLES = ("blue", "yellow", "magenta", "cyan", "red", "green")
_NAMES = ascii_uppercase + ascii_lowercase
_WIDEST = 100
_ROWS = 16
_ROWS_A_TICK = 5


def print_chart(chart: Chart, console: Console) -> None:
    """Draw the one panel of `chart`, with at least one curve.

    Each curve has a letter, which stands beside its end and in the legend, ordered from the highest end to the lowest.
    """
    (panel,) = chart.panels
    ordered = sorted(panel.curves, key=_end, reverse=True)
    values = [*filter(isfinite, (value for curve in ordered for value in curve.values))]
    low, high = min(values, default=0.0), max(values, default=0.0)
    first, last = min(curve.x[0] for curve in ordered), max(curve.x[-1] for curve in ordered)
    axis = _axis(low, high)
    ends = _ends(ordered, low, high)
    columns = max(10, min(console.width, _WIDEST) - len(axis[0]) - 1 - max(map(len, ends)))
    picture = _picture(ordered, columns, (first, last), (low, high))
    lines = [Text(line, style="bold") for line in wrap(chart.title, console.width)]
    lines += [Text(line, style="dim") for line in wrap(chart.subtitle, console.width)]
    lines += [
        Text(label, style="dim") + drawn + Text(" ") + end
        for label, drawn, end in zip(axis, picture, ends, strict=True)
    ]
    below = f"{first:g} {chart.x_label}"
    lines.append(Text(f"{'':{len(axis[0])}}{below}{last:>{max(1, columns - len(below))}g}", style="dim"))
    lines += [_name(number) + Text(f"  {curve.label}") for number, curve in enumerate(ordered)]
    print_lines(console, lines)


def _picture(
    curves: Sequence[Curve], columns: int, x_limits: tuple[float, float], y_limits: tuple[float, float]
) -> Iterator[Text]:
    # The best curve is drawn last, over the others.
    points = [(curve.x, curve.values) for curve in reversed(curves)]
    for letters in draw_braille(points, columns, _ROWS, x_limits, y_limits):
        line = Text()
        for letter in letters:
            line.append(
                letter.text, _style(len(curves) - 1 - letter.curve) if letter.curve is not None else ""
            )
        yield line


def _axis(low: float, high: float) -> list[str]:
    """What stands left of each row: some of the values, with as many digits as distinguish them."""
    step = (high - low) * _ROWS_A_TICK / (_ROWS - 1)
    digits = max(2, ceil(-log10(step)) + 1) if step > 0 else 4
    ticks = [
        f"{high - (high - low) * row / (_ROWS - 1):.{digits}f} " if row % _ROWS_A_TICK == 0 else ""
        for row in range(_ROWS)
    ]
    return [tick.rjust(max(map(len, ticks))) for tick in ticks]


def _ends(curves: Sequence[Curve], low: float, high: float) -> list[Text]:
    """For each row of the picture the names of the curves that end there."""
    ends = [Text() for _ in range(_ROWS)]
    for number, curve in enumerate(curves):
        share = (high - _end(curve)) / (high - low) if high > low else 0.5
        ends[min(_ROWS - 1, round(share * (4 * _ROWS - 1)) // 4)].append_text(_name(number))
    return ends


def _name(number: int) -> Text:
    return Text(_NAMES[number % len(_NAMES)], style=_style(number))


def _style(number: int) -> str:
    return _STYLES[number % len(_STYLES)]


def _end(curve: Curve) -> float:
    """The last value that is a number, or 0."""
    return next(filter(isfinite, reversed(curve.values)), 0.0)


_FIRST = 0x2800
# The bit of each dot, by column and then by row from the top.
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


@dataclass(frozen=True)
class Letter:
    """One character of the picture and the number of the curve drawn there last; None where there is none."""

    text: str
    curve: int | None


def draw_braille(
    curves: Sequence[tuple[Sequence[float], Sequence[float]]],
    columns: int,
    rows: int,
    x_limits: tuple[float, float],
    y_limits: tuple[float, float],
) -> list[list[Letter]]:
    """`rows` lines of `columns` characters with all `curves` (their x and y), a straight line from point to point.

    A y that is NaN or infinite leaves a gap.
    """
    bits = [[0] * columns for _ in range(rows)]
    owner: list[list[int | None]] = [[None] * columns for _ in range(rows)]
    for number, (xs, ys) in enumerate(curves):
        across = [_dot(x, x_limits, 2 * columns) for x in xs]
        up = [4 * rows - 1 - _dot(y, y_limits, 4 * rows) if isfinite(y) else None for y in ys]
        for column, row in _path(across, up):
            bits[row // 4][column // 2] |= _BITS[column % 2][row % 4]
            owner[row // 4][column // 2] = number
    return [
        [Letter(chr(_FIRST + bit) if bit else " ", curve) for bit, curve in zip(*lines, strict=True)]
        for lines in zip(bits, owner, strict=True)
    ]


def _dot(value: float, limits: tuple[float, float], dots: int) -> int:
    low, high = limits
    share = (value - low) / (high - low) if high > low else 0.5
    return round(min(1.0, max(0.0, share)) * (dots - 1))


def _path(across: Sequence[int], up: Sequence[int | None]) -> Iterator[tuple[int, int]]:
    """Column and row of every dot on the straight lines from point to point; None in `up` breaks the line."""
    before: tuple[int, int] | None = None
    for column, row in zip(across, up, strict=True):
        if row is None:
            before = None
            continue
        left, top = before or (column, row)
        steps = max(abs(column - left), abs(row - top), 1)
        for step in range(steps + 1):
            yield round(left + (column - left) * step / steps), round(top + (row - top) * step / steps)
        before = (column, row)
