"""What differs between two cases, grouped by meaning, and what each difference can do to the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from celu_cli.analysis.change_notes import note_of
from celu_cli.analysis.effective import EffectivePart, effective_parts, same_layers
from celu_cli.case.schema import Case, CosineSchedule, DilatedBackprop

# result: can change it. rounding: can part two curves, but favours neither. length: later epochs only.
Effect = Literal["result", "rounding", "length", "none"]

_NAMES = {
    "activation": "activation",
    "backprop.method": "backprop method",
    "backprop.rule": "gradient rule",
    "backprop.rate": "dilated rate",
    "backprop.decay": "decay of the dilated rate",
    "batch_size": "batch size",
    "convolution": "convolution algorithm",
    "dataset.hold_out": "images held out",
    "dataset.name": "dataset",
    "dataset.sample": "sample or full set",
    "network.initializer.name": "initializer",
    "network.preset": "network",
    "optimizer.bias_correction": "optimizer's bias correction",
    "optimizer.learning_rate": "learning rate",
    "optimizer.name": "optimizer rule",
    "schedule.name": "learning-rate schedule",
}
_PASSIVE = ("name", "description", "published", "fidelity")


@dataclass(frozen=True)
class Value:
    """A key with its value on each side; None where a side has no such key.

    `implied_a` and `implied_b` say that the side's kind fixes the value, so that no key can change it there.
    """

    key: str
    a: Any
    b: Any
    implied_a: bool = False
    implied_b: bool = False


@dataclass(frozen=True)
class Change:
    """One thing that differs, with all keys that cannot differ without it."""

    name: str
    effect: Effect
    values: tuple[Value, ...]
    note: str = ""
    part: str = ""


def case_changes(a: Case, b: Case) -> list[Change]:
    """Everything in which two cases differ, what can change the result first."""
    ours, theirs = effective_parts(a), effective_parts(b)
    found = [change for name in ours for change in _part_changes(name, ours[name], theirs[name], a, b)]
    return by_effect([*found, *_passive_changes(a, b)])


def by_effect(changes: Iterable[Change]) -> list[Change]:
    """What can change the result first, what cannot last; else in the order given."""
    return sorted(changes, key=lambda change: get_args(Effect).index(change.effect))


def _part_changes(
    name: str, ours: EffectivePart, theirs: EffectivePart, a: Case, b: Case
) -> Iterator[Change]:
    shared = [key for key in ours.values if key in theirs.values]
    alone = [key for key in (*ours.values, *theirs.values) if key not in shared]
    differing = [key for key in shared if ours.values[key] != theirs.values[key]]
    groups = [[key] for key in differing]
    if ours.kind in differing:
        groups[differing.index(ours.kind)] += alone
    elif alone:
        groups.append(alone)
    for keys in groups:
        values = tuple(_value(key, ours, theirs) for key in keys)
        title = "network" if name == "network" and alone else _name(values[0].key)
        effect = _effect(title, a, b)
        yield Change(title, effect, values, note_of(title, effect, a, b), name)


def _value(key: str, ours: EffectivePart, theirs: EffectivePart) -> Value:
    return Value(
        ours.key(key),
        ours.values.get(key),
        theirs.values.get(key),
        key in ours.implied,
        key in theirs.implied,
    )


def _name(key: str) -> str:
    """What a key is called: its own word, with the part's where that would say too little."""
    if key in _NAMES:
        return _NAMES[key]
    part, _, word = key.rpartition(".")
    return f"{part.rpartition('.')[2]}'s {word}" if part else word


def _effect(name: str, a: Case, b: Case) -> Effect:
    if name == "backprop method" and _equal_gradients(a, b):
        return "rounding"
    if name == "convolution algorithm":
        return "rounding"
    if name == "epochs" and not any(isinstance(case.schedule, CosineSchedule) for case in (a, b)):
        return "length"
    if name == "network" and same_layers(a, b):
        return "none"
    return "result"


def _equal_gradients(a: Case, b: Case) -> bool:
    """Whether two methods differ in rounding alone; the rule, if it differs, is a change of its own."""
    return not any(isinstance(case.backprop, DilatedBackprop) and case.backprop.rate for case in (a, b))


def _passive_changes(a: Case, b: Case) -> Iterator[Change]:
    for key in _PASSIVE:
        ours, theirs = (case.model_dump(mode="python")[key] for case in (a, b))
        if ours != theirs:
            yield Change(key, "none", (Value(key, ours, theirs),))
