"""`celu plot --terminal`: test accuracies of runs as curves of braille characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from string import ascii_lowercase, ascii_uppercase

from rich.console import Console
from rich.text import Text

from celu_cli.cli.output.tables import print_lines
from celu_cli.runs.run import Run

_STYLES = ("blue", "yellow", "magenta", "cyan", "red", "green")
_NAMES = ascii_uppercase + ascii_lowercase
_AXIS = 6  # characters left of the picture: an accuracy and a space
_WIDEST = 100
_ROWS = 16


def print_accuracies(runs: Sequence[Run], console: Console) -> None:
    """Draw the test accuracies of `runs`, at least one and each with an epoch, over epochs.

    Each has a letter, which stands beside its end and in the legend, ordered from the highest end to the lowest.
    """
    ordered = sorted(runs, key=_end, reverse=True)
    values = [*filter(isfinite, (epoch.test_accuracy for run in ordered for epoch in run.metrics))]
    low, high = min(values, default=0.0), max(values, default=0.0)
    last = max(run.metrics[-1].epoch for run in ordered)
    ends = _ends(ordered, low, high)
    columns = max(10, min(console.width, _WIDEST) - _AXIS - 1 - max(map(len, ends)))
    picture = _picture(ordered, columns, (1, last), (low, high))
    lines = [
        _axis(row, low, high) + drawn + Text(" ") + end
        for row, (drawn, end) in enumerate(zip(picture, ends, strict=True))
    ]
    lines.append(Text(f"{'':{_AXIS}}1{last:>{columns - 1}}", style="dim"))
    lines.append(Text("test accuracy by epoch", style="dim"))
    for number, run in enumerate(ordered):
        state = "" if run.status == "completed" else f", {run.status}"
        lines.append(_name(number) + Text(f"  {run.metrics[-1].test_accuracy:.4f}  {run.name}{state}"))
    print_lines(console, lines)


def _picture(
    runs: Sequence[Run], columns: int, x_limits: tuple[float, float], y_limits: tuple[float, float]
) -> Iterator[Text]:
    curves = [
        ([epoch.epoch for epoch in run.metrics], [epoch.test_accuracy for epoch in run.metrics])
        for run in runs
    ]
    # The best curve is drawn last, over the others.
    for letters in draw_braille(curves[::-1], columns, _ROWS, x_limits, y_limits):
        line = Text()
        for letter in letters:
            line.append(letter.text, _style(len(runs) - 1 - letter.curve) if letter.curve is not None else "")
        yield line


def _axis(row: int, low: float, high: float) -> Text:
    accuracy = high - (high - low) * row / (_ROWS - 1)
    return Text(f"{accuracy:.2f} ".rjust(_AXIS) if row % 5 == 0 else " " * _AXIS, style="dim")


def _ends(runs: Sequence[Run], low: float, high: float) -> list[Text]:
    """For each row of the picture the names of the curves that end there."""
    ends = [Text() for _ in range(_ROWS)]
    for number, run in enumerate(runs):
        share = (high - _end(run)) / (high - low) if high > low else 0.5
        ends[min(_ROWS - 1, round(share * (4 * _ROWS - 1)) // 4)].append_text(_name(number))
    return ends


def _name(number: int) -> Text:
    return Text(_NAMES[number % len(_NAMES)], style=_style(number))


def _style(number: int) -> str:
    return _STYLES[number % len(_STYLES)]


def _end(run: Run) -> float:
    """The last accuracy that is a number, or 0."""
    values = (epoch.test_accuracy for epoch in reversed(run.metrics))
    return next(filter(isfinite, values), 0.0)


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
