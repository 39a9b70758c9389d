"""The kinds of a part that the schema allows, and the bare names that stand for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from celu_cli.case.annotations import Shorthand
from celu_cli.case.reading.document import Path
from celu_cli.case.schema import Case, Part


def parts_in(annotation: Any) -> dict[str, type[Part]]:
    """The parts that an annotation allows, by the names of their kinds."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        for key in ("name", "method"):
            if names := _names_in(annotation, key):
                return dict.fromkeys(names, annotation)
        return {next(iter(annotation.model_fields)): annotation}
    found: dict[str, type[Part]] = {}
    for argument in get_args(annotation):
        found |= parts_in(argument)
    return found


def _fields(part: type[Part] = Case, path: Path = ()) -> Iterator[tuple[Path, FieldInfo]]:
    """Every field of a case, those inside its parts among them, by its key path."""
    for name, field in part.model_fields.items():
        yield (*path, name), field
        for inner in parts_in(field.annotation).values():
            yield from _fields(inner, (*path, name))


def keys_of(part: type[Part]) -> str:
    """The keys of a part, listed."""
    return ", ".join(part.model_fields)


def kind_names(path: Path, field: FieldInfo) -> list[str]:
    """The bare names that the field at `path` takes."""
    parts = dict.fromkeys(parts_in(field.annotation).values())
    return [name for part in parts for name in _names_in(part, SHORTHANDS[path].key)]


def names_alone(path: Path, field: FieldInfo) -> list[str]:
    """The bare names at `path` that need nothing beside them."""
    key = SHORTHANDS[path].key
    return [
        name
        for part in dict.fromkeys(parts_in(field.annotation).values())
        if not any(inner.is_required() for other, inner in part.model_fields.items() if other != key)
        for name in _names_in(part, key)
    ]


def literal_values(annotation: Any) -> list[str]:
    return list(get_args(annotation)) if get_origin(annotation) is Literal else []


def _names_in(part: type[Part], key: str) -> list[str]:
    return literal_values(part.model_fields[key].annotation) if key in part.model_fields else []


SHORTHANDS = {path: one for path, field in _fields() for one in field.metadata if isinstance(one, Shorthand)}
"""The key paths at which a bare name may stand for a mapping."""
PARTS = frozenset(path for path, field in _fields() if parts_in(field.annotation))
"""The key paths at which a part stands, or a list of parts."""
