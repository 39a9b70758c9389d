"""What pydantic found wrong with a case, in terms of the case file and with its place in it."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from celu_cli.case.activations import USER_ACTIVATION_PATTERN
from celu_cli.case.annotations import Float32
from celu_cli.case.reading.document import (
    Node,
    Path,
    Problem,
    given,
    holder_place,
    key_text,
    resolve_scalar,
)
from celu_cli.case.reading.kinds import SHORTHANDS, keys_of, kind_names, literal_values, parts_in
from celu_cli.case.schema import Case, Part
from celu_cli.text import celu_command, did_you_mean, nearest_word

# Short forms that people know from elsewhere, too far from celu's names to be found by likeness.
_SHORT_FORMS = {"lr": "learning_rate", "batch": "batch_size", "eps": "epsilon", "std": "standard_deviation"}
_AT_THE_TOP = " (at the top)"
_WRONG_KIND = ("union_tag_invalid", "union_tag_not_found")


def explain(error: ValidationError, root: Node) -> list[Problem]:
    """One problem for each thing that pydantic refused in the case whose text is `root`."""
    problems = []
    for item in error.errors(include_url=False, include_context=False):
        target = _follow(item["loc"])
        if item["type"] == "extra_forbidden":
            node = root.nearest(target.path)
            problems.append(
                Problem(node.key_place or node.place, key_text(target.path), _unknown_key(target))
            )
        elif item["type"] != "too_short" or not item["input"]:  # else the echo of items already refused
            problems.append(_wrong_value(target, item["type"] in _WRONG_KIND, root))
    return problems


@dataclass(frozen=True)
class _Target:
    """What an error is about: its key path, the part with or without the key, and the part's kinds."""

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
            field = None
            continue
        field = part.model_fields.get(step)
        inside = parts_in(field.annotation) if field else {}
        sorts = set(inside.values())
        if len(sorts) > 1 and (kind := next(steps, None)) is not None:
            part, kinds = inside[str(kind)], inside
        elif len(sorts) == 1:
            part, kinds = sorts.pop(), {}
        elif field is not None:
            break  # what follows is pydantic's name for one of the field's types
    return _Target(tuple(path), part, field, kinds)


def _wrong_value(target: _Target, wrong_kind: bool, root: Node) -> Problem:
    """A value that is missing or not accepted; a wrong kind is the fault of the key that names it."""
    path, field = target.path, target.field
    if field is None:
        what = f"a mapping with {keys_of(target.part)}"
    elif wrong_kind:
        what = ", ".join(kind_names(path, field))
        path = (*path, SHORTHANDS[path].key)
    else:
        node = root.at(path)
        what = accepted(path, field, node.value if node else None)
    node = root.at(path)
    if node is None:
        return Problem(holder_place(path, root), key_text(path), f"missing; accepted: {what}")
    meant = hint(path, field, node) if field and not wrong_kind else ""
    if wrong_kind:
        words = what.split(", ")
        meant = _several_values(path, words, node) or did_you_mean(node.value, words)
    return Problem(node.place, key_text(path), f"{given(node)} given; accepted: {what}{meant}")


def _unknown_key(target: _Target) -> str:
    key = str(target.path[-1])
    keys = ["extends", *Case.model_fields] if target.part is Case else list(target.part.model_fields)
    owners = [kind for kind, part in target.kinds.items() if key in part.model_fields]
    meant = _SHORT_FORMS.get(key, key)
    near = meant if meant in keys else _key_elsewhere(meant) or nearest_word(key, keys)
    tip = f"; did you mean {near}?" if near else ""
    if owners:
        # Only a network's kinds have no name of their own: its layers say what it is.
        tip = (
            "; it cannot stand beside layers" if "layers" in keys else f"; it belongs to {', '.join(owners)}"
        )
    return f"unknown key; accepted here: {', '.join(keys)}{tip}"


def _key_elsewhere(key: str) -> str | None:
    """Where in a case a key stands that was given in the wrong place."""
    if key in Case.model_fields:
        return key + _AT_THE_TOP
    for name, field in Case.model_fields.items():
        if any(key in part.model_fields for part in parts_in(field.annotation).values()):
            return f"{name}.{key}"
    return None


def key_of_option(option: str) -> str | None:
    """The key of a case that the user most likely means by ``--alpha`` or ``--learning-rate``."""
    name = option.lstrip("-").replace("-", "_")
    first = name.partition(".")[0]
    if first in Case.model_fields:
        return name
    elsewhere = _key_elsewhere(_SHORT_FORMS.get(name, name))
    return elsewhere and elsewhere.removesuffix(_AT_THE_TOP)


_TRUTH_WORDS = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+")
_UNREMARKABLE_LIMIT = 2**31 - 1


def accepted(path: Path, field: FieldInfo, value: object = None) -> str:
    """What the field takes; a limit that nobody meets is named only when `value` is beyond it."""
    if path in SHORTHANDS:
        return f"a mapping, or {_one_of(kind_names(path, field))}"
    return ", or ".join(_accepted_choice(choice, limits, value) for choice, limits in _choices(field))


