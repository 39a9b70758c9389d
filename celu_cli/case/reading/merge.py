"""How the keys of a case are laid over those of the case it extends; overrides follow the same rule.

Mappings are merged key by key and the upper one wins; lists and plain values are replaced. Some parts come
in kinds (`optimizer` by its `name`, `backprop` by its `method`, `network` by `preset` or `layers`): where the
upper file names another kind, or another dataset, the lower part is dropped as a whole, because its other
fields were chosen for what is no longer there. A bare name stands for the mapping that names the kind alone,
so ``optimizer: adam`` over Adam's settings keeps them, and over AMSGrad's starts from Adam's defaults.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from celu_cli.case.annotations import Role
from celu_cli.case.reading.document import Node, Path, Problem, Steps, key_text
from celu_cli.case.reading.kinds import PARTS, SHORTHANDS
from celu_cli.case.schema import PresetNetwork, keys_with_role

_NETWORK = ("network",)
_LAYERS = ("network", "layers")

NOT_INHERITED = {"extends", *keys_with_role(Role.LABEL)}


def merge(lower: Node, upper: Node, path: Path = (), problems: list[Problem] | None = None) -> Node:
    """`upper` laid over `lower`; every value keeps the place it came from.

    `problems` takes what the keys of an override find no place for.
    """
    lower, upper = expand(lower, path), expand(upper, path)
    if isinstance(upper.value, Steps) and upper.value.of_a_list:
        return _change_items(lower, upper, path, [] if problems is None else problems)
    if not isinstance(lower.value, dict) or not isinstance(upper.value, dict):
        # A part that is no mapping is wrong, and stays to be reported whatever is set in it.
        wrong = isinstance(upper.value, Steps) and lower.value is not None and path in PARTS
        return lower if wrong else upper
    merged = dict(lower.value)
    if path in SHORTHANDS:
        named, before = _kind(upper.value, path), _kind(lower.value, path) or _default_kind(path)
        if named and before and named != before:
            merged = {}
    for key, node in upper.value.items():
        below = merged.get(key)
        if below is not None:
            merged[key] = merge(below, node, (*path, key), problems)
        elif isinstance(node.value, Steps) and node.value.of_a_list and problems is not None:
            problems += [_no_list(number, item, (*path, key)) for number, item in node.value.items()]
        else:
            merged[key] = node
    return replace(upper if path else lower, value=merged)  # the case itself stands where its file begins


def _change_items(lower: Node, upper: Node, path: Path, problems: list[Problem]) -> Node:
    """The list `lower` with those of its items changed that the numbers in `upper` mean."""
    assert isinstance(upper.value, dict)
    items = list(lower.value) if isinstance(lower.value, list) else []
    for number, node in upper.value.items():
        index = int(number) - 1
        if 0 <= index < len(items):
            items[index] = merge(items[index], node, (*path, index), problems)
        elif isinstance(lower.value, list):
            there_are = "there is only [1]" if len(items) == 1 else f"there are [1] to [{len(items)}]"
            problems.append(Problem(node.place, key_text((*path, index)), there_are))
    return replace(lower, value=items) if isinstance(lower.value, list) else lower


def _no_list(number: str, item: Node, path: Path) -> Problem:
    what = "the network is a preset; give layers as a list first" if path == _LAYERS else "there is no list"
    return Problem(item.place, key_text((*path, int(number) - 1)), what)


def without(root: Node, keys: Collection[str]) -> Node:
    """The case without these keys."""
    if not isinstance(root.value, dict):
        return root
    return replace(root, value={key: node for key, node in root.value.items() if key not in keys})


def expand_shorthands(node: Node, path: Path = ()) -> Node:
    """The case with every bare name written out as the mapping it stands for."""
    node = expand(node, path)
    if not isinstance(node.value, dict):
        return node
    expanded = {key: expand_shorthands(below, (*path, key)) for key, below in node.value.items()}
    return replace(node, value=type(node.value)(expanded))


def expand(node: Node, path: Path) -> Node:
    """The mapping that a bare name stands for; other values as they are."""
    if path not in SHORTHANDS or not isinstance(node.value, str):
        return node
    return replace(node, value={SHORTHANDS[path].key: replace(node, key_place=node.place)})


def _kind(part: dict[str, Node], path: Path) -> str | None:
    """What decides the kind of a part; None where the mapping leaves it open."""
    if path == _NETWORK and "layers" in part and not isinstance(part["layers"].value, Steps):
        return "layers"
    named = part.get(SHORTHANDS[path].key)
    return None if named is None else str(named.value)


def _default_kind(path: Path) -> str | None:
    if path == _NETWORK:
        return str(PresetNetwork.model_fields["preset"].default)
    return SHORTHANDS[path].default
