"""Cases that lie one change apart, to separate the effects of confounded changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celu_cli.analysis.why.changes import Change, case_changes
from celu_cli.analysis.why.subject import Subject
from celu_cli.case.load import load_case
from celu_cli.case.reading.document import resolve_scalar
from celu_cli.case.reading.kinds import parts_in
from celu_cli.case.schema import Case
from celu_cli.case.settings import PartSettings, part_settings
from celu_cli.errors import CaseError
from celu_cli.text import celu_command


@dataclass(frozen=True)
class Proposal:
    """A command that trains A or B (its `start`) with one change of the other's.

    `command` is None where no valid case has that change alone.
    """

    change: str
    start: str
    command: str | None


def propose(a: Subject, b: Subject, change: Change) -> Proposal:
    """A case that differs from A in `change` alone, or otherwise one that differs from B in it alone."""
    for start, base, other in (("A", a, b), ("B", b, a)):
        for new in _overrides(change, base.case, other.case):
            kept = [one for one in base.overrides if not _sets_the_same(one, new)]
            if _is_single(change, base, [*kept, *new]):
                return Proposal(change.name, start, celu_command("run", base.reference, *kept, *new))
    return Proposal(change.name, "", None)


def _sets_the_same(kept: str, new: Sequence[str]) -> bool:
    """Whether one of `new` sets the key of `kept`, or chooses the kind of the part that it belongs to."""
    key, keys = kept.partition("=")[0], {one.partition("=")[0] for one in new}
    part = key.partition(".")[0]
    return key in keys or bool(keys & {f"{part}.name", f"{part}.method"})


def _is_single(change: Change, base: Subject, overrides: Sequence[str]) -> bool:
    """Whether the case is valid and differs from its base in that change and nothing else that counts."""
    try:
        made = load_case(base.reference, overrides, to_train=False)
    except CaseError:
        return False
    return {found.name for found in case_changes(base.case, made) if found.effect != "none"} == {change.name}


def _overrides(change: Change, base: Case, other: Case) -> Iterator[list[str]]:
    """Overrides that bring `change` of `other` into `base`, the fewest first; none where its kind has no such key."""
    ours, theirs = part_settings(base)[change.part], part_settings(other)[change.part]
    keys = [value.key.rpartition(".")[2] for value in change.values]
    if change.part == "network" and not set(ours.values) & set(theirs.values):
        # A preset and a list of layers have no key in common; the weights are drawn as before.
        initializer = base.network.initializer.model_dump()
        yield [f"network={_yaml({**theirs.values, 'initializer': initializer})}"]
    elif ours.kind in keys:
        for defaults in (False, True):
            yield _written(theirs, _of_another_kind(change.part, ours, theirs, defaults))
    elif not set(keys) & ours.implied and set(keys) <= set(theirs.values):
        yield _written(theirs, {key: theirs.values[key] for key in keys})


def _written(part: PartSettings, chosen: Mapping[str, Any]) -> list[str]:
    return [f"{part.key(key)}={_yaml(value)}" for key, value in chosen.items()]


def _of_another_kind(
    part: str, ours: PartSettings, theirs: PartSettings, with_defaults: bool
) -> dict[str, Any]:
    """The other's kind, with our values of the keys that both have.

    Defaults have to be written where the case's file has that kind already, with values of its own.
    """
    assert theirs.kind is not None
    kind = theirs.values[theirs.kind]
    defaults = _defaults(part, kind)
    chosen = {
        key: ours.values.get(key, value)
        for key, value in theirs.values.items()
        if key not in theirs.implied and key != theirs.kind
    }
    if not with_defaults:
        chosen = {
            key: value for key, value in chosen.items() if key not in defaults or defaults[key] != value
        }
    if part == "dataset":  # which loses nothing when it becomes the sample, or the sample it
        chosen = {key: value for key, value in chosen.items() if ours.values.get(key) != value}
    if part == "activation":  # alpha stands beside it, not in it: nothing drops the old one
        chosen.setdefault("alpha", None)
    return {theirs.kind: kind} | chosen


def _defaults(part: str, kind: str) -> Mapping[str, Any]:
    field = Case.model_fields.get(part)
    model = parts_in(field.annotation).get(kind) if field else None
    fields = model.model_fields if model else {}
    return {key: each.default for key, each in fields.items() if not each.is_required()}


def _yaml(value: Any) -> str:
    """`value` as one writes it after the equals sign; text that YAML would take for something else is quoted."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value and not value.is_integer() else repr(value)
    if isinstance(value, str) and value and resolve_scalar(value) == value and value.isprintable():
        return value
    return json.dumps(value)