def hint(path: Path, field: FieldInfo, node: Node) -> str:
    """What the user probably meant, as the end of a message; empty where that cannot be known."""
    choices = [choice for choice, _ in _choices(field)]
    value = node.value
    words = [word for choice in choices for word in literal_values(choice)]
    words += ["true", "false"] if bool in choices else []
    decimals = None if not {int, float}.intersection(choices) else float in choices
    if (words or decimals is not None) and (several := _several_values(path, words, node, bool(decimals))):
        return several
    if isinstance(value, str):
        return _word_hint(choices, value)
    if int in choices and isinstance(value, float) and value.is_integer():
        return f"; write {int(value)}"
    if str in choices and not any(map(literal_values, choices)) and isinstance(value, (bool, int, float)):
        quoted = f"'{node.text}'" if node.place.line else f"\"{key_text(path)}='{node.text}'\""
        return f"; write it in quotes: {quoted}"
    return ""


def _word_hint(choices: list[Any], value: str) -> str:
    if bool in choices and value.lower() in _TRUTH_WORDS:
        return f"; write {_TRUTH_WORDS[value.lower()]}"
    if int in choices or float in choices:
        return _number_hint(value.strip(), float in choices)
    return did_you_mean(value, [word for choice in choices for word in literal_values(choice)])


_SPACING = re.compile(r"-?\d+\.\.-?\d+|(log|linear):.*")


def _several_values(path: Path, words: Sequence[str], node: Node, decimals: bool = False) -> str:
    """That only a sweep takes several values, where `node` has several: some of `words`, or otherwise numbers.

    One comma may stand before `decimals`.
    """
    parts = [inner.text for inner in node.value] if isinstance(node.value, list) else node.text.split(",")
    parts = [part.strip() for part in parts]
    text = ",".join(parts)
    if words:
        several = set(parts) <= set(words)
    else:
        one = isinstance(node.value, str) and (
            _THOUSANDS.fullmatch(text) or (decimals and len(parts) == 2 and "." not in text)
        )
        several = not one and all(map(_is_number, parts))
    if not (several and len(parts) > 1) and not (isinstance(node.value, str) and _SPACING.fullmatch(text)):
        return ""
    short = path[:-1] in SHORTHANDS and SHORTHANDS[path[:-1]].key == path[-1]
    key = key_text(path[:-1] if short else path)
    return f"; for a run of each value: {celu_command('sweep', 'CASE', f'{key}={text}')}"


def _is_number(text: str) -> bool:
    value = resolve_scalar(text)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number_hint(text: str, fractions: bool) -> str:
    """How to write a number whose comma or underscores stand between thousands, or before a fraction."""
    bare = text.replace("_", "").replace(",", "")
    if "_" not in text and text.count(",") == 1 and "." not in text and not _THOUSANDS.fullmatch(text):
        if not fractions:
            return ""
        bare = text.replace(",", ".")
    return f"; write {bare}" if _is_number(bare) else ""


def _accepted_choice(choice: Any, metadata: list[Any], value: object) -> str:
    if choice is type(None):
        return "null"
    if values := literal_values(choice):
        return _one_of(values)
    if parts := parts_in(choice):
        mapping = f"with {keys_of(next(iter(parts.values())))}"
        most = next((limit.max_length for limit in metadata if isinstance(limit, MaxLen)), None)
        return f"a list of 1 to {most} mappings {mapping}" if most else f"a mapping {mapping}"
    if choice is str:
        patterns = list(filter(None, (getattr(limit, "pattern", None) for limit in metadata)))
        if USER_ACTIVATION_PATTERN in patterns:
            return "FILE.py:NAME for one of your own"
        name = "a name: letters, digits and _ . + -, at most 100, not beginning with . + or -"
        return name if patterns else "text"
    if choice is bool:
        return "true or false"
    finite = isinstance(value, float) and not math.isfinite(value)
    kind = "a whole number" if choice is int else "a finite number" if finite else "a number"
    return kind + _range(metadata, value)


def _range(metadata: list[Any], value: object) -> str:
    limits = []
    for limit in metadata:
        if isinstance(limit, Ge):
            limits.append(f"at least {limit.ge}")
        elif isinstance(limit, Gt):
            limits.append(f"above {limit.gt}")
        elif isinstance(limit, Lt):
            limits.append(f"below {limit.lt}")
        elif isinstance(limit, Le) and isinstance(limit.le, (int, float)):
            beyond = isinstance(value, (int, float)) and value > limit.le
            limits += [f"at most {limit.le}"] if beyond or limit.le < _UNREMARKABLE_LIMIT else []
        elif isinstance(limit, Float32) and isinstance(value, (int, float)) and math.isfinite(value):
            limits += filter(None, [limit.problem(value)])
    return f", {' and '.join(limits)}" if limits else ""


def _choices(field: FieldInfo) -> list[tuple[Any, list[Any]]]:
    """The types a field takes, each with its limits."""
    union = get_origin(field.annotation) in (Union, types.UnionType)
    return [
        _unwrap(one, field.metadata) for one in (get_args(field.annotation) if union else [field.annotation])
    ]


def _unwrap(annotation: Any, limits: list[Any]) -> tuple[Any, list[Any]]:
    if get_origin(annotation) is not Annotated:
        return annotation, limits
    inner, *notes = get_args(annotation)
    return inner, [limit for note in notes if isinstance(note, FieldInfo) for limit in note.metadata]


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"
