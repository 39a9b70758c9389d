"""The network a case describes, worked out without TensorFlow: shapes, parameters, FLOPs, skip gradients.

A `NetworkPlan` is what `celu show` prints, what a case is checked with and what the engine builds from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

from celu_cli.case.activations import alpha_problem, alpha_rule
from celu_cli.case.operations import (
    ActivationPlan,
    ConvolutionPlan,
    OperationPlan,
    Parameter,
    PoolPlan,
    Shape,
)
from celu_cli.case.schema import Case, LayeredNetwork, LayerSpec, PresetNetwork
from celu_cli.datasets.registry import DATASETS

# kernel and pool of the article's layers; the last has as many filters as there are classes.
_ARTICLE_7 = ((5, "none"), *((kernel, "average") for kernel in (3, 1, 3, 1, 2)), (1, "none"))


@dataclass(frozen=True)
class LayerPlan:
    """One layer, counted from 1, with what it inherits from its case; shapes are those of one image."""

    number: int
    spec: LayerSpec
    activation: str
    alpha: float
    input_shape: Shape

    @cached_property
    def operations(self) -> tuple[OperationPlan, ...]:
        """What the layer does, one after the other."""
        spec, shape = self.spec, self.activation_shape
        return (
            ConvolutionPlan("convolution", self.input_shape, kernel=spec.kernel, filters=spec.filters),
            ActivationPlan("activation", shape, activation=self.activation, alpha=self.alpha),
            *([OperationPlan("residual", shape, spec.residual)] if spec.residual else []),
            *([PoolPlan(f"{spec.pool}_pool", shape, size=spec.pool_size)] if spec.pool != "none" else []),
        )

    @property
    def kernel(self) -> int:
        return self.spec.kernel

    @property
    def filters(self) -> int:
        return self.spec.filters

    @property
    def pool(self) -> str:
        return self.spec.pool

    @property
    def pool_size(self) -> int:
        return self.spec.pool_size

    @property
    def residual(self) -> float:
        return self.spec.residual

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        return self.operations[0].parameters[0].shape

    @property
    def activation_shape(self) -> Shape:
        return *self.input_shape[:2], self.spec.filters

    @property
    def output_shape(self) -> Shape:
        return self.operations[-1].output_shape

    @property
    def weights(self) -> dict[str, Parameter]:
        """The parameters of all operations, by names such as ``layer2.convolution.kernel``."""
        return {
            f"layer{self.number}.{operation.name}.{parameter.name}": parameter
            for operation in self.operations
            for parameter in operation.parameters
        }

    @property
    def parameters(self) -> int:
        return sum(prod(parameter.shape) for parameter in self.weights.values())

    @property
    def forward_flops(self) -> int:
        return sum(operation.forward_flops for operation in self.operations)

    @property
    def training_flops(self) -> int:
        """Forward, gradient of the weights and (but for the first layer) of the input, for one image."""
        return self.forward_flops * (2 if self.number == 1 else 3)


@dataclass(frozen=True)
class NetworkPlan:
    """All layers, and the numbers (from 1) of the layers that receive skip gradients."""

    layers: tuple[LayerPlan, ...]
    dilated_layers: tuple[int, ...]

    @property
    def weights(self) -> dict[str, Parameter]:
        return {name: parameter for layer in self.layers for name, parameter in layer.weights.items()}

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def training_flops(self) -> int:
        return sum(layer.training_flops for layer in self.layers)

    @property
    def forward_flops(self) -> int:
        return sum(layer.forward_flops for layer in self.layers)


class PlanProblem(ValueError):  # noqa: N818 - the case loader turns it into a `CaseError` with a position
    """A case whose values are fine one by one but not together; `location` is the key path to blame."""

    def __init__(self, location: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.location = location
        self.message = message


def plan_network(case: Case) -> NetworkPlan:
    """Work out every layer of `case`.

    Raises:
        PlanProblem: hold_out leaves no images, alpha does not suit the activation, a pool leaves nothing, a
            residual's shapes differ, the last layer is not 1 x 1 x classes, or backprop does not suit it.
    """
    dataset = DATASETS[case.dataset.name]
    if case.dataset.hold_out >= dataset.train_images:
        raise PlanProblem(
            ("dataset", "hold_out"),
            f"{case.dataset.hold_out} of {dataset.title}'s {dataset.train_images:,} training images leaves none",
        )
    layers = []
    shape: Shape = dataset.image_shape
    specs = _layer_specs(case.network, dataset.classes, dataset.image_shape)
    for number, (location, spec) in enumerate(specs, 1):
        layer = _plan_layer(case, number, location, spec, shape)
        layers.append(layer)
        shape = layer.output_shape
    if shape != (1, 1, dataset.classes):
        raise PlanProblem(
            ("network",),
            f"the last layer gives {shape[0]} x {shape[1]} x {shape[2]}, but {dataset.title} needs "
            f"1 x 1 x {dataset.classes}: one value for each class",
        )
    dilated = _dilated_layers(layers)
    _check_backprop(case, layers, dilated)
    return NetworkPlan(tuple(layers), dilated)


def _layer_specs(
    network: PresetNetwork | LayeredNetwork, classes: int, image_shape: Shape
) -> Iterator[tuple[tuple[str | int, ...], LayerSpec]]:
    if isinstance(network, LayeredNetwork):
        for index, spec in enumerate(network.layers):
            yield ("network", "layers", index), spec
        return
    height, width, channels = image_shape
    for index, (kernel, pool) in enumerate(_ARTICLE_7):
        filters = classes if index == len(_ARTICLE_7) - 1 else network.filters
        pool = pool if min(height, width) >= 2 else "none"
        residual = network.residual if filters == channels else 0.0
        values = {"kernel": kernel, "filters": filters, "pool": pool, "residual": residual}
        yield ("network",), LayerSpec.model_validate(values)
        channels = filters
        if pool != "none":
            height, width = height // 2, width // 2


def _plan_layer(
    case: Case, number: int, location: tuple[str | int, ...], spec: LayerSpec, input_shape: Shape
) -> LayerPlan:
    activation = spec.activation or case.activation
    # A layer that names its own activation does not inherit the alpha meant for another one.
    inherited = case.alpha if activation == case.activation else None
    alpha = inherited if spec.alpha is None else spec.alpha
    alpha_location = ("alpha",) if spec.alpha is None else (*location, "alpha")
    alpha = _checked_alpha(activation, alpha, alpha_location)
    layer = LayerPlan(number, spec, activation, alpha, input_shape)
    height, width, channels = input_shape
    if spec.kernel > 2 * max(height, width) + 1:
        raise PlanProblem(
            (*location, "kernel"),
            f"layer {number}: a kernel of {spec.kernel} on a {height} x {width} image has rows that see "
            f"only padding; at most {2 * max(height, width) + 1}",
        )
    if 0 in layer.output_shape:
        raise PlanProblem(
            (*location, "pool_size" if "pool_size" in spec.model_fields_set else "pool"),
            f"layer {number}: a pool of {spec.pool_size} on {height} x {width} leaves nothing",
        )
    if spec.residual and channels != spec.filters:
        raise PlanProblem(
            (*location, "residual"),
            f"layer {number}: a residual sum needs equal shapes, but the input has {channels} channels "
            f"and the output {spec.filters}",
        )
    return layer


def _checked_alpha(activation: str, alpha: float | None, location: tuple[str | int, ...]) -> float:
    """The alpha to use (1 where the activation has none)."""
    rule = alpha_rule(activation)
    if alpha is None:
        return rule.default if rule else 1.0
    if problem := alpha_problem(activation, alpha):
        raise PlanProblem(
            location,
            problem if rule else f"{problem}: leave it out, or say alpha: null (alpha=null as an override)",
        )
    return alpha


def _dilated_layers(layers: list[LayerPlan]) -> tuple[int, ...]:
    """Layers with two pools ahead and as many filters as the next layer (and a layer above that)."""
    return tuple(
        here.number
        for here, above, _ in zip(layers, layers[1:], layers[2:], strict=False)
        if here.pool != "none" and above.pool != "none" and here.filters == above.filters
    )


def _check_backprop(case: Case, layers: list[LayerPlan], dilated: tuple[int, ...]) -> None:
    backprop = case.backprop
    if backprop.method == "dilated" and not dilated:
        raise PlanProblem(
            ("backprop",),
            "dilated backprop has no layer to work on: it needs a layer with a pool, followed by a "
            "layer with a pool and as many filters, followed by another layer",
        )
    if backprop.method == "auto" or backprop.rule == "exact":
        return
    for layer in layers:
        if layer.activation != "celu":
            raise PlanProblem(
                ("backprop", "rule"),
                f"article is defined for celu alone, but layer {layer.number} uses {layer.activation}",
            )
