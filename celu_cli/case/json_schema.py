"""The JSON Schema of a case file, for editors that complete and check YAML as it is typed."""

from __future__ import annotations

from typing import Any

from celu_cli.case.reading.kinds import SHORTHANDS, names_alone, parts_in
from celu_cli.case.schema import Case, LayerSpec, Part

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def case_json_schema() -> dict[str, Any]:
    """What a case file may say; the loader remains the judge of what a schema cannot express.

    A file that extends another may leave out any key, within its parts too; one that does not must be whole.
    """
    schema = _without_titles(Case.model_json_schema())
    definitions = schema["$defs"]
    required = schema.pop("required")
    _accept_words(Case, schema, definitions)
    for name, part in definitions.items():
        if name != LayerSpec.__name__:  # layers are replaced, never merged, so each is whole
            part.pop("required", None)
    whole = {
        path[0]: {"if": {"type": "object"}, "then": {"required": [shorthand.key]}}
        for path, shorthand in SHORTHANDS.items()
        if path[0] in required and len(path) == 1 and shorthand.default is None
    }
    return {
        "$schema": _DIALECT,
        "title": "celu case",
        **schema,
        "properties": {"extends": _EXTENDS, **schema["properties"]},
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": required, "properties": whole},
    }


_EXTENDS = {
    "type": "string",
    "description": "a case to take all other keys from: its name, or a path relative to this file",
}


def _accept_words(
    part: type[Part], schema: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...] = ()
) -> None:
    """Beside the mappings of a part, list the bare names that stand for one."""
    for name, field in part.model_fields.items():
        here = (*path, name)
        kinds = list(dict.fromkeys(parts_in(field.annotation).values()))
        for kind in kinds:
            _accept_words(kind, definitions[kind.__name__], definitions, here)
        if here in SHORTHANDS:
            mappings = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds]
            schema["properties"][name] = {"anyOf": [{"enum": names_alone(here, field)}, *mappings]}


def _without_titles(schema: Any) -> Any:
    """Without the titles that pydantic makes of the keys, which only repeat them."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }
