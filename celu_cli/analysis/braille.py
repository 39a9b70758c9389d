"""Curves drawn with braille letters: each letter is a grid of dots, two wide and four high."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

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
