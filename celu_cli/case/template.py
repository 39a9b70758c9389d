"""A new case as YAML that has every key, written from the schema: what has a default stands behind a #."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import wrap

from pydantic.fields import FieldInfo

from celu_cli.case.reading.document import Path, resolve_scalar
from celu_cli.case.reading.explain import accepted
from celu_cli.case.reading.kinds import SHORTHANDS, literal_values, parts_in
from celu_cli.case.schema import Adam, Case, DatasetSpec, Part

_HEAD = """\
## A case of celu. Lines with ## explain the key below them; lines with one # hold the value that is used where nothing
## is written: to change it, take the # away, and that of the key it stands under. `celu show FILE` checks the case.
"""
_WIDTH = 100


def case_template(name: str) -> str:
    """The text of a file for the case `name`, which is valid as it is and with any of its values uncommented."""
    case = Case(name=name, dataset=DatasetSpec(name="mnist"), optimizer=Adam(name="adam"), epochs=5)
    given = {"dataset", "optimizer", "epochs"}  # a case has its file's name without saying it
    return "\n".join([_HEAD, *_lines(case, given, ()), ""])


def _lines(part: Part, given: set[str], path: Path) -> Iterator[str]:
    """The keys of `part`, each below what it means; only those `given` are no comments."""
    indent = "  " * len(path)
    for key, field in type(part).model_fields.items():
        here, value = (*path, key), getattr(part, key)
        mark = indent if key in given else f"# {indent}"
        if isinstance(value, Part):
            yield from ["", *_kinds(indent, here, field), f"{mark}{key}:"]
            yield from _lines(value, value.model_fields_set if key in given else set(), here)
            continue
        if not path:
            yield ""
        if len(literal_values(field.annotation)) != 1:  # otherwise it is the name of the kind
            yield from _comment(indent, f"{field.description or 'which'} ({accepted(here, field)})")
        plain = isinstance(value, str) and value and resolve_scalar(value) == value
        yield f"{mark}{key}: {value if plain else json.dumps(value)}"


def _kinds(indent: str, path: Path, field: FieldInfo) -> Iterator[str]:
    """What each kind of a part is, and which keys it has."""
    word = SHORTHANDS[path].key if path in SHORTHANDS else ""
    kinds = parts_in(field.annotation)
    for part in dict.fromkeys(kinds.values()):
        names = " or ".join(name for name, one in kinds.items() if one is part)
        about = (part.__doc__ or "").strip().split("\n")[0].rstrip(".")
        keys = ", ".join(key for key in part.model_fields if key != word)
        yield from _comment(indent, f"{names}: {about}" + (f"; keys: {keys}" if keys else ""))


def _comment(indent: str, text: str) -> Iterator[str]:
    for line in wrap(text, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False):
        yield f"## {indent}{line}"
