"""`celu plot --terminal`: test accuracies of runs as curves of braille letters."""

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
_AXIS = 6  # letters left of the picture: a share and a space
_WIDEST = 100
_ROWS = 16


def print_accuracies(runs: Sequence[Run], console: Console) -> None:
    """Draw the test accuracies of `runs`, at least one and each with an epoch, over epochs.

    The letter of each stands beside its end and in the legend, which is ordered as the curves end.
    """
    ordered = sorted(runs, key=_end, reverse=True)
    values = [
        epoch.test_accuracy for run in ordered for epoch in run.metrics if isfinite(epoch.test_accuracy)
    ]
    low, high = min(values, default=0.0), max(values, default=0.0)
    last = max(run.metrics[-1].epoch for run in ordered)
    ends = _ends(ordered, low, high)
    columns = max(10, min(console.width, _WIDEST) - _AXIS - 1 - max(map(len, ends)))
    lines = [
        _axis(row, low, high) + picture + Text(" ") + end
        for row, (picture, end) in enumerate(
            zip(_picture(ordered, columns, (1, last), (low, high)), ends, strict=True)
        )
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
    share = high - (high - low) * row / (_ROWS - 1)
    return Text(f"{share:.2f} ".rjust(_AXIS) if row % 5 == 0 else " " * _AXIS, style="dim")


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
    """One place of the picture and the number of the curve drawn there last; None where there is none."""

    text: str
    curve: int | None


def draw_braille(
    curves: Sequence[tuple[Sequence[float], Sequence[float]]],
    columns: int,
    rows: int,
    x_limits: tuple[float, float],
    y_limits: tuple[float, float],
) -> list[list[Letter]]:
    """`rows` lines of `columns` letters with all `curves` (their x and y), a straight line from point to point.

    Points that are no finite number leave a gap.
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
    before: tuple[int, int] | None = None
    for column, row in zip(across, up, strict=True):
        if row is None:
            before = None
            continue
        here = (column, row)
        yield from _line(before, here) if before else [here]
        before = here


def _line(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(steps + 1):
        yield (
            round(start[0] + (end[0] - start[0]) * step / steps),
            round(start[1] + (end[1] - start[1]) * step / steps),
        )
