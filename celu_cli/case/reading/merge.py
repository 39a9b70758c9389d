"""How the keys of a case are laid over those of the case it extends; overrides follow the same rule.

Mappings are merged key by key and the upper one wins; lists and plain values are replaced. Some parts come
in kinds (`optimizer` by its `name`, `backprop` by its `method`, `network` by `preset` or `layers`): where the
upper file names another kind, or another dataset, the lower part is dropped as a whole, because its other
fields were chosen for what is no longer there. A bare name stands for the mapping that names the kind alone,
so ``optimizer: adam`` over Adam's settings keeps them, and over AMSGrad's starts from Adam's defaults.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from celu_cli.case.annotations import Role
from celu_cli.case.reading.document import DEEPEST, Node, Path, Place, Problem, parse
from celu_cli.case.reading.kinds import SHORTHANDS
from celu_cli.case.schema import PresetNetwork, keys_with_role
from celu_cli.text import shortened

_NETWORK = ("network",)

NOT_INHERITED = {"extends", *keys_with_role(Role.LABEL)}


def merge(lower: Node, upper: Node, path: Path = ()) -> Node:
    """`upper` laid over `lower`; every value keeps the place it came from."""
    lower, upper = _expand(lower, path), _expand(upper, path)
    if not isinstance(lower.value, dict) or not isinstance(upper.value, dict):
        return upper
    if path in SHORTHANDS:
        named, before = _kind(upper.value, path), _kind(lower.value, path) or _default_kind(path)
        if named and before and named != before:
            return upper
    merged = dict(lower.value)
    for key, node in upper.value.items():
        merged[key] = merge(merged[key], node, (*path, key)) if key in merged else node
    return replace(upper, value=merged)


def without(root: Node, keys: Collection[str]) -> Node:
    """The case without these keys."""
    if not isinstance(root.value, dict):
        return root
    return replace(root, value={key: node for key, node in root.value.items() if key not in keys})


def expand_shorthands(node: Node, path: Path = ()) -> Node:
    """The case with every bare name written out as the mapping it stands for."""
    node = _expand(node, path)
    if not isinstance(node.value, dict):
        return node
    return replace(
        node, value={key: expand_shorthands(below, (*path, key)) for key, below in node.value.items()}
    )


def _expand(node: Node, path: Path) -> Node:
    """The mapping that a bare name stands for; other values as they are."""
    if path not in SHORTHANDS or not isinstance(node.value, str):
        return node
    return replace(node, value={SHORTHANDS[path].key: replace(node, key_place=node.place)})


def _kind(part: dict[str, Node], path: Path) -> str | None:
    """What decides the kind of a part; None where the mapping leaves it open."""
    if path == _NETWORK and "layers" in part:
        return "layers"
    named = part.get(SHORTHANDS[path].key)
    return None if named is None else str(named.value)


def _default_kind(path: Path) -> str | None:
    if path == _NETWORK:
        return str(PresetNetwork.model_fields["preset"].default)
    return SHORTHANDS[path].default


_KEY = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
_FORM = "write key=value, such as epochs=5, optimizer.learning_rate=1e-3 or backprop=auto"


def parse_override(number: int, text: str) -> tuple[Node | None, list[Problem]]:
    """One override as a mapping of mappings, with its place in the command; a list index counts as a key."""
    place = Place(f'override {number} "{shortened(text)}"')
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals:
        return None, [Problem(place, "", f"no value; {_FORM}")]
    if not _KEY.fullmatch(key):
        return None, [Problem(place, "", f"{shortened(key)!r} is not a key; {_FORM}")]
    if key.count(".") >= DEEPEST:
        return None, [Problem(place, key, f"nested more than {DEEPEST} deep")]
    if not value.strip():
        return None, [Problem(place, key, "no value after =; write null for none")]
    document = parse(value, place.source, with_lines=False)
    if document.problems or document.root is None:
        return None, [Problem(place, key, problem.message) for problem in document.problems]
    return under_key(key, document.root, place), []


def under_key(key: str, node: Node, place: Place) -> Node:
    """`node` as the value of a dotted key that is written at `place`: mappings of mappings."""
    for step in reversed(key.split(".")):
        node = Node({step: replace(node, key_place=place)}, place, place)
    return node
