from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case import schema
from celu_cli.engine.optimizers import OPTIMIZERS, build_optimizer
from tests.engine.small import Floats

STEPS = 20
SHAPES = [(3, 2), (5,), (2, 2, 1, 3)]

# Each rule with settings far from the defaults, and Keras's optimizer of the same meaning.
KERAS: dict[str, tuple[schema.Optimizer, Callable[[], keras.Optimizer]]] = {
    "sgd": (schema.Sgd(name="sgd"), lambda: keras.optimizers.SGD()),
    "momentum": (
        schema.Momentum(name="momentum", momentum=0.8),
        lambda: keras.optimizers.SGD(momentum=0.8),
    ),
    "nesterov": (
        schema.Momentum(name="momentum", momentum=0.8, nesterov=True),
        lambda: keras.optimizers.SGD(momentum=0.8, nesterov=True),
    ),
    "rmsprop": (
        schema.RMSprop(name="rmsprop", rho=0.8, epsilon=1e-3),
        lambda: keras.optimizers.RMSprop(rho=0.8, epsilon=1e-3),
    ),
    "adagrad": (
        schema.Adagrad(name="adagrad", initial_accumulator_value=0.2, epsilon=1e-3),
        lambda: keras.optimizers.Adagrad(initial_accumulator_value=0.2, epsilon=1e-3),
    ),
    "adam": (
        schema.Adam(name="adam", beta_1=0.8, beta_2=0.95, epsilon=1e-3),
        lambda: keras.optimizers.Adam(beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    ),
    "adamw": (
        schema.AdamW(name="adamw", beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.05),
        lambda: keras.optimizers.AdamW(beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.05),
    ),
    "nadam": (
        schema.Nadam(name="nadam", beta_1=0.8, beta_2=0.95, epsilon=1e-3),
        lambda: keras.optimizers.Nadam(beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    ),
    "amsgrad": (
        schema.AMSGrad(name="amsgrad", beta_1=0.8, beta_2=0.95, epsilon=1e-3, bias_correction=True),
        lambda: keras.optimizers.Adam(beta_1=0.8, beta_2=0.95, epsilon=1e-3, amsgrad=True),
    ),
}

# One step from w = 1 with g = 0.5 and a learning rate of 0.1, worked out by hand. Epsilon is 0 unless named.
GOLDEN: list[tuple[str, dict[str, Any], float]] = [
    ("sgd", {}, 1 - 0.05),
    ("momentum", {"momentum": 0.9}, 1 - 0.05),
    ("momentum", {"momentum": 0.9, "nesterov": True}, 1 - 1.9 * 0.05),
    # v = 0.1 * 0.25 = 0.025
    ("rmsprop", {"rho": 0.9}, 1 - 0.05 / 0.15811388300841897),
    # a = 0.11 + 0.25 = 0.36, with epsilon 0.13 the root is 0.7
    ("adagrad", {"initial_accumulator_value": 0.11}, 1 - 0.05 / 0.6),
    ("adagrad", {"initial_accumulator_value": 0.11, "epsilon": 0.13}, 1 - 0.05 / 0.7),
    # m / (1 - beta_1) = 0.5, sqrt(v / (1 - beta_2)) = 0.5
    ("adam", {"beta_1": 0.9, "beta_2": 0.75}, 1 - 0.1),
    # m = 0.05, sqrt(v) = sqrt(0.25 * 0.25) = 0.25, rate = 0.1 * sqrt(0.25) / 0.1 = 0.5: epsilon joins the 0.25
    ("adam", {"beta_1": 0.9, "beta_2": 0.75, "epsilon": 0.25}, 1 - 0.5 * 0.05 / 0.5),
    ("adamw", {"beta_1": 0.9, "beta_2": 0.75, "weight_decay": 0.2}, 1 - 0.1 * 0.2 - 0.1),
    # u_1 = 0.9 * 0.52 = 0.468, u_2 = 0.9 * 0.5392 = 0.48528, m = 0.05, sqrt(v_hat) = 0.5
    ("nadam", {"beta_1": 0.9}, 1 - 0.1 * (0.48528 * 0.05 / (1 - 0.468 * 0.48528) + 0.5) / 0.5),
    # m = 0.05, sqrt(v) = 0.25: nothing is corrected
    ("amsgrad", {"beta_1": 0.9, "beta_2": 0.75}, 1 - 0.1 * 0.05 / 0.25),
    ("amsgrad", {"beta_1": 0.9, "beta_2": 0.75, "maximum": "tensor"}, 1 - 0.1 * 0.05 / 0.25),
    ("amsgrad", {"beta_1": 0.9, "beta_2": 0.75, "bias_correction": True}, 1 - 0.1),
]


def make_spec(name: str, **settings: Any) -> schema.Optimizer:
    (kind,) = [kind for kind in spec_kinds() if name in get_args(kind.model_fields["name"].annotation)]
    return kind(name=name, **settings)


def spec_kinds() -> tuple[type[Any], ...]:
    """Every optimizer that a case can name."""
    return get_args(get_args(schema.Optimizer)[0])


def make_weights() -> list[Floats]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape) for shape in SHAPES]


