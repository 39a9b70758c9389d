"""Cases that lie one change apart, to tell the effects of confounded changes from each other."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celu_cli.analysis.why.changes import Change, case_changes
from celu_cli.analysis.why.settings import PartSettings, part_settings
from celu_cli.analysis.why.subject import Base
from celu_cli.case.load import load_case
from celu_cli.case.reading.document import resolve_scalar
from celu_cli.case.reading.kinds import parts_in
from celu_cli.case.schema import Case
from celu_cli.errors import CaseError


@dataclass(frozen=True)
class Proposal:
    """A command that trains one side with one change of the other's; `start` is "A" or "B".

    `command` is None where no valid case has that change alone.
    """

    change: str
    start: str
    command: str | None


def propose(a: Base, b: Base, changes: Sequence[Change]) -> list[Proposal]:
    """For each of `changes` a case that differs from A in it alone, or else one that differs from B in it alone."""
    return [_propose(a, b, change) for change in changes]


def _propose(a: Base, b: Base, change: Change) -> Proposal:
    for start, base, other in (("A", a, b), ("B", b, a)):
        words = _words(change, base.case, other.case)
        if words is None:
            continue
        overrides = [*_not_said_again(base.overrides, words), *words]
        if _is_single(change, base, overrides):
            command = shlex.join(["celu", "run", base.reference, *overrides])
            return Proposal(change.name, start, command)
    return Proposal(change.name, "", None)


def _not_said_again(overrides: Sequence[str], words: Sequence[str]) -> list[str]:
    """The overrides whose keys `words` do not have."""
    keys = {word.partition("=")[0] for word in words}
    return [override for override in overrides if override.partition("=")[0] not in keys]


def _is_single(change: Change, base: Base, overrides: Sequence[str]) -> bool:
    """Whether the case is valid and differs from its base in that change and nothing else that counts."""
    try:
        made = load_case(base.reference, overrides, to_train=False)
    except CaseError:
        return False
    names = {found.name for found in case_changes(base.case, made) if found.effect != "none"}
    return names == {change.name}


def _words(change: Change, base: Case, other: Case) -> list[str] | None:
    """Overrides that bring `change` of `other` into `base`; None where base's kind has no such key."""
    ours, theirs = part_settings(base)[change.part], part_settings(other)[change.part]
    keys = [value.key.rpartition(".")[2] for value in change.values]
    if change.part == "network" and not set(ours.values) & set(theirs.values):
        # A preset and a list of layers have no key in common; the weights are drawn as before.
        initializer = base.network.initializer.model_dump()
        return [_word("network", {**theirs.values, "initializer": initializer})]
    if ours.kind in keys:
        return _of_another_kind(change.part, ours, theirs)
    if set(keys) & ours.implied or not all(key in theirs.values for key in keys):
        return None
    return [_word(ours.key(key), theirs.values[key]) for key in keys]


def _of_another_kind(part: str, ours: PartSettings, theirs: PartSettings) -> list[str]:
    """The other's kind, with our values of the keys that both have."""
    assert theirs.kind is not None
    values = {**theirs.values, **{key: value for key, value in ours.values.items() if key in theirs.values}}
    kind = theirs.values[theirs.kind]
    defaults = _defaults(part, kind)
    chosen = {
        key: value
        for key, value in values.items()
        if key not in theirs.implied
        and key != theirs.kind
        and (key not in defaults or defaults[key] != value)
    }
    if part == "dataset":  # which loses nothing when it becomes the sample, or the sample it
        chosen = {key: value for key, value in chosen.items() if ours.values.get(key) != value}
    if part == "activation":
        chosen.setdefault(
            "alpha", None
        )  # alpha stands beside the activation, not in it: nothing drops the old one
    words = {theirs.kind: kind} | chosen
    return [_word(theirs.key(key), value) for key, value in words.items()]


def _defaults(part: str, kind: str) -> Mapping[str, Any]:
    if part not in Case.model_fields:
        return {}
    model = parts_in(Case.model_fields[part].annotation).get(kind)
    if model is None:
        return {}
    return {key: field.default for key, field in model.model_fields.items() if not field.is_required()}


def _word(key: str, value: Any) -> str:
    return f"{key}={_yaml(value)}"


def _yaml(value: Any) -> str:
    """`value` as one writes it after the equals sign; text that YAML would take for something else is quoted."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value and not value.is_integer() else repr(value)
    if isinstance(value, str) and value and resolve_scalar(value) == value and value.isprintable():
        return value
    return json.dumps(value)
