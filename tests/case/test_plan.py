"""The plan of a network, against the article's table and against sums done by hand."""

from __future__ import annotations

from typing import Any

import pytest

from celu_cli.case.cost import cost_of, layer_memory
from celu_cli.case.plan import NetworkPlan, PlanProblem, plan_network
from celu_cli.case.schema import Case


def make_case(**changes: Any) -> Case:
    return Case.model_validate({"dataset": "cifar10", "optimizer": "amsgrad", "epochs": 1, **changes})


def plan(**changes: Any) -> NetworkPlan:
    return plan_network(make_case(**changes))


def problem(**changes: Any) -> tuple[tuple[str | int, ...], str]:
    with pytest.raises(PlanProblem) as caught:
        plan(**changes)
    return caught.value.location, caught.value.message


def test_parameters_and_flops_are_those_counted_by_hand() -> None:
    layers = plan().layers
    weights = [5 * 5 * 3 * 200, 9 * 200 * 200, 200 * 200, 9 * 200 * 200, 200 * 200, 4 * 200 * 200, 200 * 10]
    areas = [32 * 32, 32 * 32, 16 * 16, 8 * 8, 4 * 4, 2 * 2, 1]
    flops = [2 * weight * area for weight, area in zip(weights, areas, strict=True)]
    assert [layer.parameters for layer in layers] == weights
    assert [layer.forward_flops for layer in layers] == flops
    assert plan().training_flops == 3 * sum(flops) - flops[0]


def test_layers_two_to_five_receive_skip_gradients_on_cifar10() -> None:
    assert plan(backprop="dilated").dilated_layers == (2, 3, 4, 5)


def test_on_mnist_the_last_pool_is_missing_and_so_is_its_skip() -> None:
    mnist = plan(dataset="mnist", backprop="dilated")
    assert [layer.pool for layer in mnist.layers] == ["none", *["average"] * 4, "none", "none"]
    assert mnist.dilated_layers == (2, 3, 4)


def test_the_preset_adds_residuals_only_where_shapes_agree() -> None:
    layers = plan(network={"residual": 0.8, "filters": 100}).layers
    assert [layer.residual for layer in layers] == [0.0, 0.8, 0.8, 0.8, 0.8, 0.8, 0.0]


def test_a_layer_with_its_own_activation_does_not_inherit_alpha() -> None:
    last = {"filters": 10, "kernel": 1, "pool": "max", "pool_size": 32}
    layers = [{"kernel": 3, "filters": 4}, {"kernel": 3, "filters": 4, "activation": "elu"}, last]
    assert [layer.alpha for layer in plan(alpha=2.0, network={"layers": layers}).layers] == [2.0, 1.0, 2.0]


def test_values_that_do_not_fit_together_are_blamed_on_the_key_to_change() -> None:
    reduce = {"kernel": 1, "filters": 10, "pool": "max", "pool_size": 32}
    assert problem(alpha=-1.0)[0] == ("alpha",)
    assert problem(activation="gelu", alpha=1.0)[0] == ("alpha",)
    assert problem(activation="leaky_relu", alpha=1.5)[0] == ("alpha",)
    assert problem(network={"layers": [{**reduce, "activation": "tanh", "alpha": 1.0}]})[0] == (
        ("network", "layers", 0, "alpha")
    )
    assert problem(network={"layers": [{**reduce, "pool_size": 33}]})[0] == (
        "network",
        "layers",
        0,
        "pool_size",
    )
    assert problem(network={"layers": [{**reduce, "residual": 1.0}]})[0] == (
        "network",
        "layers",
        0,
        "residual",
    )
    assert problem(network={"layers": [{**reduce, "filters": 9}]})[0] == ("network",)
    assert problem(network={"layers": [reduce]}, backprop="dilated")[0] == ("backprop",)
    assert problem(activation="elu", backprop={"method": "dilated", "rule": "article"})[0] == (
        "backprop",
        "rule",
    )
    assert problem(dataset={"name": "cifar10", "hold_out": 50_000})[0] == ("dataset", "hold_out")


def test_a_kernel_may_reach_every_pixel_from_every_other_and_no_further() -> None:
    def layers(kernel: int) -> dict[str, Any]:
        return {"layers": [{"kernel": kernel, "filters": 10, "pool": "max", "pool_size": 32}]}

    assert plan(network=layers(65)).layers[0].kernel == 65
    assert problem(network=layers(66))[0] == ("network", "layers", 0, "kernel")


def test_cost_counts_images_steps_and_bytes() -> None:
    case = make_case(dataset={"name": "mnist", "hold_out": 5000}, batch_size=101, shares=1)
    mnist = plan_network(case)
    cost = cost_of(case, mnist)
    assert (cost.train_images, cost.test_images, cost.steps_per_epoch) == (55_000, 10_000, 545)
    assert cost.training_flops_per_epoch == 55_000 * mnist.training_flops
    # weights, gradients, m, v and the maximum of v
    assert cost.weight_memory == 5 * 4 * mnist.parameters
    assert layer_memory(case, mnist.layers[0], 101) == 4 * 101 * 28 * 28 * 200
    assert layer_memory(case, mnist.layers[1], 101) == 4 * 101 * (28 * 28 + 14 * 14) * 200
    assert cost.passing_gradient_memory == 2 * 4 * 101 * 28 * 28 * 200


def test_bfloat16_halves_the_activations_and_not_the_weights() -> None:
    full, half = make_case(), make_case(precision="bfloat16")
    costs = [cost_of(case, plan_network(case)) for case in (full, half)]
    assert costs[0].activation_memory == 2 * costs[1].activation_memory
    assert costs[0].weight_memory == costs[1].weight_memory


def test_the_sample_has_its_own_size_and_ignores_the_hold_out() -> None:
    case = make_case(dataset={"name": "mnist", "sample": True, "hold_out": 5000}, batch_size=5000, shares=1)
    cost = cost_of(case, plan_network(case))
    assert (cost.train_images, cost.test_images, cost.steps_per_epoch) == (2000, 500, 1)
    assert cost.images_at_once == 2000


@pytest.mark.parametrize(("written", "blamed"), [({"pool_size": 2}, "pool_size"), ({}, "pool")])
def test_a_key_that_was_written_is_blamed_and_not_a_default(written: dict[str, Any], blamed: str) -> None:
    layers = [
        {"kernel": 1, "filters": 4, "pool": "average", "pool_size": 32},
        {"kernel": 1, "filters": 10, "pool": "average", **written},
    ]
    with pytest.raises(PlanProblem) as caught:
        plan(network={"layers": layers})
    assert caught.value.location == ("network", "layers", 1, blamed)