def steps() -> Iterator[tuple[list[Floats], float]]:
    """Gradients of very different sizes, some of them 0 always or at times, and a learning rate that changes."""
    generator = np.random.default_rng(1)
    for step in range(STEPS):
        gradients = [generator.normal(size=shape) * 10.0 ** generator.integers(-2, 2) for shape in SHAPES]
        gradients[0][0] = 0.0
        gradients[1][step % 5] = 0.0
        if step % 7 == 3:
            gradients[2][:] = 0.0
        yield gradients, 0.02 * (1 + 0.5 * np.sin(step))


def run(spec: schema.Optimizer, dtype: str) -> list[list[Floats]]:
    """The weights after each step."""
    optimizer = build_optimizer(spec)
    weights: Any = [tf.constant(w, dtype) for w in make_weights()]
    state = optimizer.init(weights)
    history = []
    for gradients, rate in steps():
        constants = [tf.constant(g, dtype) for g in gradients]
        weights, state = optimizer.update(constants, state, weights, tf.constant(rate, dtype))
        assert {w.dtype.name for w in weights} == {dtype}
        history.append([w.numpy() for w in weights])
    return history


def assert_histories_agree(
    actual: list[list[Floats]], expected: list[list[Floats]], tolerance: float
) -> None:
    for step, (ours, theirs) in enumerate(zip(actual, expected, strict=True), 1):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance, err_msg=f"step {step}")


def test_the_table_has_every_optimizer_a_case_can_name() -> None:
    named = {get_args(kind.model_fields["name"].annotation)[0] for kind in spec_kinds()}
    assert (
        set(OPTIMIZERS) == named == {spec.name for spec, _ in KERAS.values()} == {name for name, *_ in GOLDEN}
    )


@pytest.mark.parametrize("name", list(KERAS))
def test_the_schema_says_how_many_tensors_an_optimizer_remembers(name: str) -> None:
    spec, _ = KERAS[name]
    state = build_optimizer(spec).init(tuple(map(tf.constant, make_weights())))
    assert spec.state_tensors == sum(isinstance(value, tuple) for value in state.values())


@pytest.mark.parametrize("name", list(KERAS))
def test_twenty_steps_are_keras_s(name: str) -> None:
    spec, make = KERAS[name]
    theirs = make()
    variables = [keras.Variable(w.astype(np.float32)) for w in make_weights()]
    theirs.build(variables)
    expected = []
    for gradients, rate in steps():
        theirs.learning_rate = rate
        theirs.apply([tf.constant(g, tf.float32) for g in gradients], variables)
        expected.append([variable.numpy() for variable in variables])

    assert_histories_agree(run(spec, "float32"), expected, 1e-6)


@pytest.mark.parametrize(("name", "settings", "expected"), GOLDEN)
def test_one_step_gives_the_number_worked_out_by_hand(
    name: str, settings: dict[str, Any], expected: float
) -> None:
    defaults = {"epsilon": 0.0} if name not in ("sgd", "momentum") else {}
    optimizer = build_optimizer(make_spec(name, **(defaults | settings)))
    weights = [tf.constant([1.0], tf.float64)]
    (moved,), _ = optimizer.update(
        [tf.constant([0.5], tf.float64)], optimizer.init(weights), weights, tf.constant(0.1, tf.float64)
    )
    np.testing.assert_allclose(moved, [expected], rtol=1e-13)


