"""What a case trains, as one short text: two cases with the same identity train the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from celu_cli.case.activations import activation_label, alpha_rule
from celu_cli.case.annotations import Role
from celu_cli.case.schema import UNTRAINED_KEYS, Case, keys_with_role

_APART = {*UNTRAINED_KEYS, *keys_with_role(Role.SEED)}
_DIGITS = 32


def identity(case: Case, code: Iterable[str] = ()) -> str:
    """32 hexadecimal digits of the SHA-256 of every key that trains, defaults left out.

    A key that a later schema adds changes nothing where it has its default. `code` are the SHA-256 of the files that
    the user's activations come from; where those files lie does not count.
    """
    return seedless_identity(case, code)(case.seed)


def seedless_identity(case: Case, code: Iterable[str] = ()) -> Callable[[int], str]:
    """The identity of a case for any seed; cheap where many seeds share the rest."""
    values = case.model_dump(exclude=_APART, exclude_defaults=True)
    rule = alpha_rule(case.activation)
    if rule is not None and case.alpha == rule.default:
        values.pop("alpha", None)
    text = json.dumps([_without_defaults(values), sorted(code)], sort_keys=True, separators=(",", ":"))
    return lambda seed: sha256(f"{seed} {text}".encode()).hexdigest()[:_DIGITS]


def _without_defaults(value: Any) -> Any:
    """Without the mappings that hold nothing but defaults, and with an activation's file by its name alone."""
    if isinstance(value, dict):
        kept = {key: _without_defaults(inner) for key, inner in value.items()}
        return {
            key: activation_label(inner) if key == "activation" and inner else inner
            for key, inner in kept.items()
            if inner != {}
        }
    return [_without_defaults(item) for item in value] if isinstance(value, (list, tuple)) else value
