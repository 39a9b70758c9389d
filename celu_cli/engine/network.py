"""The network of a plan, as functions of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

import tensorflow as tf

from celu_cli.case.operations import ConvolutionPlan, OperationPlan
from celu_cli.case.plan import LayerPlan, NetworkPlan, plan_network
from celu_cli.case.schema import Case
from celu_cli.case.shares import count_shares
from celu_cli.engine.activations import LARGEST_ALPHA_FOR_ELU
from celu_cli.engine.layers import Kept, Layer
from celu_cli.engine.operations.convolution import Convolution
from celu_cli.engine.operations.operation import Context, Operation, find_operation
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.engine.user_activations import try_activation
from celu_cli.engine.winograd import pays_off
from celu_cli.machine import of_proc

T = TypeVar("T")

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True)
class Network:
    """Layers, the numbers of those with skip gradients, and the scales between which the layers run.

    `scale` is the alpha folded out of the layers, 1 where none was: CELU(x, a) = a CELU(x / a, 1), so the images are
    divided by it and the logits multiplied. `shares` says into how many a batch is cut.
    """

    layers: tuple[Layer, ...]
    dilated_layers: tuple[int, ...]
    dtype: tf.DType
    scale: float = 1.0
    shares: int = 1

    @property
    def article(self) -> bool:
        """Whether its gradients are those that the article's scripts compute."""
        return self.layers[-1].context.article

    @property
    def weight_names(self) -> list[str]:
        """The name of each of the weights, such as ``layer2.convolution.kernel``."""
        return [name for layer in self.layers for name in layer.plan.weights]

    def by_layer(self, weights: Sequence[T]) -> list[list[T]]:
        """What is given for each of the weights, in a list for each layer."""
        left = iter(weights)
        return [[next(left) for _ in layer.plan.weights] for layer in self.layers]

    def inputs(self, images: Tensor) -> Tensor:
        """uint8 [b, h, w, c] -> pixels / 255 (and divided by `scale`) in the network's dtype."""
        wide = tf.float64 if self.dtype == tf.float64 else tf.float32
        return tf.cast(tf.cast(images, wide) / (255.0 * self.scale), self.dtype)

    def compute_weights(self, weights: Tensors) -> list[Tensor]:
        """The master weights in the network's dtype (no copy where they have it already)."""
        return [tf.cast(tensor, self.dtype) for tensor in weights]

    def forward(self, weights: Tensors, x: Tensor, training: bool = False) -> tuple[Tensor, list[Kept]]:
        """[b, h, w, c] -> logits [b, classes] in float32 (float64 in a float64 network), and each layer's `Kept`."""
        kept = []
        for layer, layer_weights in zip(self.layers, self.by_layer(weights), strict=True):
            x, layer_kept = layer.forward(layer_weights, x, training)
            kept.append(layer_kept)
        logits = tf.reshape(x, [-1, x.shape[-1]])
        wide = tf.float64 if self.dtype == tf.float64 else tf.float32
        return tf.cast(logits, wide) * tf.constant(self.scale, wide), kept


def has_gpu() -> bool:
    """Whether TensorFlow has a GPU to compute on."""
    return bool(tf.config.list_physical_devices("GPU"))


@cache
def multiplies_bfloat16() -> bool:
    """Whether there are instructions for products of bfloat16, summed in float32.

    Without them TensorFlow imitates each product, which takes tens of times as long as float32. Where nothing is known
    of the processor the answer is no.
    """
    return has_gpu() or not _BFLOAT16_FLAGS.isdisjoint(of_proc("cpuinfo", "flags").split())


def exact_twin(network: Network) -> Network:
    """The same network, for hand-written backprop by the exact rule."""
    layers = (
        replace(layer, context=replace(layer.context, article=False, taped=False)) for layer in network.layers
    )
    return replace(network, layers=tuple(layers))


def build_network(
    plan: NetworkPlan,
    dtype: tf.DType,
    *,
    article: bool = False,
    winograd: bool = False,
    taped: bool = False,
    fold: bool = True,
) -> Network:
    """Make the network of `plan`.

    `article` and `taped` are those of `Context`; `winograd` selects that algorithm where it pays off. `fold` takes a
    shared CELU alpha out of the layers, which is exact; a very large one stays, as images divided by it would be too
    small for ELU. In bfloat16 the layers compute in float32 where the processor cannot multiply bfloat16 itself, and
    where it can, on the way back through convolutions that Winograd's algorithm makes faster still; but not on a GPU,
    where nobody has measured it.

    Raises:
        CaseError: a user's activation cannot be used.
    """
    for activation, alpha in dict.fromkeys((layer.activation, layer.alpha) for layer in plan.layers):
        try_activation(activation, alpha, dtype)
    plans, scale = plan.layers, 1.0
    if fold and _can_fold(plans):
        scale = plans[0].alpha
        plans = tuple(replace(layer, alpha=1.0) for layer in plans)
    native = dtype == tf.bfloat16 and multiplies_bfloat16()
    winograd = winograd and not (native and has_gpu())
    layers = []
    for layer in plans:
        operations = tuple(_build_operation(one, winograd, dtype) for one in layer.operations)
        widened = dtype == tf.bfloat16 and (not native or any(one.wide_adjoint for one in operations))
        context = Context(article=article, taped=taped, widened=widened, native=native)
        layers.append(Layer(layer, operations, context))
    return Network(tuple(layers), plan.dilated_layers, dtype, scale)


def _build_operation(plan: OperationPlan, winograd: bool, dtype: tf.DType) -> Operation:
    if isinstance(plan, ConvolutionPlan):
        return Convolution(plan, winograd=winograd and pays_off(plan, dtype))
    return find_operation(plan)


def _can_fold(layers: Sequence[LayerPlan]) -> bool:
    return (
        {layer.activation for layer in layers} == {"celu"}
        and len({layer.alpha for layer in layers}) == 1
        and layers[0].alpha <= LARGEST_ALPHA_FOR_ELU
        and all(find_operation(one).homogeneous for layer in layers for one in layer.operations)
    )


def network_of(case: Case, dtype: tf.DType | None = None) -> Network:
    """The network that `case` trains, with the arithmetic it asks for, or with that of `dtype`."""
    plan = plan_network(case)
    network = build_network(
        plan,
        dtype or tf.as_dtype(case.precision),
        article=case.backprop.method != "auto" and case.backprop.rule == "article",
        winograd=case.convolution == "winograd",
        taped=case.backprop.method == "auto",
    )
    if any(operation.couples_images for layer in network.layers for operation in layer.operations):
        return network
    return replace(network, shares=count_shares(case, plan))
