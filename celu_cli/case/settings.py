"""What a case amounts to: every value that is in force, and in which of them cases differ.

Adam has no key `bias_correction` and corrects all the same; the tape has no `rule` and is exact. Cases can be
compared only when such values are written out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from celu_cli.case.activations import alpha_rule
from celu_cli.case.catalog import shipped_case
from celu_cli.case.difference import leaves
from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import UNTRAINED_KEYS, Case, LayeredNetwork, LayerSpec, Part, PresetNetwork
from celu_cli.datasets.registry import DATASETS
from celu_cli.errors import CaseError
from celu_cli.text import counted, json_text

_TITLES = {
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
    "optimizer.moment": "moment in the update",
    "optimizer.name": "optimizer rule",
    "schedule.name": "learning-rate schedule",
    "shares": "shares of a batch",
}
DESCRIBED_KEYS = frozenset(
    {
        *("dataset.name", "dataset.sample", "activation", "alpha", "backprop.method", "backprop.rule"),
        *("optimizer.name", "optimizer.maximum", "optimizer.moment", "optimizer.learning_rate"),
        *("epochs", "seed", "precision"),
    }
)
"""What a description of a run and the columns of a table say of every case."""


@dataclass(frozen=True)
class PartSettings:
    """A part of a case; `kind` is the key that decides which other keys there are, None where none does.

    `implied` names the values that no key of the case can say.
    """

    path: str
    values: Mapping[str, Any]
    kind: str | None = None
    implied: frozenset[str] = frozenset()

    def key(self, name: str) -> str:
        """The full key, as one writes it on the command line."""
        return f"{self.path}.{name}" if self.path else name


def part_settings(case: Case) -> dict[str, PartSettings]:
    """The parts of `case` that decide what is trained, by their names."""
    values = case.model_dump(mode="python")
    data, network = values["dataset"], values["network"]
    initializer = network.pop("initializer")
    if isinstance(
        case.network, LayeredNetwork
    ):  # one that equals the preset's, written out, is still `layers`
        network = {"layers": tuple(map(_layer_values, case.network.layers))}
    alpha = alpha_of(case)
    activation = {"activation": case.activation} | ({} if alpha is None else {"alpha": alpha})
    if data["sample"]:
        del data["hold_out"]  # nothing is ever held out of the sample
    parts = {
        "dataset": PartSettings("dataset", data, "sample"),
        "network": PartSettings("network", network),
        "initial weights": PartSettings("network.initializer", initializer, "name"),
        "activation": PartSettings("", activation, "activation"),
        "backprop": _with_implied("backprop", case.backprop, "method"),
        "optimizer": _with_implied("optimizer", case.optimizer, "name"),
        "schedule": _with_implied("schedule", case.schedule, "name"),
    }
    inside = {"alpha", *UNTRAINED_KEYS, *(part.path or part.kind for part in parts.values())}
    plain = {key: value for key, value in values.items() if key not in inside}
    return parts | {"training": PartSettings("", plain)}


def settings_in_force(case: Case) -> dict[str, Any]:
    """Every value that decides what is trained, by its key as one writes it on the command line."""
    return {
        part.key(name): value for part in part_settings(case).values() for name, value in part.values.items()
    }


def differing_names(parts: Sequence[PartSettings]) -> list[list[str]]:
    """The names of which one part has different values in several cases, in order.

    Those that some cases lack stand behind the kind that decides it, with which they differ, or make a list.
    """
    names = dict.fromkeys(name for part in parts for name in part.values)
    values = {name: [part.values[name] for part in parts if name in part.values] for name in names}
    differing = [name for name in names if any(value != values[name][0] for value in values[name])]
    lacked = [name for name in names if len(values[name]) < len(parts) and name not in differing]
    groups = [[name] for name in differing]
    kind = parts[0].kind
    if kind in differing:
        groups[differing.index(kind)] += lacked
    elif lacked:
        groups.append(lacked)
    return groups


def differing_keys(cases: Sequence[Case]) -> list[str]:
    """The keys that decide what is trained and in whose values `cases` differ, in the schema's order.

    A key that only some kinds have is none of them where all that have it agree: the kind is.
    """
    found = [part_settings(case) for case in cases]
    return [
        part.key(name)
        for title, part in (found[0] if found else {}).items()
        for names in differing_names([each[title] for each in found])
        for name in (names[:1] if names[0] == part.kind else names)
    ]


def key_title(key: str) -> str:
    """What a key is called: its own word, with the part's where that would say too little."""
    if key in _TITLES:
        return _TITLES[key]
    part, _, word = key.rpartition(".")
    return f"{part.rpartition('.')[2]}'s {word}" if part else word


def value_text(value: Any) -> str:
    """A value as one writes it on the command line; layers, which are too long, by their number."""
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, tuple):
        return counted(len(value), "layer")
    return value if isinstance(value, str) else json_text(value, indent=None)


