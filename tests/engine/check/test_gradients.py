"""Plant a fault in the engine, and `celu check` names the layer and the part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import tensorflow as tf

from celu_cli.case import plan as plan_module
from celu_cli.case.load import load_case
from celu_cli.case.schema import Case
from celu_cli.check.combinations import combinations
from celu_cli.check.faults import ARITHMETIC, ASSEMBLY, LOSS, RATES, READING, SKIP, TAPE
from celu_cli.check.measured import (
    FILTER,
    FORWARD,
    INPUT,
    NEGATIVE,
    POOL,
    POSITIVE,
    RESIDUAL,
    WHOLE_WEIGHTS,
)
from celu_cli.check.verdict import Verdict, judge
from celu_cli.datasets.load import load_dataset
from celu_cli.engine import backprop, winograd
from celu_cli.engine.activations import ACTIVATIONS
from celu_cli.engine.check import gradients as gradcheck
from celu_cli.engine.check import parts as parts_module
from celu_cli.engine.check.gradients import check_gradients
from celu_cli.engine.layers import Kept, Layer
from celu_cli.engine.network import Network
from celu_cli.engine.operations import convolution
from celu_cli.engine.operations.average_pool import AveragePool
from celu_cli.engine.operations.convolution import Convolution
from celu_cli.engine.operations.max_pool import MaxPool
from celu_cli.engine.operations.operation import Context
from celu_cli.engine.operations.residual import Residual

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], object]


def small(activation: str = "celu", method: str = "manual", rule: str = "exact") -> Case:
    """The small network of `celu check --all`: five layers, of which 1 and 3 have pools that drop rows."""
    for one in combinations():
        spec = one.case.backprop
        if (
            (one.name, one.case.activation, spec.method) == ("small", activation, method)
            and one.case.precision == "float32"
            and (method == "auto" or spec.rule == rule)
        ):
            return one.case
    raise AssertionError("no such combination")


def small_in_bfloat16() -> Case:
    return small().model_copy(update={"precision": "bfloat16"})


def wide() -> Case:
    """Three layers; Winograd's algorithm in the second."""
    return next(one.case for one in combinations() if one.name == "Winograd")


def seven_layers() -> Case:
    """Dilated backprop into layers 2 to 5."""
    values = {"network": {"filters": 4, "initializer": {"name": "he_normal"}}}
    return Case.model_validate({**small(method="dilated").model_dump(exclude={"network"}), **values})


def verdict_of(case: Case, samples: int = 0) -> Verdict:
    return judge(check_gradients(case, load_dataset(case.dataset.name, sample=True).train, samples))


def entry(activation: str, **changes: Any) -> Plant:
    """Change the entry of an activation in the table."""
    return lambda patch: patch.setitem(ACTIVATIONS, activation, replace(ACTIVATIONS[activation], **changes))


def method(owner: type, name: str, new: Callable[..., Any]) -> Plant:
    """Replace a method of a class; the new one is given the old one first."""
    old = getattr(owner, name)
    return lambda patch: patch.setattr(
        owner, name, lambda self, *given, **named: new(old, self, *given, **named)
    )


def function(module: Any, name: str, new: Callable[..., Any]) -> Plant:
    """Replace a function of a module; the new one is given the old one first."""
    old = getattr(module, name)
    return lambda patch: patch.setattr(module, name, lambda *given, **named: new(old, *given, **named))


def filter_gradient_padded_at_the_other_side(
    old: Any, operation: Convolution, parameters: Any, kept: Any, gradient: Any, context: Context
) -> Any:
    """SAME pads an even kernel at the bottom and at the right."""
    _, below = old(operation, parameters, kept, gradient, context)
    size = operation.plan.kernel
    before, after = size // 2, (size - 1) // 2
    of_kernel = tf.raw_ops.Conv2DBackpropFilter(
        input=tf.pad(kept[0], [[0, 0], [before, after], [before, after], [0, 0]]),
        filter_sizes=parameters[0].shape,
        out_backprop=gradient,
        strides=[1, 1, 1, 1],
        padding="VALID",
    )
    return [of_kernel], below


