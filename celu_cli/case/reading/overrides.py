"""Overrides: ``key=value`` words of the command line, laid over one another and then together over a case.

Each key is set by itself, so their order does not matter; of two values for one key the later counts. A value is text
up to its end, with no comments in it: a list or mapping in brackets, a text in quotes, otherwise a bare word or number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import yaml

from celu_cli.case.reading.document import (
    DEEPEST,
    Document,
    Node,
    Path,
    Place,
    Problem,
    Steps,
    parse,
    resolve_scalar,
)
from celu_cli.case.reading.merge import expand, merge
from celu_cli.text import shortened

KEY = re.compile(r"[A-Za-z_]\w*(\[\d{1,9}\]|\.[A-Za-z_]\w*)*")
_STEP = re.compile(r"\w+")
_FORM = "write key=value, such as epochs=5, optimizer.learning_rate=1e-3 or backprop=auto"


class FlagOverride(str):
    """An override that a flag of the command line stands for, by which messages call it."""

    flag = ""

    @classmethod
    def of(cls, flag: str, override: str) -> FlagOverride:
        """`override`, which the user gave as `flag`."""
        made = cls(override)
        made.flag = flag
        return made


def parse_override(number: int, text: str) -> tuple[Node | None, list[Problem]]:
    """One override as a mapping of mappings, with its place in the command."""
    flag = text.flag if isinstance(text, FlagOverride) else ""
    place = Place(flag or f'override {number} "{shortened(text)}"')
    key, equals, written = text.partition("=")
    key = key.strip()
    if not equals:
        return None, [Problem(place, "", f"no value; {_FORM}")]
    if not KEY.fullmatch(key):
        return None, [Problem(place, "", f"{shortened(key)!r} is not a key; {_FORM}")]
    if len(_STEP.findall(key)) > DEEPEST:
        return None, [Problem(place, key, f"nested more than {DEEPEST} deep")]
    if not written.strip():
        return None, [Problem(place, key, "no value after =; write null for none")]
    document = _parse_value(written.strip(), place)
    if document.problems or document.root is None:
        return None, [Problem(place, key, problem.message) for problem in document.problems]
    return under_key(key, document.root, place), []


def _parse_value(written: str, place: Place) -> Document:
    if len(written.splitlines()) > 1:
        return parse(written, place.source, with_lines=False)
    if written[0] not in "[{'\"":
        quoted = written.replace("'", "''")
        document = parse(f"'{quoted}'", place.source, with_lines=False)
        if document.root is not None:
            document.root = replace(document.root, value=resolve_scalar(written), text=written)
        return document
    document = parse(written, place.source, with_lines=False)
    if not document.problems:
        *_, last, _ = yaml.scan(written, yaml.SafeLoader)
        if rest := written[last.end_mark.index :].strip():
            message = f"{shortened(rest)!r} stands behind the value; put it inside the brackets or quotes"
            document.problems.append(Problem(place, "", message))
    return document


def under_key(key: str, node: Node, place: Place) -> Node:
    """`node` as the value of a dotted key that is written at `place`: mappings of mappings."""
    for step in reversed(_STEP.findall(key)):
        node = Node(Steps({step: replace(node, key_place=place)}), place, place)
    return node


def combine(overrides: Sequence[Node], problems: list[Problem]) -> Node | None:
    """All overrides as one mapping, in which a key has the last value it was given; None without any."""
    return reduce(lambda one, other: _combine(one, other, (), problems), overrides) if overrides else None


def _combine(first: Node, second: Node, path: Path, problems: list[Problem]) -> Node:
    first, second = expand(first, path), expand(second, path)
    for items, whole in ((first, second), (second, first)):
        if isinstance(items.value, Steps) and items.value.of_a_list and isinstance(whole.value, list):
            return merge(whole, items, path, problems)
    if not isinstance(first.value, dict) or not isinstance(second.value, dict):
        return second
    kinds = (first.value, second.value)
    union = Steps(first.value) if all(isinstance(one, Steps) for one in kinds) else dict(first.value)
    for key, node in second.value.items():
        union[key] = _combine(union[key], node, (*path, key), problems) if key in union else node
    return replace(second, value=union)