def changed_settings(case: Case) -> dict[str, str]:
    """What `case` does otherwise than the shipped case it is or comes from, in words by key.

    The shipped case is the one of its name or, for a case of the user's own, the one whose published curve it names;
    where there is none, what differs from the schema's defaults is in it. Keys that every description has are not.
    """
    shipped = _shipped(case.name) or _shipped(case.published or "") or {}
    set_keys = dict(leaves(case.model_dump(exclude_defaults=True)))
    found = {}
    for title, part in part_settings(case).items():
        usual = shipped[title].values if title in shipped else {}
        if part.kind and usual.get(part.kind) != part.values[part.kind]:
            usual = {}  # of another kind: what the shipped case has besides is no measure
        for name, value in part.values.items():
            key = part.key(name)
            changed = value != usual[name] if name in usual else key in set_keys
            if changed and key not in DESCRIBED_KEYS:
                found[key] = _change_text(case, key, value, usual.get(name))
    return found


def changes_from(reference: Case, case: Case, parts: Collection[str]) -> list[str]:
    """In words, what `case` has otherwise than `reference` in these `parts` of `part_settings`, or keys."""
    usual, values = settings_in_force(reference), settings_in_force(case)
    keys = [
        part.key(name)
        for title, part in part_settings(case).items()
        for name in part.values
        if title in parts or part.key(name) in parts
    ]
    differing = {*differing_keys([reference, case])}
    return [_change_text(case, key, values[key], usual.get(key)) for key in keys if key in differing]


def shared_changes(cases: Sequence[Case]) -> dict[str, str]:
    """Of the `changed_settings` of `cases` those that can be said of all together, as all have that value."""
    found = [changed_settings(case) for case in cases]
    values = [settings_in_force(case) for case in cases]
    return {
        key: text
        for each in found
        for key, text in each.items()
        if all(key in of and of[key] == values[0].get(key) for of in values)
        and all(other.get(key, text) == text for other in found)
    }


@lru_cache(maxsize=64)
def load_shipped(name: str) -> Case | None:
    """The shipped case of that name, if there is one."""
    path = shipped_case(name)
    return load_case(path, to_train=False) if path else None


@lru_cache(maxsize=64)
def _shipped(name: str) -> Mapping[str, PartSettings]:
    try:
        case = load_shipped(name)
    except CaseError:
        return {}
    return part_settings(case) if case else {}


def _change_text(case: Case, key: str, value: Any, usual: Any) -> str:
    match key:
        case "network.filters":
            full = PresetNetwork.model_fields["filters"].default if usual is None else usual
            return f"{value} of {full} filters" if value < full else f"{value} filters instead of {full}"
        case "dataset.hold_out":
            images = DATASETS[case.dataset.name].train_images
            return f"{images - value:,} of {images:,} images" if value else f"all {images:,} images"
        case "batch_size":
            return f"batch {value}"
        case "dataset.name":
            return DATASETS[value].title
        case "dataset.sample":
            return "the sample" if value else "the full set"
        case "network.layers":
            return f"{value_text(value)} of its own"
    return f"{key_title(key)} {value_text(value)}"


def alpha_of(case: Case) -> float | None:
    """The alpha the case's activation uses; None where it has none."""
    rule = alpha_rule(case.activation)
    if rule is None:
        return None
    return rule.default if case.alpha is None else case.alpha


ALPHA_IS_SCALE = (
    "with no biases and one alpha, CELU(x, a) = a ELU(x / a, 1): alpha is only the scale of the input and the "
    "temperature of the softmax"
)
"""What is known of alpha where `one_celu_alpha`."""


def one_celu_alpha(case: Case) -> bool:
    """Whether alpha is only input scale and softmax temperature: CELU with one alpha in every layer.

    A residual sum of the first layer adds the image itself, which is then not scaled with the rest.
    """
    layers = plan_network(case).layers
    return {layer.activation for layer in layers} == {"celu"} and (
        len({layer.alpha for layer in layers}) == 1 and not layers[0].residual
    )


def _with_implied(path: str, part: Part, kind: str) -> PartSettings:
    return PartSettings(path, part.model_dump() | dict(part.implied), kind, frozenset(part.implied))


def _layer_values(layer: LayerSpec) -> dict[str, Any]:
    """What the layer says beyond the defaults; a pool that is not there has no size."""
    values = layer.model_dump(exclude_defaults=True)
    if layer.pool == "none":
        values.pop("pool_size", None)
    return values


def same_layers(one: Case, other: Case) -> bool:
    """Whether both networks have the same layers, however they are written.

    What the case's own activation and alpha decide is not compared.
    """
    ours, theirs = (
        [_layer_values(layer.spec) for layer in plan_network(case).layers] for case in (one, other)
    )
    return ours == theirs
