"""What a case amounts to: every value that is in force, those that a kind implies without a key included.

Adam has no key `bias_correction` and corrects all the same; the tape has no `rule` and is exact. Two cases can be
compared only when such values are written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celu_cli.case.describe import alpha_of
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import UNTRAINED_KEYS, Case, LayeredNetwork, LayerSpec, Part


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
    alpha = alpha_of(case)
    activation = {"activation": case.activation} | ({} if alpha is None else {"alpha": alpha})
    if data["sample"]:
        del data["hold_out"]  # nothing is ever held out of the sample
    parts = {
        "dataset": PartSettings("dataset", data, "sample"),
        "network": PartSettings("network", _network_values(case, network)),
        "initial weights": PartSettings("network.initializer", initializer, "name"),
        "activation": PartSettings("", activation, "activation"),
        "backprop": _with_implied("backprop", case.backprop, "method"),
        "optimizer": _with_implied("optimizer", case.optimizer, "name"),
        "schedule": _with_implied("schedule", case.schedule, "name"),
    }
    inside = {"alpha", *UNTRAINED_KEYS, *(part.path or part.kind for part in parts.values())}
    plain = {key: value for key, value in values.items() if key not in inside}
    return parts | {"training": PartSettings("", plain)}


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


def _network_values(case: Case, network: dict[str, Any]) -> dict[str, Any]:
    """The preset's keys, or the layers; a network written out that equals the preset's is still `layers`."""
    if not isinstance(case.network, LayeredNetwork):
        return network
    return {"layers": tuple(map(_layer_values, case.network.layers))}


def _layer_values(layer: LayerSpec) -> dict[str, Any]:
    """What the layer says beyond the defaults; a pool that is not there has no size."""
    values = layer.model_dump(exclude_defaults=True)
    if layer.pool == "none":
        values.pop("pool_size", None)
    return values


def same_layers(one: Case, other: Case) -> bool:
    """Whether both networks have the same layers, however they are written."""
    return _layers(one) == _layers(other)


def _layers(case: Case) -> list[tuple[Any, ...]]:
    """Of each layer what the case's own activation and alpha do not decide."""
    network, layers = case.network, plan_network(case).layers
    specs = network.layers if isinstance(network, LayeredNetwork) else [None] * len(layers)
    return [
        (
            *(
                layer.kernel,
                layer.filters,
                layer.pool,
                layer.pool != "none" and layer.pool_size,
                layer.residual,
            ),
            *((spec.activation, spec.alpha) if spec else (None, None)),
        )
        for layer, spec in zip(layers, specs, strict=True)
    ]
