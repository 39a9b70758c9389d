from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from celu_cli.case.plan import plan_network
from celu_cli.engine.backprop import METHODS, batch_gradients
from celu_cli.engine.network import build_network, network_of
from celu_cli.engine.shares import Results, in_shares
from tests.engine import numpy_reference, tape_reference
from tests.engine.compare import assert_close
from tests.engine.small import Floats, make_batch, make_case, make_tiny_case, make_weights


def numbers(*shape: int) -> Floats:
    return np.arange(np.prod(shape), dtype=float).reshape(shape)


def rows_and_sums(x: tf.Tensor, y: tf.Tensor) -> Results:
    return [2.0 * x, x + y[:, :1]], [tf.reduce_sum(y, axis=0)]


@settings(deadline=None, max_examples=20)
@given(images=st.integers(1, 9), shares=st.integers(1, 10))
def test_shares_of_any_number_give_what_the_batch_gives(images: int, shares: int) -> None:
    x, y = tf.constant(numbers(images, 3)), tf.constant(numbers(images, 2))
    expected = rows_and_sums(x, y)
    for actual, whole in zip(in_shares(rows_and_sums, [x, y], shares), expected, strict=True):
        for one, other in zip(actual, whole, strict=True):
            np.testing.assert_array_equal(one, other)


def test_in_a_graph_the_batch_may_be_unknown_and_shapes_stay_known() -> None:
    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, 3], tf.float64)])
    def run(x: tf.Tensor) -> Any:
        (doubled, _), (total,) = in_shares(rows_and_sums, [x, x], 2)
        assert doubled.shape.as_list() == [None, 3]
        assert total.shape.as_list() == [3]
        return doubled, total

    for images in (1, 2, 5):
        doubled, total = run(numbers(images, 3))
        np.testing.assert_array_equal(doubled, 2.0 * numbers(images, 3))
        np.testing.assert_array_equal(total, numbers(images, 3).sum(axis=0))


@pytest.mark.parametrize("shares", [2, 3, 5])
@pytest.mark.parametrize("method", METHODS)
def test_a_batch_in_shares_has_the_gradients_of_the_whole(method: str, shares: int) -> None:
    case, batch = make_case(), make_batch("cifar10", 5)
    plan = plan_network(case)
    rate = 0.3 if method == "dilated" else 0.0
    expected = tape_reference.gradients(plan, make_weights(plan.layers), batch, rate)

    found = _in_shares(case, batch, method, shares, rate, taped=method == "auto")

    assert_close(found.weights, expected.weights, 1e-11)
    assert_close(found.outputs, expected.outputs, 1e-11)


def test_by_the_article_s_rule_shares_are_summed_and_not_averaged() -> None:
    case, batch = make_case(backprop={"method": "manual", "rule": "article"}), make_batch("cifar10", 5)
    plan = plan_network(case)
    expected = numpy_reference.gradients(plan, make_weights(plan.layers), batch, 0.0, article=True)

    found = _in_shares(case, batch, "manual", 3, 0.0, article=True)

    assert_close(found.weights, expected.weights, 1e-11)


def test_loss_and_right_answers_are_those_of_the_whole_batch() -> None:
    case, batch = make_case(), make_batch("cifar10", 5)
    whole, cut = (_in_shares(case, batch, "manual", shares, 0.0) for shares in (1, 2))
    assert cut.loss.numpy() == pytest.approx(whole.loss.numpy(), rel=1e-13)
    assert cut.correct.numpy() == whole.correct.numpy()


def test_a_case_says_the_number_of_shares_and_no_share_is_empty() -> None:
    assert network_of(make_tiny_case(shares=3)).shares == 3
    assert network_of(make_tiny_case(shares=99)).shares == 8


def _in_shares(case: Any, batch: Any, method: str, shares: int, rate: float, **options: bool) -> Any:
    plan = plan_network(case)
    network = replace(build_network(plan, tf.float64, fold=False, **options), shares=shares)
    return batch_gradients(
        METHODS[method],
        network,
        [tf.constant(w) for w in make_weights(plan.layers)],
        tf.constant(batch.images),
        tf.constant(batch.labels),
        tf.constant(rate, tf.float64),
        outputs=True,
    )
