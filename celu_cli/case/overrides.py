"""Overrides: ``key=value`` words of a command line, read with the rules of a case file."""

from __future__ import annotations

import re

from celu_cli.case.document import DEEPEST, Node, Place, Problem, parse
from celu_cli.case.words import shortened

_KEY = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
_FORM = "write key=value, such as epochs=5, optimizer.learning_rate=1e-3 or backprop=auto"


def parse_override(number: int, text: str) -> tuple[Node | None, list[Problem]]:
    """One override as a mapping of mappings, with its place in the command; a list index counts as a key."""
    place = Place(f'override {number} "{shortened(text)}"')
    key, equals, written = text.partition("=")
    key = key.strip()
    if not equals:
        return None, [Problem(place, "", f"no value; {_FORM}")]
    if not _KEY.fullmatch(key):
        return None, [Problem(place, "", f"{shortened(key)!r} is not a key; {_FORM}")]
    if key.count(".") >= DEEPEST:
        return None, [Problem(place, key, f"nested more than {DEEPEST} deep")]
    if not written.strip():
        return None, [Problem(place, key, "no value after =; write null for none")]
    document = parse(written, place.source, with_lines=False)
    if document.problems or document.root is None:
        return None, [Problem(place, key, problem.message) for problem in document.problems]
    node = document.root
    for step in reversed(key.split(".")):
        node = Node({step: _with_key_place(node, place)}, place, place)
    return node, []


def _with_key_place(node: Node, place: Place) -> Node:
    return Node(node.value, node.place, place, node.text)
