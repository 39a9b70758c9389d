"""What pydantic found wrong with a case, said in the words of the case file and located in it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from celu_cli.case.document import Node, Path, Place, Problem, resolve_scalar
from celu_cli.case.merge import KIND_KEYS
from celu_cli.case.schema import Case, Part
from celu_cli.case.words import nearest_word

# Short forms that people know from elsewhere, too far from celu's words to be found by likeness.
_SHORT_FORMS = {"lr": "learning_rate", "batch": "batch_size", "eps": "epsilon", "std": "standard_deviation"}
_TRUTH_WORDS = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
_UNREMARKABLE_LIMIT = 2**31 - 1


def explain(error: ValidationError, root: Node) -> list[Problem]:
    """One problem for each thing that pydantic refused in the case whose text is `root`."""
    problems = []
    for item in error.errors(include_url=False, include_context=False):
        target = _follow(item["loc"])
        node = root.nearest(target.path)
        found = is_given(target.path, root)
        if item["type"] == "extra_forbidden":
            message = _unknown_key(target, root)
            place = node.key_place or node.place
        elif item["type"] in ("union_tag_invalid", "union_tag_not_found"):
            problems.append(_wrong_kind(target, root))
            continue
        elif not found:
            message = f"missing; accepted: {_accepted(target, None)}"
            place = node.key_place or node.place
        elif item["type"] == "too_short" and item["input"]:
            continue  # pydantic's echo of items already refused
        else:
            message = _wrong_value(target, node)
            place = node.place
        problems.append(Problem(place, key_text(target.path), message))
    return problems


def key_text(path: Path) -> str:
    """``network.layers[3].kernel``: items count from 1, as layers do everywhere a person sees them."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def is_given(path: Path, root: Node) -> bool:
    """Whether the text holds a value at exactly `path`."""
    node: Node | None = root
    for step in path:
        node = node.child(step) if node else None
    return node is not None


def place_of(path: Path, root: Node) -> Place:
    """Where a person should look for the value at `path`: at it, or at the key of what should hold it."""
    node = root.nearest(path)
    return node.place if is_given(path, root) else node.key_place or node.place


@dataclass(frozen=True)
class _Target:
    """What an error is about: its key path, the part that has (or lacks) the key, and the part's kinds if any."""

    path: Path
    part: type[Part]
    field: FieldInfo | None
    kinds: Mapping[str, type[Part]]


def _follow(location: tuple[int | str, ...]) -> _Target:
    """Read pydantic's location, in which a part that comes in kinds is followed by the name of its kind."""
    path: list[int | str] = []
    part: type[Part] = Case
    field: FieldInfo | None = None
    kinds: Mapping[str, type[Part]] = {}
    steps = iter(location)
    for step in steps:
        path.append(step)
        if isinstance(step, int):
            continue
        field = part.model_fields.get(step)
        inside = _kinds(field.annotation) if field else {}
        sorts = set(inside.values())
        if len(sorts) > 1 and (kind := next(steps, None)) is not None:
            part, kinds = inside[str(kind)], inside
        elif len(sorts) == 1:
            part, kinds = sorts.pop(), {}
    return _Target(tuple(path), part, field, kinds)


