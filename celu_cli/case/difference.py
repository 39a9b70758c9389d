"""What differs between two cases."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from celu_cli.case.annotations import Role
from celu_cli.case.schema import Case, keys_with_role

# What is measured counts: a resumed run goes on measuring as it began.
_IGNORED = keys_with_role(Role.LABEL, Role.COMPARISON)
_ABSENT = "nothing"


@dataclass(frozen=True)
class Difference:
    """A key, as one writes it on the command line, with its value in each case."""

    key: str
    first: Any
    second: Any

    def __str__(self) -> str:
        return f"{self.key}: {self.first} -> {self.second}"


def differences(first: Case, second: Case) -> list[Difference]:
    """The keys that decide what is trained and measured and whose values differ, in the schema's order."""
    one, other = settings(first), settings(second)
    return [
        Difference(key, one.get(key, _ABSENT), other.get(key, _ABSENT))
        for key in {**one, **other}
        if one.get(key, _ABSENT) != other.get(key, _ABSENT)
    ]


def settings(case: Case, but: Collection[str] = _IGNORED) -> dict[str, Any]:
    """Every key that decides what is trained and measured, as on the command line, with its value if it has one.

    `but` are the keys of the case that are left out.
    """
    return dict(leaves(case.model_dump(exclude=set(but))))


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The values inside nested mappings, each with its dotted key below `key`; None is no value."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{key}.{name}" if key else name)
    elif value is not None:
        yield key, value
