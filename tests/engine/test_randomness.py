from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import NormalInitializer, ScaledInitializer
from celu_cli.engine.randomness import batch_order, hash_arrays, initial_weights
from tests.engine.small import make_case

PLAN = plan_network(make_case())
NORMAL = NormalInitializer()


def scaled(name: Any) -> ScaledInitializer:
    return ScaledInitializer(name=name)


def equal(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    "initializer", [NORMAL, *map(scaled, ("he_normal", "lecun_normal", "glorot_uniform"))]
)
def test_weights_depend_on_the_seed_and_nothing_else(initializer: Any) -> None:
    first = initial_weights(PLAN, initializer, seed=3)
    np.random.default_rng(0).normal()
    assert equal(first, initial_weights(PLAN, initializer, seed=3))
    for one, other in zip(first, initial_weights(PLAN, initializer, seed=4), strict=True):
        assert not np.array_equal(one, other)


def test_a_layer_s_weights_do_not_depend_on_the_other_layers() -> None:
    """The first two layers stay as they are when what follows them changes."""
    layers = [
        {"kernel": 5, "filters": 8},
        {"kernel": 3, "filters": 8, "pool": "max", "pool_size": 8},
        {"kernel": 1, "filters": 10, "pool": "max", "pool_size": 4},
    ]
    other = plan_network(make_case(network={"layers": layers}))
    assert equal(initial_weights(PLAN, NORMAL, 5)[:2], initial_weights(other, NORMAL, 5)[:2])


def test_layers_of_one_shape_get_different_weights() -> None:
    weights = initial_weights(PLAN, NORMAL, seed=0)
    assert weights[2].shape == weights[4].shape
    assert not np.array_equal(weights[2], weights[4])


def test_weights_are_float32_of_the_planned_shapes() -> None:
    weights = initial_weights(PLAN, NORMAL, seed=0)
    assert [w.shape for w in weights] == [layer.kernel_shape for layer in PLAN.layers]
    assert {w.dtype for w in weights} == {np.dtype(np.float32)}


def test_weights_are_what_they_were_in_earlier_versions() -> None:
    """A change here would make every seed mean another run."""
    first = initial_weights(PLAN, NORMAL, seed=0)
    np.testing.assert_allclose(first[0].flat[:3], [0.00288566, -0.01534385, 0.01374728], rtol=1e-5)
    assert batch_order(10, seed=0, epoch=1).tolist() == [0, 5, 4, 1, 6, 2, 7, 3, 9, 8]


@pytest.mark.parametrize("deviation", [0.05, 0.3])
def test_normal_weights_have_the_deviation_asked_for(deviation: float) -> None:
    weights = initial_weights(wide(), NormalInitializer(standard_deviation=deviation), seed=0)[1]
    assert abs(weights.std() / deviation - 1) < 0.01
    assert abs(weights.mean()) < 0.01 * deviation
    within = np.mean(np.abs(weights) < deviation)
    assert abs(within - 0.6827) < 0.005


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("he_normal", 2 / (9 * 100)),
        ("lecun_normal", 1 / (9 * 100)),
        # Layer 2 has 9 * 100 inputs and as many outputs.
        ("glorot_uniform", 2 / (9 * 200)),
    ],
)
def test_scaled_weights_have_the_variance_of_their_paper(name: str, variance: float) -> None:
    weights = initial_weights(wide(), scaled(name), seed=0)[1]
    assert abs(weights.var() / variance - 1) < 0.02
    if name == "glorot_uniform":
        assert np.abs(weights).max() <= np.float32(np.sqrt(3 * variance))


def test_glorot_counts_inputs_and_outputs() -> None:
    """The first layer has 25 * 3 inputs and 25 * 100 outputs."""
    weights = initial_weights(wide(), scaled("glorot_uniform"), seed=0)[0]
    assert abs(weights.var() / (2 / (25 * 103)) - 1) < 0.05


def wide() -> Any:
    return plan_network(make_case(network={"filters": 100}))


@settings(deadline=None)
@given(images=st.integers(1, 300), seed=st.integers(0, 2**63 - 1), epoch=st.integers(1, 2**31))
def test_an_epoch_s_order_is_a_permutation_that_seed_and_epoch_decide(
    images: int, seed: int, epoch: int
) -> None:
    order = batch_order(images, seed, epoch)
    assert order.dtype == np.int32
    assert sorted(order) == list(range(images))
    np.testing.assert_array_equal(order, batch_order(images, seed, epoch))


def test_epochs_and_seeds_have_different_orders() -> None:
    orders = {batch_order(1000, seed, epoch).tobytes() for seed in range(5) for epoch in range(1, 6)}
    assert len(orders) == 25


def test_seed_and_epoch_are_not_interchangeable() -> None:
    assert not np.array_equal(batch_order(100, seed=1, epoch=2), batch_order(100, seed=2, epoch=1))


def test_the_hash_is_that_of_the_bytes_in_order() -> None:
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(4, dtype=np.int32)]
    expected = hashlib.sha256(arrays[0].tobytes() + arrays[1].tobytes()).hexdigest()
    assert hash_arrays(arrays) == expected
    assert hash_arrays([np.asfortranarray(arrays[0]), arrays[1]]) == expected
    assert hash_arrays(arrays[::-1]) != expected