def input_gradient_of(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """The input gradient by changed weights."""
    return lambda old, x, kernel, gradient: old(x, change(kernel), gradient)


def backward_with_residual_through_the_activation(
    old: Any, layer: Layer, kept: Kept, gradient: Any, pass_down: bool = True
) -> Any:
    """The residual sum gets gz where gy belongs."""
    of_weights, below = old(layer, kept, gradient, pass_down)
    if layer.plan.residual and pass_down:
        gy = layer.pool_adjoint(kept, gradient)
        _, gz = layer.operations[1].adjoint([], kept.tensors[1], gy, layer.context)
        below += layer.plan.residual * (gz - gy)
    return of_weights, below


def weights_before_the_pool(old: Any, layer: Layer, kept: Kept, gradient: Any, pass_down: bool = True) -> Any:
    """The filter gradient from gy where gz belongs."""
    _, below = old(layer, kept, gradient, pass_down)
    gy = layer.pool_adjoint(kept, gradient)
    return layer.operations[0].adjoint(kept.parameters[0], kept.tensors[0], gy, layer.context)[0], below


def pool_rows_dropped_at_the_top(old: Any, pool: AveragePool, *given: Any) -> Any:
    """The rows and columns at the end, which the pool dropped, come first."""
    _, spread = old(pool, *given)
    dropped = [side % pool.plan.size for side in pool.plan.input_shape[:2]]
    return [], tf.roll(spread, dropped, axis=[1, 2])


def max_pool_that_gives_to_all(_: Any, pool: MaxPool, *given: Any) -> Any:
    return AveragePool(pool.plan).adjoint(*given)


def average_pool_by_rule(article: bool) -> Plant:
    """The average pool's adjoint by one rule, whatever the case says."""
    return method(
        AveragePool,
        "adjoint",
        lambda old, pool, parameters, kept, gradient, context: old(
            pool, parameters, kept, gradient, replace(context, article=article)
        ),
    )


def with_kept(number: int, change: Callable[[Kept], Kept]) -> Callable[..., Any]:
    """The backward pass with something else kept by one layer."""

    def backward(old: Any, network: Network, kept: list[Kept], *rest: Any) -> Any:
        changed = [change(one) if index + 1 == number else one for index, one in enumerate(kept)]
        return old(network, changed, *rest)

    return backward


def stale_weights(number: int) -> Callable[..., Any]:
    """One layer goes backward with weights of an earlier step."""
    return with_kept(
        number,
        lambda kept: kept._replace(parameters=[[0.9 * one for one in each] for each in kept.parameters]),
    )


def inputs_of_other_images(number: int) -> Callable[..., Any]:
    """One layer kept the images in another order."""
    return with_kept(
        number, lambda kept: kept._replace(tensors=[[kept.tensors[0][0][::-1]], *kept.tensors[1:]])
    )


def skipping_into(*numbers: int) -> Plant:
    return function(gradcheck, "network_of", lambda old, *given: replace(old(*given), dilated_layers=numbers))


def rounded_in_float32(old: Any, *given: Any, **named: Any) -> Any:
    gradient = old(*given, **named)
    return gradient if gradient.dtype == tf.float64 else tf.cast(tf.cast(gradient, tf.bfloat16), tf.float32)


@tf.custom_gradient
def relu_that_lies(x: Any) -> Any:
    return tf.nn.relu(x), lambda gradient: 0.5 * gradient


def celu_backward(derivative: Callable[[Any, float], Any]) -> Callable[[Any, Any, float], Any]:
    return lambda gradient, y, alpha: gradient * derivative(y, alpha)


# What is planted, in which case, and where the verdict must find it: the layer (None: the loss) and the part.
FAULTS: dict[str, tuple[Plant, Callable[[], Case], int | None, str]] = {
    "the derivative's sign turned": (
        entry(
            "celu",
            fused_backward=celu_backward(lambda y, alpha: -tf.where(y >= 0, tf.ones_like(y), 1 + y / alpha)),
        ),
        small,
        5,
        POSITIVE,
    ),
    "the derivative of the other side": (
        entry(
            "celu",
            fused_backward=celu_backward(lambda y, alpha: tf.where(y < 0, tf.ones_like(y), 1 + y / alpha)),
        ),
        small,
        5,
        POSITIVE,
    ),
    "alpha forgotten in the derivative": (
        entry("elu", derivative=lambda y, _: tf.where(y >= 0, tf.ones_like(y), y + 1)),
        lambda: small("elu"),
        5,
        NEGATIVE,
    ),
    "the slope of the negative side forgotten": (
        entry("leaky_relu", derivative=lambda y, _: tf.cast(y > 0, y.dtype)),
        lambda: small("leaky_relu"),
        5,
        NEGATIVE,
    ),
    "a term of a product's derivative left out": (
        entry("silu", derivative=lambda x, _: tf.sigmoid(x)),
        lambda: small("silu"),
        5,
        POSITIVE,
    ),
    "the scale of the positive side forgotten": (
        entry("selu", fused_backward=lambda g, y, _: tf.where(y >= 0, g, g * (y + 1.7580993408473766))),
        lambda: small("selu"),
        5,
        POSITIVE,
    ),
    "the output's square left unsquared": (
        entry("tanh", derivative=lambda y, _: 1 - y),
        lambda: small("tanh"),
        5,
        POSITIVE,
    ),
    "the activation's input kept instead of its output": (entry("celu", keeps="input"), small, 5, NEGATIVE),
    "an average pool without its 1/4": (
        average_pool_by_rule(article=True),
        small,
        4,
        POOL,
    ),
    "an odd pool that drops the rows at the wrong end": (
        method(AveragePool, "adjoint", pool_rows_dropped_at_the_top),
        small,
        1,
        POOL,
    ),
    "a max pool that gives to the neighbour of the maximum": (
        method(MaxPool, "adjoint", lambda old, *given: ([], tf.roll(old(*given)[1], 1, axis=1))),
        small,
        3,
        POOL,
    ),
    "a max pool that gives to all cells alike": (
        method(MaxPool, "adjoint", max_pool_that_gives_to_all),
        small,
        3,
        POOL,
    ),
    "a filter gradient padded at the wrong side": (
        method(Convolution, "adjoint", filter_gradient_padded_at_the_other_side),
        small,
        3,
        FILTER,
    ),
    "an input gradient with a transposed filter": (
        function(convolution, "input_gradient", input_gradient_of(lambda w: tf.transpose(w, [1, 0, 2, 3]))),
        small,
        3,
        INPUT,
    ),
    "an input gradient with a filter turned round": (
        function(convolution, "input_gradient", input_gradient_of(lambda w: w[::-1, ::-1])),
        small,
        3,
        INPUT,
    ),
    "a missing residual": (
        method(Residual, "layer_input_adjoint", lambda _, __, gradient: tf.zeros_like(gradient)),
        small,
        3,
        RESIDUAL,
    ),
    "a residual with factor 1": (
        method(Residual, "layer_input_adjoint", lambda _, __, gradient: gradient),
        small,
        3,
        RESIDUAL,
    ),
    "a residual that goes through the activation": (
        method(Layer, "backward", backward_with_residual_through_the_activation),
        small,
        3,
        RESIDUAL,
    ),
    "a filter gradient taken before the activation's": (
        method(Layer, "backward", weights_before_the_pool),
        small,
        5,
        WHOLE_WEIGHTS,
    ),
    "a forward pass without the residual": (
        method(Residual, "forward", lambda _, __, ___, x, ____: (x, [])),
        small,
        3,
        FORWARD,
    ),
    "the mean over the batch missing": (
        function(backprop, "logits_gradient", lambda old, *given, **named: 6 * old(*given, **named)),
        small,
        None,
        LOSS,
    ),
    "the labels shifted by one": (
        function(
            backprop,
            "logits_gradient",
            lambda old, logits, labels, *rest, **named: old(logits, labels + 1, *rest, **named),
        ),
        small,
        None,
        LOSS,
    ),
    "the loss's sign turned": (
        function(backprop, "logits_gradient", lambda old, *given, **named: -old(*given, **named)),
        small,
        None,
        LOSS,
    ),
    "the folded alpha forgotten": (
        function(
            backprop,
            "logits_gradient",
            lambda old, logits, labels, _, **named: old(logits, labels, 1.0, **named),
        ),
        small,
        None,
        LOSS,
    ),
    "stale weights": (function(backprop, "backward", stale_weights(3)), small, 3, ASSEMBLY),
    "kept inputs of other images": (
        function(backprop, "backward", inputs_of_other_images(2)),
        small,
        2,
        ASSEMBLY,
    ),
    "no skip gradient at all": (
        function(backprop, "backward", lambda old, *given: old(*given[:-1], None)),
        seven_layers,
        5,
        SKIP,
    ),
    "a skip gradient without its 1/16": (
        function(backprop, "backward", lambda old, *given: old(*given[:-1], 16 * given[-1])),
        seven_layers,
        5,
        SKIP,
    ),
    "a layer left out of the skips": (skipping_into(2, 4, 5), seven_layers, 3, SKIP),
    "a skip gradient into a layer that gets none": (skipping_into(1, 2, 3, 4, 5), seven_layers, 1, ASSEMBLY),
    "a transposed filter in Winograd's adjoint": (
        function(
            winograd,
            "transform_filters_adjoint",
            lambda old, gradients: tf.transpose(old(gradients), [1, 0, 2, 3]),
        ),
        wide,
        2,
        FILTER,
    ),
    "Winograd's tiles shifted by a row": (
        function(winograd, "transform_inputs_adjoint", lambda old, *given: tf.roll(old(*given), 1, axis=1)),
        wide,
        2,
        INPUT,
    ),
    "the rule article asked for and not followed": (
        average_pool_by_rule(article=False),
        lambda: small(rule="article"),
        4,
        POOL,
    ),
    "digits thrown away in the precision of the training": (
        function(backprop, "logits_gradient", rounded_in_float32),
        small,
        None,
        ARITHMETIC,
    ),
}


def last_share_only(old: Any, function: Any, tensors: Any, shares: int) -> Any:
    """Sums over the images of the last share instead of all."""
    rows, _ = old(function, tensors, shares)
    return rows, function(*(tensor[len(tensor) // shares + 1 :] for tensor in tensors))[1]


def every_share_counts_alike(old: Any, function: Any, tensors: Any, shares: int) -> Any:
    """The mean of the shares' means."""
    rows, _ = old(function, tensors, shares)
    size = -(-len(tensors[0]) // shares)
    parts = [
        [tensor[first : first + size] for tensor in tensors] for first in range(0, len(tensors[0]), size)
    ]
    found = [
        [len(tensors[0]) / len(part[0]) / shares * one for one in function(*part)[1][2:]] for part in parts
    ]
    _, (loss, correct, *_) = old(function, tensors, shares)
    return rows, [loss, correct, *map(tf.add_n, zip(*found, strict=True))]


def without_layer_2(old: Any, layers: Any) -> tuple[int, ...]:
    return tuple(number for number in old(layers) if number != 2)


def short_of_five_percent_in_bfloat16(old: Any, *given: Any) -> Any:
    gradient = old(*given)
    return gradient * tf.constant(0.95, gradient.dtype) if gradient.dtype == tf.bfloat16 else gradient


# What was planted where the reference was made of it too, or where a batch of one share cannot show it.
SHARED_FAULTS: dict[str, tuple[Plant, Callable[[], Case], int | None, str]] = {
    "gradients of the last share only": (
        function(backprop, "in_shares", last_share_only),
        small,
        5,
        ASSEMBLY,
    ),
    "shares that all count alike": (
        function(backprop, "in_shares", every_share_counts_alike),
        small,
        5,
        ASSEMBLY,
    ),
    "case-d without the skip into layer 2": (
        function(plan_module, "_dilated_layers", without_layer_2),
        lambda: load_case("case-d", ["network.filters=4", "network.initializer=he_normal"]),
        2,
        SKIP,
    ),
    "a wrong value of CELU, with its own right derivative": (
        entry(
            "celu",
            value=lambda x, alpha: tf.where(x >= 0, x, 1.1 * alpha * tf.math.expm1(x / alpha)),
            derivative=lambda y, alpha: tf.where(y >= 0, tf.ones_like(y), y / alpha + 1.1),
            fused_backward=None,
        ),
        small,
        1,
        READING,
    ),
    "a forgotten alpha of one layer": (
        function(plan_module, "_checked_alpha", lambda *_: 1.0),
        small,
        1,
        READING,
    ),
    "pools of another kind": (
        function(plan_module, "PoolPlan", lambda old, _, *rest, **named: old("average_pool", *rest, **named)),
        small,
        3,
        READING,
    ),
    "a dilated rate that falls by another decay": (
        function(gradcheck, "dilated_rate", lambda old, case, epoch: old(case, 2 * epoch - 1)),
        lambda: seven_layers().model_copy(update={"epochs": 3}),
        None,
        RATES,
    ),
    "a gradient of the loss that is 5 % too small in bfloat16": (
        lambda patch: [
            function(module, "loss_gradient", short_of_five_percent_in_bfloat16)(patch)
            for module in (backprop, parts_module)
        ],
        small_in_bfloat16,
        None,
        ARITHMETIC,
    ),
}
FAULTS |= SHARED_FAULTS


class TestPlantedFaults:
    @pytest.mark.parametrize("name", list(FAULTS))
    def test_a_fault_is_found_where_it_was_planted(self, name: str, monkeypatch: Patch) -> None:
        plant, make_case, layer, part = FAULTS[name]
        case = make_case()
        plant(monkeypatch)

        verdict = verdict_of(case)

        assert verdict.kind == "wrong"
        assert (verdict.faults[0].layer, verdict.faults[0].part) == (layer, part)

    def test_an_activation_whose_tape_lies_puts_the_reference_in_doubt(self, monkeypatch: Patch) -> None:
        changes = {"value": lambda x, _: relu_that_lies(x), "derivative": lambda y, _: 0.5 * tf.ones_like(y)}
        entry("relu", fused_backward=None, **changes)(monkeypatch)

        fault, *others = verdict_of(small("relu"), samples=2).faults

        assert (fault.layer, fault.part, others) == (5, TAPE, [])


class TestRightCases:
    @pytest.mark.parametrize("make_case", [small, small_in_bfloat16, seven_layers, wide])
    def test_what_is_right_has_no_fault(self, make_case: Callable[[], Case]) -> None:
        assert verdict_of(make_case()).faults == ()

    def test_finite_differences_confirm_the_tape_in_every_tensor(self) -> None:
        case = small()
        check = check_gradients(case, load_dataset(case.dataset.name, sample=True).train, samples=2)
        for layer in check.layers:
            assert layer.weights_differences is not None
            assert layer.weights_differences < 1e-5
            assert layer.output_differences is not None
            assert layer.output_differences < 1e-5

    def test_the_article_s_three_departures_are_measured(self) -> None:
        case = small(rule="article")
        check = check_gradients(case, load_dataset(case.dataset.name, sample=True).train, samples=0)
        assert check.loss.exact.factor == pytest.approx(5)
        for layer in check.layers:
            factors = {part.part: part.exact.factor for part in layer.parts}
            average = layer.plan.pool == "average"
            assert (POOL in factors) == (layer.plan.pool != "none")
            assert factors.get(POOL, 1) == pytest.approx(layer.plan.pool_size**2 if average else 1)
            assert factors[POSITIVE] == pytest.approx(2)
            assert factors[NEGATIVE] == pytest.approx(1)
            assert factors[FILTER] == pytest.approx(1)
            assert factors[INPUT] == pytest.approx(1)
            assert layer.declared_weights.relative_error < 1e-12