def amsgrad_by_hand(maximum: str, moment: str = "new") -> list[list[Floats]]:
    """Reddi et al. 2018, algorithm 2, and the article's variants: sums over a tensor, the update before the moment."""
    beta_1, beta_2, epsilon = 0.9, 0.9, 1e-8
    weights = make_weights()
    moments = [[np.zeros(shape) for shape in SHAPES] for _ in range(3)]
    history = []
    for gradients, rate in steps():
        for i, g in enumerate(gradients):
            m, v, largest = (moment[i] for moment in moments)
            before = m
            m = beta_1 * m + (1 - beta_1) * g
            v = beta_2 * v + (1 - beta_2) * g**2
            if maximum == "elementwise":
                largest = np.where(v > largest, v, largest)
            elif v.sum() > largest.sum():
                largest = v
            weights[i] = weights[i] - rate * (m if moment == "new" else before) / (np.sqrt(largest) + epsilon)
            for kept, new in zip(moments, (m, v, largest), strict=True):
                kept[i] = new
        history.append(list(weights))
    return history


@pytest.mark.parametrize("moment", ["new", "old"])
@pytest.mark.parametrize("maximum", ["elementwise", "tensor"])
def test_amsgrad_keeps_the_larger_second_moment_by_element_or_by_tensor(maximum: Any, moment: Any) -> None:
    spec = schema.AMSGrad(
        name="amsgrad", maximum=maximum, moment=moment, beta_1=0.9, beta_2=0.9, epsilon=1e-8
    )
    assert_histories_agree(run(spec, "float64"), amsgrad_by_hand(maximum, moment), 1e-11)


def test_the_two_kinds_of_maximum_and_of_moment_differ() -> None:
    kinds = [amsgrad_by_hand(*kind)[-1] for kind in (("elementwise",), ("tensor",), ("elementwise", "old"))]
    for one, other in combinations(kinds, 2):
        assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(one, other, strict=True))


def longest_step(maximum: Any) -> float:
    """Of a weight with next to no gradient in its first step and one in its second, in units of the rate."""
    spec = schema.AMSGrad(name="amsgrad", maximum=maximum, beta_1=0.9, beta_2=0.9, epsilon=1e-8)
    optimizer, rate = build_optimizer(spec), tf.constant(0.1, tf.float64)
    weights: Any = [tf.zeros(2, tf.float64)]
    state = optimizer.init(weights)
    moved = []
    for gradient in ([1e-12, 1.0], [0.01, 0.1]):
        before = weights[0]
        weights, state = optimizer.update([tf.constant(gradient, tf.float64)], state, weights, rate)
        moved.append(np.abs(weights[0] - before).max() / rate.numpy())
    return max(moved)


def test_a_maximum_by_element_bounds_a_step_and_one_by_tensor_does_not() -> None:
    assert longest_step("elementwise") <= 1.0  # with equal betas m² <= v (Cauchy-Schwarz), and v <= v_max
    m = 0.001
    assert longest_step("tensor") == pytest.approx(m / 1e-8, rel=1e-3)


def test_with_the_old_moment_the_first_step_of_amsgrad_moves_nothing() -> None:
    weights = make_weights()
    spec = schema.AMSGrad(name="amsgrad", moment="old")
    assert_histories_agree(run(spec, "float64")[:1], [weights], 0.0)


@pytest.mark.parametrize("name", list(KERAS))
def test_the_state_is_all_an_optimizer_remembers(name: str) -> None:
    """Steps taken by another instance from a copy of the state end at the same weights."""
    first, second = (build_optimizer(KERAS[name][0]) for _ in range(2))
    weights: Any = [tf.constant(w) for w in make_weights()]
    state = first.init(weights)
    results = []
    for resume in (False, True):
        moved, remembered, optimizer = weights, state, first
        for step, (gradients, rate) in enumerate(steps()):
            if resume and step == 10:
                remembered = tf.nest.map_structure(lambda tensor: tf.constant(tensor.numpy()), remembered)
                optimizer = second
            moved, remembered = optimizer.update(
                [tf.constant(g) for g in gradients], remembered, moved, tf.constant(rate, tf.float64)
            )
        results.append([w.numpy() for w in moved])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
