"""What the schema says of a field, in words: read off the models, so never other than what is checked."""

from __future__ import annotations

import math
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic.fields import FieldInfo

from celu_cli.case.document import Node, Path, resolve_scalar
from celu_cli.case.float32 import Float32
from celu_cli.case.schema import Case, Part
from celu_cli.case.shorthand import Word
from celu_cli.case.vocabulary import OWN_ACTIVATION_PATTERN
from celu_cli.case.words import nearest_word

_TRUTH_WORDS = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
_UNREMARKABLE_LIMIT = 2**31 - 1


def parts_in(annotation: Any) -> dict[str, type[Part]]:
    """The parts that an annotation allows, by the names of their kinds."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        for key in ("name", "method"):
            if words := _words_of(annotation, key):
                return dict.fromkeys(words, annotation)
        return {next(iter(annotation.model_fields)): annotation}
    found: dict[str, type[Part]] = {}
    for argument in get_args(annotation):
        found |= parts_in(argument)
    return found


def _find_words(part: type[Part] = Case, path: Path = ()) -> dict[Path, Word]:
    """The key paths at which a bare word may stand for a mapping."""
    found: dict[Path, Word] = {}
    for name, field in part.model_fields.items():
        here = (*path, name)
        for word in field.metadata:
            if isinstance(word, Word):
                found[here] = word
        for inner in parts_in(field.annotation).values():
            found |= _find_words(inner, here)
    return found


def keys_of(part: type[Part]) -> str:
    """The keys of a part, listed."""
    return ", ".join(part.model_fields)


def kind_words(path: Path, field: FieldInfo) -> list[str]:
    """The bare words that the field at `path` takes."""
    parts = dict.fromkeys(parts_in(field.annotation).values())
    return [word for part in parts for word in _words_of(part, WORDS[path].key)]


def words_alone(path: Path, field: FieldInfo) -> list[str]:
    """The bare words at `path` that need nothing beside them."""
    key = WORDS[path].key
    return [
        word
        for part in dict.fromkeys(parts_in(field.annotation).values())
        if not any(inner.is_required() for name, inner in part.model_fields.items() if name != key)
        for word in _words_of(part, key)
    ]


def accepted(path: Path, field: FieldInfo, value: object = None) -> str:
    """What the field takes; a limit that nobody meets is named only when `value` is beyond it."""
    if path in WORDS:
        return f"a mapping, or {_one_of(kind_words(path, field))}"
    return ", or ".join(_accepted_choice(choice, limits, value) for choice, limits in _choices(field))


def hint(field: FieldInfo, node: Node) -> str:
    """What the person probably meant, as the end of a message; empty where that cannot be told."""
    choices = [choice for choice, _ in _choices(field)]
    value = node.value
    if isinstance(value, str):
        return _word_hint(choices, value)
    if int in choices and isinstance(value, float) and value.is_integer():
        return f"; write {int(value)}"
    if str in choices and not any(map(_literal_words, choices)) and isinstance(value, (bool, int, float)):
        return f"; write it in quotes: '{node.text}'"
    return ""


def did_you_mean(word: object, words: Iterable[str]) -> str:
    """The nearest of `words` as the end of a message."""
    near = nearest_word(word, words) if isinstance(word, str) else None
    return f"; did you mean {near}?" if near else ""


def _word_hint(choices: list[Any], value: str) -> str:
    if bool in choices and value.lower() in _TRUTH_WORDS:
        return f"; write {_TRUTH_WORDS[value.lower()]}"
    if int in choices or float in choices:
        bare = value.strip().replace("_", "").replace(",", "")
        number = resolve_scalar(bare)
        return f"; write {bare}" if isinstance(number, (int, float)) and not isinstance(number, bool) else ""
    return did_you_mean(value, [word for choice in choices for word in _literal_words(choice)])


def _accepted_choice(choice: Any, metadata: list[Any], value: object) -> str:
    if choice is type(None):
        return "null"
    if words := _literal_words(choice):
        return _one_of(words)
    if parts := parts_in(choice):
        mapping = f"with {keys_of(next(iter(parts.values())))}"
        most = next((limit.max_length for limit in metadata if isinstance(limit, MaxLen)), None)
        return f"a list of 1 to {most} mappings {mapping}" if most else f"a mapping {mapping}"
    if choice is str and OWN_ACTIVATION_PATTERN in [getattr(limit, "pattern", None) for limit in metadata]:
        return "FILE.py:NAME for one of your own"
    if choice is str:
        named = any(getattr(limit, "pattern", None) for limit in metadata)
        return (
            "a name: letters, digits and _ . + -, at most 100, not beginning with . + or -"
            if named
            else "text"
        )
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
            passed = isinstance(value, (int, float)) and value > limit.le
            limits += [f"at most {limit.le}"] if passed or limit.le < _UNREMARKABLE_LIMIT else []
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


def _literal_words(annotation: Any) -> list[str]:
    return list(get_args(annotation)) if get_origin(annotation) is Literal else []


def _words_of(part: type[Part], key: str) -> list[str]:
    return _literal_words(part.model_fields[key].annotation) if key in part.model_fields else []


def _one_of(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


WORDS = _find_words()