def _kinds(annotation: Any) -> dict[str, type[Part]]:
    """The parts an annotation allows, by the name of their kind."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        for key in ("name", "method"):
            if (field := annotation.model_fields.get(key)) and get_origin(field.annotation) is Literal:
                return dict.fromkeys(get_args(field.annotation), annotation)
        return {next(iter(annotation.model_fields)): annotation}
    found: dict[str, type[Part]] = {}
    for argument in get_args(annotation):
        found |= _kinds(argument)
    return found


def _wrong_kind(target: _Target, root: Node) -> Problem:
    """A part whose kind is missing or is none of those there are."""
    assert target.field is not None
    key, _ = KIND_KEYS[target.path]
    path = (*target.path, key)
    node = root.nearest(path)
    words = list(_kinds(target.field.annotation))
    if not is_given(path, root):
        message = f"missing; accepted: {', '.join(words)}"
        return Problem(node.key_place or node.place, key_text(path), message)
    message = f"{given(node)} given; accepted: {', '.join(words)}{_meant(node, words)}"
    return Problem(node.place, key_text(path), message)


def _unknown_key(target: _Target, root: Node) -> str:
    key = str(target.path[-1])
    accepted = list(target.part.model_fields)
    if target.part is Case:
        accepted.insert(0, "extends")
    owners = [kind for kind, part in target.kinds.items() if key in part.model_fields]
    near = nearest_word(key, accepted) or next((w for w in [_SHORT_FORMS.get(key)] if w in accepted), None)
    hint = f"; did you mean {near}?" if near else ""
    if owners:
        hint = f"; it belongs to {', '.join(owners)}"
    elif not near and (elsewhere := _find_elsewhere(_SHORT_FORMS.get(key, key))):
        hint = f"; did you mean {elsewhere}?"
    return f"unknown key; accepted here: {', '.join(accepted)}{hint}"


def _find_elsewhere(key: str) -> str | None:
    """The dotted path of a key that people look for at the top but that belongs to a part."""
    for name, field in Case.model_fields.items():
        if any(key in part.model_fields for part in _kinds(field.annotation).values()):
            return f"{name}.{key}"
    return key if key in Case.model_fields else None


def _wrong_value(target: _Target, node: Node) -> str:
    return f"{given(node)} given; accepted: {_accepted(target, node)}{_value_hint(target, node)}"


def given(node: Node) -> str:
    """A value as a message quotes it: words in quotes, the rest as written."""
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    if node.value is None:
        return node.text or "nothing"
    text = node.text if len(node.text) <= 60 else node.text[:57] + "..."
    return repr(text) if isinstance(node.value, str) else text


def _accepted(target: _Target, node: Node | None) -> str:
    """What the field takes, said from its annotation so that it cannot differ from what is checked."""
    if target.field is None or isinstance(target.path[-1], int):
        return f"a mapping with {', '.join(target.part.model_fields)}"
    annotation = target.field.annotation
    if target.path == ("name",):
        return "up to 100 letters, digits and any of . _ + - (the first a letter, digit or _)"
    choices = [choice for choice in _choices(annotation) if choice is not type(None)]
    text = _accepted_kind(choices[0], target, node)
    return f"{text}, or null" if type(None) in _choices(annotation) else text


def _choices(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType) and not _kinds(annotation):
        return get_args(annotation)
    return (annotation,)


def _accepted_kind(annotation: Any, target: _Target, node: Node | None) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(get_args(annotation))
    if get_origin(annotation) is tuple:
        return "a list of 1 to 200 layers, such as [{kernel: 3, filters: 10}]"
    if kinds := _kinds(annotation):
        if target.path in KIND_KEYS:
            key, _ = KIND_KEYS[target.path]
            words = _words(kinds, key)
            return f"a mapping, or one of {', '.join(words)}"
        return "a mapping"
    if annotation is bool:
        return "true or false"
    if annotation is str:
        return "text"
    whole = "a whole number" if annotation is int else "a number"
    assert target.field is not None
    return whole + _range(target.field.metadata, node)


def _words(kinds: Mapping[str, type[Part]], key: str) -> list[str]:
    words: list[str] = []
    for part in dict.fromkeys(kinds.values()):
        if key in part.model_fields:
            words += [str(word) for word in get_args(part.model_fields[key].annotation)]
    return words


def _range(metadata: list[Any], node: Node | None) -> str:
    low = high = ""
    value = node.value if node else None
    for bound in metadata:
        if isinstance(bound, Ge):
            low = f"at least {bound.ge}"
        elif isinstance(bound, Gt):
            low = f"above {bound.gt}"
        elif isinstance(bound, Lt):
            high = f"below {bound.lt}"
        elif isinstance(bound, Le):
            assert isinstance(bound.le, (int, float))
            passed = isinstance(value, (int, float)) and value > bound.le
            high = f"at most {bound.le}" if bound.le < _UNREMARKABLE_LIMIT or passed else ""
    text = " and ".join(filter(None, (low, high)))
    return f", {text}" if text else ""


def _value_hint(target: _Target, node: Node) -> str:
    """What the person probably meant, where that can be told."""
    annotation = target.field.annotation if target.field else None
    kinds = _choices(annotation)
    if isinstance(node.value, str):
        if bool in kinds and (truth := _TRUTH_WORDS.get(node.value.lower())):
            return f"; write {truth}"
        number = resolve_scalar(node.value.replace("_", "").replace(",", "").strip())
        if (int in kinds or float in kinds) and isinstance(number, (int, float)) and number is not True:
            return f"; write {node.value.replace('_', '').replace(',', '').strip()}"
        words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
        return _meant(node, words)
    if int in kinds and isinstance(node.value, float) and node.value.is_integer():
        return f"; write {int(node.value)}"
    if str in kinds and isinstance(node.value, (bool, int, float)):
        return f"; write it in quotes: '{node.text}'"
    return ""


def _meant(node: Node, words: list[str]) -> str:
    near = nearest_word(node.value, words) if isinstance(node.value, str) else None
    return f"; did you mean {near}?" if near else ""
