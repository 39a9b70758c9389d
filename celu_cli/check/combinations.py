"""What `celu check --all` checks: every activation, method and precision, and every shipped case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from celu_cli.case.activations import ALPHA, alpha_rule, user_activation
from celu_cli.case.catalog import find_cases
from celu_cli.case.load import load_case
from celu_cli.case.schema import Case

# Both kinds of pool, sizes 2 and 3, odd images (32 -> 10 -> 5 -> 2 -> 1), residual sums of both signs, and two layers
# that can get skip gradients.
_LAYERS = [
    {"kernel": 3, "filters": 4, "pool": "average", "pool_size": 3},
    {"kernel": 3, "filters": 4, "pool": "average", "residual": 0.5},
    {"kernel": 2, "filters": 4, "pool": "max", "residual": -0.4},
    {"kernel": 1, "filters": 5, "pool": "average"},
    {"kernel": 1, "filters": 10},
]
# Wide enough for Winograd's algorithm, on an image that its tiles do not fill.
_WIDE_LAYERS = [
    {"kernel": 1, "filters": 64, "pool": "average", "pool_size": 4},
    {"kernel": 3, "filters": 64, "pool": "average", "pool_size": 7},
    {"kernel": 1, "filters": 10},
]
_METHODS: list[dict[str, Any]] = [
    {"method": "auto"},
    {"method": "manual"},
    {"method": "dilated", "rate": 0.1},
]
_ARTICLE = [{**method, "rule": "article"} for method in _METHODS[1:]]
_PRECISIONS = ("float32", "bfloat16")
_NARROW = ("network.filters=8", "network.initializer=he_normal")


@dataclass(frozen=True)
class Combination:
    """A case with the name to show it by, and at how many coordinates to take finite differences.

    The tape is the same for all methods and precisions, so it is checked with the first only.
    """

    name: str
    case: Case
    samples: int


def combinations() -> list[Combination]:
    """Small networks first, then the shipped cases."""
    found = []
    for activation in ALPHA:
        for backprop in [*_METHODS, *(_ARTICLE if activation == "celu" else [])]:
            for precision in _PRECISIONS:
                first = backprop is _METHODS[0] and precision == _PRECISIONS[0]
                case = small_case(activation, backprop=backprop, precision=precision)
                found.append(Combination("small", case, 1 if first else 0))
    network = {"layers": _WIDE_LAYERS, "initializer": {"name": "he_normal"}}
    mnist, celu = {"name": "mnist"}, {"activation": "celu", "alpha": 2.0}
    wide = _case(dataset=mnist, network=network, **celu, backprop=_METHODS[1])
    found.append(Combination("Winograd", wide, 0))
    shipped = [entry for entry in find_cases() if not entry.local]
    return found + [Combination(entry.name, load_case(entry.path, _NARROW), 0) for entry in shipped]


def small_case(activation: str, **values: Any) -> Case:
    """The small network with `activation`, which may be the user's own; the case bears that one's name."""
    rule, own = alpha_rule(activation), user_activation(activation)
    return _case(
        name=own.name if own else "small",
        dataset={"name": "cifar10"},
        network={"layers": _LAYERS, "initializer": {"name": "he_normal"}},
        activation=activation,
        alpha=rule.trial if rule else None,
        **values,
    )


def _case(**values: Any) -> Case:
    return Case.model_validate(
        {"name": "small", "optimizer": {"name": "sgd"}, "epochs": 1, "batch_size": 6, **values}
    )
