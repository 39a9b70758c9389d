"""What differs between two cases, grouped by meaning, and what each difference can do to the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal, get_args

from celu_cli.case.schema import UNTRAINED_KEYS, Case
from celu_cli.case.settings import (
    ALPHA_IS_SCALE,
    PartSettings,
    differing_names,
    key_title,
    one_celu_alpha,
    part_settings,
    same_layers,
)

# result: can change it. rounding: can make two curves differ, but favours neither. length: later epochs only.
Effect = Literal["result", "rounding", "length", "none"]


@dataclass(frozen=True)
class Value:
    """A key with its value in A and in B; None where that has no such key.

    `implied_a` and `implied_b` say that its kind fixes the value, so that no key can change it there.
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
    ours, theirs = part_settings(a), part_settings(b)
    found = [change for name in ours for change in _part_changes(name, ours[name], theirs[name], a, b)]
    return by_effect([*found, *_passive_changes(a, b)])


def by_effect(changes: Iterable[Change]) -> list[Change]:
    """What can change the result first, what cannot last; otherwise in the order given."""
    return sorted(changes, key=lambda change: get_args(Effect).index(change.effect))


def _part_changes(name: str, ours: PartSettings, theirs: PartSettings, a: Case, b: Case) -> Iterator[Change]:
    for keys in differing_names([ours, theirs]):
        values = tuple(
            Value(
                ours.key(key),
                ours.values.get(key),
                theirs.values.get(key),
                key in ours.implied,
                key in theirs.implied,
            )
            for key in keys
        )
        known = keys[0] in ours.values and keys[0] in theirs.values
        title = key_title(values[0].key) if known or name != "network" else "network"
        effect = _effect(title, a, b)
        yield Change(title, effect, values, note_of(title, effect, a, b), name)


def _effect(name: str, a: Case, b: Case) -> Effect:
    skips = any(case.backprop.method == "dilated" and case.backprop.rate for case in (a, b))
    cosine = any(case.schedule.name == "cosine" for case in (a, b))
    # Without skips two methods differ in rounding alone; the rule, if it differs, is a change of its own.
    if name in ("convolution algorithm", "shares of a batch") or (name == "backprop method" and not skips):
        return "rounding"
    if name == "epochs" and not cosine:
        return "length"
    return "none" if name == "network" and same_layers(a, b) else "result"


def _passive_changes(a: Case, b: Case) -> Iterator[Change]:
    for key in UNTRAINED_KEYS:
        ours, theirs = (case.model_dump(mode="python")[key] for case in (a, b))
        if ours != theirs:
            yield Change(key, "none", (Value(key, ours, theirs),))


def note_of(name: str, effect: str, a: Case, b: Case) -> str:
    """What is known of the change called `name`; empty where nothing is."""
    match name:
        case "alpha" if one_celu_alpha(a) and one_celu_alpha(b):
            return ALPHA_IS_SCALE
        case "backprop method":
            return _backprop_note(a, b, effect)
        case "convolution algorithm":
            return "the same convolution, rounded slightly differently: not a likely cause"
        case "shares of a batch":
            return "the same sums over a batch, rounded slightly differently: not a likely cause"
        case "epochs" if effect == "result":
            return (
                "the cosine schedule stretches to the last epoch, so the learning rates of all epochs differ"
            )
        case "epochs":
            return "the epochs that both have are not affected"
        case "gradient rule":
            return (
                "article doubles the derivative of CELU on the positive side, which changes the direction, and "
                "leaves out two means, which Adam-like rules nearly cancel"
            )
        case "moment in the update":
            return (
                "the old moment lacks this step's gradient, as if the gradients came a step late; the article's "
                "scripts leave open which of the two an update uses"
            )
        case "network" if effect == "none":
            return "written differently, but the layers are the same"
        case "optimizer rule" if any(getattr(case.optimizer, "maximum", None) == "tensor" for case in (a, b)):
            return (
                "this AMSGrad is the article's: it keeps the whole tensor with the larger sum, not each larger "
                "element"
            )
        case "optimizer's bias correction":
            return _bias_correction_note(a, b)
        case "optimizer's maximum":
            return (
                "the elementwise maximum keeps every spike of the squared gradient, so steps shrink; tensor is the "
                "article's"
            )
        case "seed":
            return (
                "different initial weights and a different order of the images; only several seeds can distinguish a "
                "cause from luck"
            )
    return ""


def _backprop_note(a: Case, b: Case, effect: str) -> str:
    if effect == "result":
        return "dilated backprop adds skip gradients, so its direction is not that of the loss's gradient"
    if "dilated" in (a.backprop.method, b.backprop.method):
        return "at rate 0 dilated backprop adds nothing: the gradient is that of manual"
    return (
        "the tape and the hand-written code give the same gradient up to rounding under the exact rule: "
        "not a likely cause"
    )


def _bias_correction_note(a: Case, b: Case) -> str:
    settings = [part_settings(case)["optimizer"].values for case in (a, b)]
    corrected = next(values for values in settings if values["bias_correction"])
    beta_1, beta_2 = corrected["beta_1"], corrected["beta_2"]
    first, later = (sqrt(1 - beta_2**step) / (1 - beta_1**step) for step in (1, 1000))
    always = f"{corrected['name']} always corrects; " if corrected["name"] != "amsgrad" else ""
    return (
        f"{always}at beta_1 {beta_1:g} and beta_2 {beta_2:g} it multiplies the first step by {first:.3g} "
        f"and the 1000th by {later:.3g}"
    )
