"""Conditions that choose cases by their values: ``alpha=1,4 optimizer=adam``, with values written as for a sweep."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celu_cli.case.reading.document import Place
from celu_cli.case.reading.explain import key_of_option
from celu_cli.case.reading.files import with_whole_paths
from celu_cli.case.reading.kinds import SHORTHANDS
from celu_cli.case.reading.overrides import KEY, under_key
from celu_cli.case.reading.values import Axis, ValueProblem, read_axis
from celu_cli.case.schema import Case
from celu_cli.case.settings import settings_in_force, value_text
from celu_cli.errors import UsageError
from celu_cli.text import did_you_mean

_BETWEEN = re.compile(r"\s+(?=[A-Za-z_][\w.]*\s*=)")
_FORM = "write key=value or key=value,value, such as --where 'alpha=1,4 optimizer=adam'"


@dataclass(frozen=True)
class Where:
    """All of the conditions hold: of each key, the case has one of the values."""

    conditions: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def matches(self, case: Case) -> bool:
        """Whether `case` has one of the values of every key."""
        settings = _settings(case)
        return all(_among(settings.get(key), values) for key, values in self.conditions)

    def choose(self, cases: Sequence[Case]) -> list[bool]:
        """For each of `cases` whether it is chosen.

        Raises:
            UsageError: none is; the text says which key or value none of them has.
        """
        chosen = [self.matches(case) for case in cases]
        if any(chosen) or not self.conditions:
            return chosen
        found = [_settings(case) for case in cases]
        known = dict.fromkeys(key for settings in found for key in settings)
        for key, values in self.conditions:
            if key not in known:
                meant = did_you_mean(key_of_option(key) or key, known)
                raise UsageError(f"none of these runs has the key {key}{meant}")
            if not any(_among(settings.get(key), values) for settings in found):
                there = ", ".join(sorted({value_text(each[key]) for each in found if key in each}))
                asked = ",".join(map(value_text, values))
                raise UsageError(f"no run has {key}={asked}; there are {key}={there}")
        raise UsageError("each condition holds for some run, but no run meets them all")


def parse_where(text: str) -> Where:
    """The conditions in `text`.

    Raises:
        UsageError: one is not written as it should be.
    """
    conditions = []
    for word in _BETWEEN.split(text.strip()):
        key, equals, values = (part.strip() for part in word.partition("="))
        if not equals or not KEY.fullmatch(key):
            raise UsageError(f"--where {text!r}: {word!r} is not a condition; {_FORM}")
        try:
            axis = read_axis(key, values, Place("--where"))
        except ValueProblem as error:
            raise UsageError(f"--where {key}: {error}") from None
        short = SHORTHANDS.get((key,))
        conditions.append((f"{key}.{short.key}" if short else key, tuple(_values(axis))))
    return Where(tuple(conditions))


def parse_group_name(name: str) -> tuple[str, Where] | None:
    """The case and the conditions of a group's printed name, such as ``case-b alpha=1``; None for any other name."""
    case, *pairs = _BETWEEN.split(name.strip())
    pairs = [re.sub(r"\s\+\d+$", "", pair) for pair in pairs]  # how many keys the name leaves out
    if not pairs or re.search(r"[\s=]", case):
        return None
    if any(re.fullmatch(r"network\.layers\s*=\s*#\d+", pair) for pair in pairs):
        raise UsageError(
            f"{name!r}: every table numbers its layers by itself; name a run of the group instead"
        )
    return case, parse_where(" ".join(pairs))


def _values(axis: Axis) -> list[Any]:
    """The values as a case has them: files of activations with their whole paths."""
    found = []
    for node in axis.values:
        whole: Any = with_whole_paths(under_key(axis.key, node, axis.place), Path()).plain()
        while isinstance(whole, dict) and not isinstance(node.value, dict):
            [whole] = whole.values()
        found.append(whole)
    return found


def _settings(case: Case) -> Mapping[str, Any]:
    return {"case": case.name, "name": case.name, **settings_in_force(case)}


def _among(value: Any, values: Collection[Any]) -> bool:
    """Numbers are equal however they are written; true is no number."""
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in values)
