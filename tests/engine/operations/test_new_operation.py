"""An operation that the engine has never seen is found, trained, kept, and checked like celu's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.operations import OperationPlan, Parameter
from celu_cli.case.plan import LayerPlan, plan_network
from celu_cli.check.verdict import Verdict, judge
from celu_cli.engine.backprop import auto, dilated, manual
from celu_cli.engine.check.gradients import check_gradients
from celu_cli.engine.network import build_network, network_of
from celu_cli.engine.operations import operation
from celu_cli.engine.operations.operation import Adjoint, Context, Forward, Operation
from celu_cli.engine.randomness import initial_weights
from celu_cli.engine.tensor import Tensor, Tensors
from celu_cli.engine.training.train import train
from celu_cli.events import CheckpointReached
from tests.engine.compare import assert_close
from tests.engine.small import make_batch, make_case, make_dataset, make_tiny_case


@dataclass(frozen=True)
class GainPlan(OperationPlan):
    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter("factor", self.input_shape[2:], initial=1.5, decayed=False),)


@dataclass(frozen=True)
class Gain(Operation):
    """y = x^2 times a factor for each channel."""

    def forward(self, parameters: Tensors, x: Tensor, context: Context) -> Forward:  # noqa: ARG002
        return parameters[0] * x * x, [x]

    def adjoint(
        self,
        parameters: Tensors,
        kept: Tensors,
        gradient: Tensor,
        context: Context,  # noqa: ARG002
    ) -> Adjoint:
        of_factor = tf.reduce_sum(gradient * kept[0] * kept[0], axis=[0, 1, 2])
        return [of_factor], 2.0 * gradient * parameters[0] * kept[0]

    def reference(self, parameters: Tensors, x: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        return parameters[0] * tf.square(x)


@pytest.fixture(autouse=True)
def gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gain between the activation of each layer and its pool."""
    monkeypatch.setitem(operation.OPERATIONS, "gain", Gain)
    plain = LayerPlan.operations.func

    def operations(self: LayerPlan) -> tuple[OperationPlan, ...]:
        first, second, *others = plain(self)
        return (first, second, GainPlan("gain", self.activation_shape), *others)

    with_gain = cached_property(operations)
    with_gain.__set_name__(LayerPlan, "operations")
    monkeypatch.setattr(LayerPlan, "operations", with_gain)


def verdict_of(**changes: Any) -> Verdict:
    case = make_tiny_case(backprop={"method": "manual"}, **changes)
    return judge(check_gradients(case, make_dataset(20, 4).train, samples=2))


@pytest.mark.parametrize("dtype", [tf.float64, tf.float32])
def test_hand_written_backprop_goes_through_it(dtype: tf.DType) -> None:
    layers = [
        {"kernel": 3, "filters": 4, "pool": "average", "pool_size": 4},
        {"kernel": 3, "filters": 4, "pool": "max", "pool_size": 4, "residual": 0.3},
        {"kernel": 2, "filters": 10, "pool": "average"},
    ]
    case = make_case(network={"layers": layers, "initializer": {"name": "he_normal"}})
    plan, batch = plan_network(case), make_batch("cifar10")
    weights = [tf.constant(w, dtype) for w in initial_weights(plan, case.network.initializer, 0)]
    images, labels, rate = tf.constant(batch.images), tf.constant(batch.labels), tf.constant(0.0, dtype)
    exact = [tf.cast(w, tf.float64) for w in weights]
    expected = auto(build_network(plan, tf.float64), exact, images, labels, rate)
    network = build_network(plan, dtype)
    assert network.scale == 1.0  # an alpha cannot be folded through a square
    for backprop in (manual, dilated):
        found = backprop(network, weights, images, labels, rate)
        assert len(found.weights) == 6
        assert_close(found.weights, expected.weights, 1e-9 if dtype == tf.float64 else 1e-3)


def test_checkpoints_name_its_parameter_and_it_trains() -> None:
    case = make_tiny_case(optimizer={"name": "adamw", "learning_rate": 0.01})
    events = list(train(case, make_dataset(20, 4)))
    arrays = next(event.checkpoint.arrays for event in events if isinstance(event, CheckpointReached))
    assert network_of(case).weight_names == [
        f"layer{number}.{name}" for number in (1, 2) for name in ("convolution.kernel", "gain.factor")
    ]
    for name in ("weights", "optimizer/m", "optimizer/v"):
        assert arrays[f"{name}/layer2.gain.factor"].shape == (10,)
    assert not np.array_equal(arrays["weights/layer2.gain.factor"], np.full(10, 1.5, np.float32))


def test_weight_decay_leaves_out_what_is_not_to_decay(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fixed(Gain):
        def adjoint(self, parameters: Tensors, kept: Tensors, gradient: Tensor, context: Context) -> Adjoint:
            (of_factor,), of_x = super().adjoint(parameters, kept, gradient, context)
            return [tf.zeros_like(of_factor)], of_x

    monkeypatch.setitem(operation.OPERATIONS, "gain", Fixed)
    optimizer = {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.5}
    events = train(make_tiny_case(optimizer=optimizer, backprop={"method": "manual"}), make_dataset(20, 4))
    arrays = next(event.checkpoint.arrays for event in events if isinstance(event, CheckpointReached))
    np.testing.assert_array_equal(arrays["weights/layer1.gain.factor"], np.full(4, 1.5, np.float32))


def test_the_check_tries_it_like_any_other() -> None:
    verdict = verdict_of()
    assert verdict.faults == ()
    assert verdict.kind == "right"


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        (lambda of_factor, of_x: ([2.0 * of_factor], of_x), "factor gradient"),
        (lambda of_factor, of_x: ([of_factor], 0.5 * of_x), "gain"),
    ],
    ids=["of its parameter", "of its input"],
)
def test_a_fault_in_it_is_named(
    changed: Callable[..., Any], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Gain.adjoint

    def wrong(self: Gain, *given: Any) -> Any:
        (of_factor,), of_x = right(self, *given)
        return changed(of_factor, of_x)

    monkeypatch.setattr(Gain, "adjoint", wrong)
    fault = verdict_of().faults[0]
    assert (fault.layer, fault.part) == (2, part)


def test_one_that_couples_the_images_of_a_batch_gets_them_together(monkeypatch: pytest.MonkeyPatch) -> None:
    class Centred(Gain):
        couples_images = True

        def forward(self, parameters: Tensors, x: Tensor, context: Context) -> Forward:
            return super().forward(parameters, x - tf.reduce_mean(x, axis=0), context)

    monkeypatch.setitem(operation.OPERATIONS, "gain", Centred)
    assert network_of(make_tiny_case(backprop={"method": "manual"}, shares=2)).shares == 1
