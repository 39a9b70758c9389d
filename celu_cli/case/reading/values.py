"""How the values of a swept key are written: ``0.5,1,2``, ``0..4``, ``log:1e-4:1e-1:7`` or ``linear:0:1:5``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from celu_cli.case.reading.document import Node, Place, Scalar, parse, resolve_scalar
from celu_cli.text import shortened

MOST_CELLS = 100_000
_RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")
_SPACED = re.compile(r"(log|linear):(.*)")
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Axis:
    """A key and the values it takes, each with its place; `logarithmic` where they are spaced so."""

    key: str
    place: Place
    values: tuple[Node, ...]
    logarithmic: bool = False


class ValueProblem(ValueError):  # noqa: N818 - becomes a `Problem` where the key is known
    """Values that cannot be read."""


def read_axis(key: str, text: str, place: Place) -> Axis:
    """The values that `text` lists, separated by commas outside brackets and quotes.

    Raises:
        ValueProblem: there is none, or one is not written as it should be.
    """
    values: list[Node] = []
    logarithmic = False
    for item in split_values(text):
        if not item.strip():
            raise ValueProblem("an empty value; write values with one comma between them, such as 0.5,1,2")
        spaced = spaced_values(item.strip())
        if spaced is None:
            values.append(_parsed(item, place))
            continue
        numbers, of_logarithm = spaced
        values += [Node(number, place, place, text) for number, text in numbers]
        logarithmic |= of_logarithm
    return checked_axis(key, place, values, logarithmic)


def checked_axis(key: str, place: Place, values: list[Node], logarithmic: bool) -> Axis:
    """The axis of these values.

    Raises:
        ValueProblem: there is none, or two are the same.
    """
    if not values:
        raise ValueProblem("no values; a swept key needs at least one")
    seen = set()
    for node in values:
        text = value_text(node)
        if text in seen:
            raise ValueProblem(f"{shortened(text)} is given twice")
        seen.add(text)
    return Axis(key, place, tuple(values), logarithmic)


def split_values(text: str) -> list[str]:
    """The parts of `text` between the commas that stand outside brackets and quotes."""
    parts, begin = [], 0
    closing: list[str] = []
    quote = ""
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (closing or not text[begin:index].strip()):
            quote = character
        elif character in _CLOSING:
            closing.append(_CLOSING[character])
        elif closing and character == closing[-1]:
            closing.pop()
        elif character == "," and not closing:
            parts.append(text[begin:index])
            begin = index + 1
    return [*parts, text[begin:]]


def spaced_values(text: str) -> tuple[list[tuple[Scalar, str]], bool] | None:
    """The numbers, each with its text, of a range or a spacing, and whether it is logarithmic; None for other text.

    Raises:
        ValueProblem: it is a range or spacing that has no values or too many.
    """
    if match := _RANGE.fullmatch(text):
        first, last = int(match[1]), int(match[2])
        if last < first:
            raise ValueProblem(f"{text} has no values; write {last}..{first}")
        _check_count(last - first + 1)
        return [(number, str(number)) for number in range(first, last + 1)], False
    if match := _SPACED.fullmatch(text):
        return _spaced(match[1], match[2]), match[1] == "log"
    return None


def value_text(node: Node) -> str:
    """`node` as one writes it after the = of an override, so that it means the same value again."""
    if isinstance(node.value, (dict, list)) or resolve_scalar(node.text) != node.value:
        return json.dumps(node.plain())
    return node.text or "null"


def _spaced(kind: str, rest: str) -> list[tuple[Scalar, str]]:
    numbers = [resolve_scalar(part) for part in rest.split(":")]
    form = f"write {kind}:LOW:HIGH:COUNT, such as {kind}:" + ("1e-4:1e-1:7" if kind == "log" else "0:1:5")
    if len(numbers) != 3 or not all(type(number) in (int, float) for number in numbers):
        raise ValueProblem(f"{kind}:{shortened(rest)} is not three numbers; {form}")
    low, high, count = numbers
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    if not isinstance(count, int) or count < 2:
        raise ValueProblem(f"{kind}:{rest} needs a count of at least 2; {form}")
    _check_count(count)
    if not low < high < float("inf") or (kind == "log" and low <= 0) or low == -float("inf"):
        above = "above 0 and " if kind == "log" else ""
        raise ValueProblem(f"{kind}:{rest} needs numbers {above}from low to high; {form}")
    shares = [index / (count - 1) for index in range(count)]
    if kind == "log":
        between = [low * (high / low) ** share for share in shares]
    else:
        between = [low + (high - low) * share for share in shares]
    whole = all(isinstance(end, int) for end in (low, high)) and all(x == int(x) for x in between)
    # Six digits, so that a value reads the same in labels, files and overrides; the ends are as given.
    rounded = [int(x) if whole else float(f"{x:.6g}") for x in between]
    numbers = [low, *rounded[1:-1], high]
    return [(number, str(number) if isinstance(number, int) else f"{number:.6g}") for number in numbers]


def _check_count(count: int) -> None:
    if count > MOST_CELLS:
        raise ValueProblem(f"{count:,} values; one sweep may have {MOST_CELLS:,} cells at most")


def _parsed(text: str, place: Place) -> Node:
    document = parse(text, place.source, with_lines=False)
    if document.problems or document.root is None:
        raise ValueProblem("; ".join(problem.message for problem in document.problems) or "no value")
    return Node(document.root.value, place, place, document.root.text)
