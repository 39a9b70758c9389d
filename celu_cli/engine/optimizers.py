"""Update rules as pure functions: `init(weights) -> state`, `update(...) -> (weights, state)`.

The state is a mapping of tensors and tuples of tensors and holds all there is: a checkpoint is that state. g is the
gradient, t the number of the step from 1. Sources differ on where epsilon stands and what is corrected for bias; each
rule states its convention. Unless said otherwise it is Keras 3's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from celu_cli.case import schema
from celu_cli.engine.tensor import Tensor, Tensors

State = dict[str, Any]


class Optimizer(NamedTuple):
    """`init(weights)` and `update(gradients, state, weights, learning_rate)`."""

    init: Callable[[Tensors], State]
    update: Callable[[Tensors, State, Tensors, Tensor], tuple[tuple[Tensor, ...], State]]


def build_optimizer(spec: schema.Optimizer, decayed: Sequence[bool] | None = None) -> Optimizer:
    """The optimizer of a case; `spec.learning_rate` is not used here, as schedules set the rate of each step.

    `decayed` says of each of the weights whether weight decay applies to it; None: to all.
    """
    if isinstance(spec, schema.AdamW):
        return adamw(spec, decayed)
    return OPTIMIZERS[spec.name](spec)


def sgd(_: schema.Sgd) -> Optimizer:
    """w -= learning_rate g"""

    def update(gradients: Tensors, state: State, weights: Tensors, learning_rate: Tensor) -> Any:
        return tuple(w - learning_rate * g for w, g in zip(weights, gradients, strict=True)), state

    return Optimizer(lambda _: {}, update)


def momentum(spec: schema.Momentum) -> Optimizer:
    """v = momentum v - learning_rate g; w += v, or with Nesterov w += momentum v - learning_rate g.

    Sutskever et al. 2013. The rate is inside v, as in Keras (PyTorch keeps it outside).
    """

    def update(gradients: Tensors, state: State, weights: Tensors, learning_rate: Tensor) -> Any:
        steps = [learning_rate * g for g in gradients]
        velocity = tuple(spec.momentum * v - step for v, step in zip(state["velocity"], steps, strict=True))
        changes = velocity
        if spec.nesterov:
            changes = tuple(spec.momentum * v - step for v, step in zip(velocity, steps, strict=True))
        return tuple(w + c for w, c in zip(weights, changes, strict=True)), {"velocity": velocity}

    return Optimizer(lambda weights: {"velocity": _zeros(weights)}, update)


def rmsprop(spec: schema.RMSprop) -> Optimizer:
    """v = rho v + (1 - rho) g^2; w -= learning_rate g / sqrt(v + epsilon)    Hinton 2012, lecture 6e"""
    return _by_root("velocity", 0.0, lambda v, squares: _running_mean(v, squares, spec.rho), spec.epsilon)


def adagrad(spec: schema.Adagrad) -> Optimizer:
    """a += g^2; w -= learning_rate g / sqrt(a + epsilon)    Duchi et al. 2011"""

    def added(a: Tensors, squares: Tensors) -> tuple[Tensor, ...]:
        return tuple(one + square for one, square in zip(a, squares, strict=True))

    return _by_root("accumulator", spec.initial_accumulator_value, added, spec.epsilon)


def adam(spec: schema.Adam | schema.AdamW) -> Optimizer:
    """w -= learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)

    Kingma, Ba 2014, arXiv:1412.6980, the form at the end of section 2: epsilon is added to the uncorrected root, as in
    TensorFlow 1 and Keras (PyTorch adds it to the corrected one).
    """

    def update(gradients: Tensors, state: State, weights: Tensors, learning_rate: Tensor) -> Any:
        step, m, v = _next_moments(gradients, state, spec)
        rate = _bias_corrected(learning_rate, step, spec)
        return _moment_step(weights, m, v, rate, spec.epsilon), {"step": step, "m": m, "v": v}

    return Optimizer(_init_moments, update)


def adamw(spec: schema.AdamW, decayed: Sequence[bool] | None = None) -> Optimizer:
    """Adam after w -= learning_rate weight_decay w    Loshchilov, Hutter 2017, arXiv:1711.05101"""
    plain = adam(spec)

    def update(gradients: Tensors, state: State, weights: Tensors, learning_rate: Tensor) -> Any:
        weights = [
            w - learning_rate * spec.weight_decay * w if decays else w
            for w, decays in zip(weights, decayed or [True] * len(weights), strict=True)
        ]
        return plain.update(gradients, state, weights, learning_rate)

    return Optimizer(plain.init, update)


def nadam(spec: schema.Nadam) -> Optimizer:
    """Adam with the momentum of the step to come    Dozat 2016, with Keras's schedule of the momentum

    u_t = beta_1 (1 - 0.5 * 0.96^t), where Dozat and PyTorch have 0.96^(0.004 t);
    m_hat = u_{t+1} m / (1 - u_1 ... u_{t+1}) + (1 - u_t) g / (1 - u_1 ... u_t);
    w -= learning_rate m_hat / (sqrt(v / (1 - beta_2^t)) + epsilon).
    """

    def momentum_at(step: Tensor) -> Tensor:
        return spec.beta_1 * (1.0 - 0.5 * tf.pow(0.96, step))

    def init(weights: Tensors) -> State:
        return {**_init_moments(weights), "product": tf.ones((), weights[0].dtype)}

    def update(gradients: Tensors, state: State, weights: Tensors, learning_rate: Tensor) -> Any:
        step, m, v = _next_moments(gradients, state, spec)
        time = tf.cast(step, learning_rate.dtype)
        now, following = momentum_at(time), momentum_at(time + 1.0)
        product = state["product"] * now
        weight_of_m = following / (1.0 - product * following)
        weight_of_g = (1.0 - now) / (1.0 - product)
        m_hat = [weight_of_m * a + weight_of_g * g for a, g in zip(m, gradients, strict=True)]
        v_hat = [a / (1.0 - tf.pow(tf.constant(spec.beta_2, time.dtype), time)) for a in v]
        weights = _moment_step(weights, m_hat, v_hat, learning_rate, spec.epsilon)
        return weights, {"step": step, "m": m, "v": v, "product": product}

    return Optimizer(init, update)


def amsgrad(spec: schema.AMSGrad) -> Optimizer:
    """w -= learning_rate m / (sqrt(v_max) + epsilon)    Reddi et al. 2018, arXiv:1904.09237, algorithm 2

    maximum = elementwise: v_max = max(v_max, v), the paper's. maximum = tensor: v_max is v or the old v_max, whichever
    has the larger sum over the layer's weights, as in the article's scripts; then v_max can be below a weight's v, and
    a step as long as learning_rate |m| / epsilon (docs/fidelity.md). v is not corrected for bias in either.
    bias_correction multiplies the rate as in `adam`, which Keras and PyTorch do and the paper does not.
    moment = new: m includes this step's gradient, the paper's. moment = old: m of the step before, 0 in the first. The
    article's scripts leave the order of writing m and reading it to TensorFlow's threads, so each of their updates used
    one or the other; the published curves fit only the new one (docs/fidelity.md).
    """

    def larger(v_max: Tensor, v: Tensor) -> Tensor:
        if spec.maximum == "elementwise":
            return tf.maximum(v_max, v)
        return tf.where(tf.reduce_sum(v) > tf.reduce_sum(v_max), v, v_max)

    def init(weights: Tensors) -> State:
        return {**_init_moments(weights), "v_max": _zeros(weights)}

    def update(gradients: Tensors, state: State, weights: Tensors, learning_rate: Tensor) -> Any:
        step, m, v = _next_moments(gradients, state, spec)
        v_max = tuple(larger(old, new) for old, new in zip(state["v_max"], v, strict=True))
        rate = _bias_corrected(learning_rate, step, spec) if spec.bias_correction else learning_rate
        weights = _moment_step(weights, m if spec.moment == "new" else state["m"], v_max, rate, spec.epsilon)
        return weights, {"step": step, "m": m, "v": v, "v_max": v_max}

    return Optimizer(init, update)


OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": sgd,
    "momentum": momentum,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adam": adam,
    "adamw": adamw,
    "nadam": nadam,
    "amsgrad": amsgrad,
}


def _zeros(weights: Tensors) -> tuple[Tensor, ...]:
    return tuple(tf.zeros_like(w) for w in weights)


def _running_mean(mean: Tensors, new: Tensors, beta: float) -> tuple[Tensor, ...]:
    # Keras's form; beta * mean + (1 - beta) * new rounds otherwise.
    return tuple(a + (b - a) * (1.0 - beta) for a, b in zip(mean, new, strict=True))


def _init_moments(weights: Tensors) -> State:
    return {"step": tf.zeros((), tf.int64), "m": _zeros(weights), "v": _zeros(weights)}


def _next_moments(
    gradients: Tensors, state: State, spec: Any
) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
    m = _running_mean(state["m"], gradients, spec.beta_1)
    v = _running_mean(state["v"], [g * g for g in gradients], spec.beta_2)
    return state["step"] + 1, m, v


def _bias_corrected(learning_rate: Tensor, step: Tensor, spec: Any) -> Tensor:
    time = tf.cast(step, learning_rate.dtype)
    beta_1, beta_2 = (tf.constant(beta, time.dtype) for beta in (spec.beta_1, spec.beta_2))
    return learning_rate * tf.sqrt(1.0 - tf.pow(beta_2, time)) / (1.0 - tf.pow(beta_1, time))


def _by_root(
    name: str, initial: float, next_sums: Callable[[Tensors, Tensors], tuple[Tensor, ...]], epsilon: float
) -> Optimizer:
    """w -= learning_rate g / sqrt(s + epsilon), with s = next_sums(s, g^2) in the state under `name`."""

    def init(weights: Tensors) -> State:
        return {name: tuple(tf.fill(w.shape, tf.constant(initial, w.dtype)) for w in weights)}

    def update(gradients: Tensors, state: State, weights: Tensors, learning_rate: Tensor) -> Any:
        sums = next_sums(state[name], [g * g for g in gradients])
        steps = (learning_rate * g / tf.sqrt(s + epsilon) for g, s in zip(gradients, sums, strict=True))
        return tuple(w - step for w, step in zip(weights, steps, strict=True)), {name: sums}

    return Optimizer(init, update)


def _moment_step(
    weights: Tensors, m: Tensors, v: Tensors, rate: Tensor, epsilon: float
) -> tuple[Tensor, ...]:
    return tuple(w - rate * a / (tf.sqrt(b) + epsilon) for w, a, b in zip(weights, m, v, strict=True))
