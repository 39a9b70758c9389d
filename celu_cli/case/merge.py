"""How the keys of a case are laid over those of the case it extends; overrides follow the same rule.

Mappings are merged key by key and the upper one wins; lists and plain values are replaced. Some parts come in kinds
(`optimizer` by its `name`, `backprop` by its `method`, `network` by `preset` or `layers`): where the upper file names
another kind, or another dataset, the lower part is dropped as a whole, because its other fields were chosen for what
is no longer there. A bare word stands for the mapping that names the kind alone, so ``optimizer: adam`` over Adam's
settings keeps them, and over AMSGrad's starts from Adam's defaults.
"""

from __future__ import annotations

from dataclasses import replace

from celu_cli.case.document import Node, Path

# Parts that a bare word may stand for: the key the word is for, and the kind where none is named.
KIND_KEYS: dict[Path, tuple[str, str | None]] = {
    ("dataset",): ("name", None),
    ("network",): ("preset", "article-7"),
    ("network", "initializer"): ("name", "normal"),
    ("backprop",): ("method", "manual"),
    ("optimizer",): ("name", None),
    ("schedule",): ("name", "constant"),
}

# What tells a file apart from the one it extends is never inherited.
_OWN_KEYS = ("extends", "name", "description")


def merge(lower: Node, upper: Node, path: Path = ()) -> Node:
    """`upper` laid over `lower`; every value keeps the place it came from."""
    lower, upper = expand_word(lower, path), expand_word(upper, path)
    if not isinstance(lower.value, dict) or not isinstance(upper.value, dict):
        return upper
    if path in KIND_KEYS:
        here, below = _kind(upper, path), _kind(lower, path, KIND_KEYS[path][1])
        if None not in (here, below) and here != below:
            return upper
    merged = dict(lower.value)
    for key, node in upper.value.items():
        merged[key] = merge(merged[key], node, (*path, key)) if key in merged else node
    return replace(upper, value=merged)


def without_own_keys(root: Node) -> Node:
    """What a file passes on to those that extend it."""
    if not isinstance(root.value, dict):
        return root
    return replace(root, value={key: node for key, node in root.value.items() if key not in _OWN_KEYS})


def expand_word(node: Node, path: Path) -> Node:
    """The mapping a bare word stands for; other values as they are."""
    if path not in KIND_KEYS or not isinstance(node.value, str):
        return node
    key, _ = KIND_KEYS[path]
    return replace(node, value={key: replace(node, key_place=node.place)})


def _kind(node: Node, path: Path, default: str | None = None) -> object:
    """What decides the kind of a part; `default` where the mapping leaves it open."""
    assert isinstance(node.value, dict)
    if path == ("network",) and "layers" in node.value:
        return "layers"
    named = node.value.get(KIND_KEYS[path][0])
    return default if named is None else str(named.value)
