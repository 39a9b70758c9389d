"""The case as a Keras user would write it: `Conv2D` layers, `keras.activations.celu`, `Adam(amsgrad=...)`."""

from __future__ import annotations

from typing import Literal

import keras
import numpy as np

from benchmarks.peers.spec import Floats, PeerSpec

Jit = Literal["auto"] | bool


class KerasPeer:
    """`train_on_batch` on the first batch; with `fit`, an epoch of `Model.fit` over all images instead.

    `jit_compile` is Keras's own: "auto", its default, lets XLA compile the step; False does not.
    """

    def __init__(self, spec: PeerSpec, *, fit: bool = False, jit_compile: Jit = False) -> None:
        self._spec, self._fit = spec, fit
        self._batch = spec.batch
        self._model = build_model(spec)
        self._model.set_weights(list(spec.weights))
        self._model.compile(
            optimizer=adam_of(spec),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=jit_compile,
        )

    def step(self) -> float:
        if not self._fit:
            return float(np.asarray(self._model.train_on_batch(*self._batch)[0]))
        size = self._spec.case.batch_size
        history = self._model.fit(
            self._spec.images, self._spec.labels, batch_size=size, epochs=1, verbose=0, shuffle=True
        )
        return float(history.history["loss"][-1])

    def weights(self) -> list[Floats]:
        return list(self._model.get_weights())


def build_model(spec: PeerSpec) -> keras.Model:
    layers: list[keras.Layer] = [keras.Input(spec.images.shape[1:])]
    for plan in spec.layers:
        layers.append(keras.layers.Conv2D(plan.filters, plan.kernel, padding="same", use_bias=False))
        layers.append(keras.layers.Activation(lambda x, alpha=plan.alpha: keras.activations.celu(x, alpha)))
        if plan.pool != "none":
            layers.append(keras.layers.AveragePooling2D(2))
    return keras.Sequential([*layers, keras.layers.Flatten()])


def adam_of(spec: PeerSpec) -> keras.optimizers.Optimizer:
    """Keras's AMSGrad takes the elementwise maximum and corrects bias; nothing else of the case's is changed."""
    rule = spec.case.optimizer
    return keras.optimizers.Adam(
        rule.learning_rate, rule.beta_1, rule.beta_2, rule.epsilon, amsgrad=rule.name == "amsgrad"
    )
