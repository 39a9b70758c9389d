from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.engine.network import Network, build_network
from tests.engine.compare import relative_error
from tests.engine.small import make_batch, make_case, make_weights

datasets = pytest.mark.parametrize("dataset", ["cifar10", "mnist"])


def network_of(case: Case, dtype: tf.DType = tf.float64, **options: bool) -> Network:
    return build_network(plan_network(case), dtype, **options)


def logits_of(network: Network, case: Case) -> Any:
    batch = make_batch(case.dataset.name)
    weights = network.compute_weights([tf.constant(w) for w in make_weights(plan_network(case).layers)])
    return network.forward(weights, network.inputs(tf.constant(batch.images)))[0]


@datasets
def test_logits_are_those_of_a_keras_model_with_the_same_weights(dataset: str) -> None:
    keras_layers: list[Any] = []
    # Kernel, filters and whether a pool follows, as the article's table has them.
    pools = [False, True, True, True, True, dataset == "cifar10", False]
    for kernel, filters, pool in zip([5, 3, 1, 3, 1, 2, 1], [8] * 6 + [10], pools, strict=True):
        keras_layers.append(
            keras.layers.Conv2D(
                filters,
                kernel,
                padding="same",
                use_bias=False,
                activation=lambda x: keras.activations.celu(x, alpha=2.0),
            )
        )
        if pool:
            keras_layers.append(keras.layers.AveragePooling2D(2))
    model = keras.Sequential([*keras_layers, keras.layers.Flatten()])
    case, batch = make_case(dataset), make_batch(dataset)
    pixels = batch.images.astype(np.float32) / 255
    model.build(pixels.shape)
    model.set_weights(make_weights(plan_network(case).layers))

    assert relative_error(logits_of(network_of(case, tf.float32), case), model(pixels)) < 1e-5


@datasets
@pytest.mark.parametrize("alpha", [0.3, 2.0])
@pytest.mark.parametrize("residual", [0.0, 0.8])
def test_an_alpha_folded_out_of_the_layers_leaves_the_logits_as_they_are(
    dataset: str, alpha: float, residual: float
) -> None:
    case = make_case(dataset, network={"filters": 8, "residual": residual}, alpha=alpha)
    folded, unfolded = network_of(case), network_of(case, fold=False)

    assert (folded.scale, unfolded.scale) == (alpha, 1.0)
    assert {layer.plan.alpha for layer in folded.layers} == {1.0}
    assert {layer.plan.alpha for layer in unfolded.layers} == {alpha}
    assert relative_error(logits_of(folded, case), logits_of(unfolded, case)) < 1e-13


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"alpha": 2.0}, {"alpha": 1.0}),
        ({"alpha": 2.0}, {"activation": "elu"}),
        ({"activation": "elu"}, {"activation": "elu"}),
    ],
)
def test_no_alpha_is_folded_where_layers_differ_or_are_not_celu(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    layers = [
        {"kernel": 3, "filters": 4, "pool": "average", "pool_size": 4} | first,
        {"kernel": 1, "filters": 10, "pool": "average", "pool_size": 8} | second,
    ]
    assert network_of(make_case(network={"layers": layers})).scale == 1.0


@pytest.mark.parametrize("alpha", [1e-4, 1e4, 1e8])
def test_a_network_of_extreme_alpha_keeps_its_precision_in_float32(alpha: float) -> None:
    case = make_case(alpha=alpha)
    exact = logits_of(network_of(case, tf.float64, fold=False), case)
    assert relative_error(logits_of(network_of(case, tf.float32), case), exact) < 1e-4


@datasets
def test_pixels_become_parts_of_one(dataset: str) -> None:
    case, images = make_case(dataset, alpha=1.0), make_batch(dataset).images
    inputs = network_of(case).inputs(tf.constant(images))
    assert inputs.dtype == tf.float64
    np.testing.assert_allclose(inputs, images / 255, rtol=1e-15)


@datasets
def test_bfloat16_computes_in_bfloat16_and_answers_in_float32(dataset: str) -> None:
    case = make_case(dataset)
    network = network_of(case, tf.bfloat16)
    assert network.inputs(tf.constant(make_batch(dataset).images)).dtype == tf.bfloat16
    assert {w.dtype for w in network.compute_weights([tf.ones([2])])} == {tf.bfloat16}
    logits = logits_of(network, case)
    assert logits.dtype == tf.float32
    assert relative_error(logits, logits_of(network_of(case), case)) < 0.1


def test_only_large_3_x_3_layers_are_given_to_winograd() -> None:
    wide = make_case(network={"filters": 64})
    assert [layer.winograd for layer in network_of(wide, tf.float32, winograd=True).layers] == [
        False,
        True,
        False,
        True,
        False,
        False,
        False,
    ]
    for network in (
        network_of(wide, tf.float32),
        network_of(wide, tf.float64, winograd=True),
        network_of(make_case(), tf.float32, winograd=True),
    ):
        assert not any(layer.winograd for layer in network.layers)


@pytest.mark.parametrize("native", [True, False], ids=["a processor with bfloat16", "one without"])
def test_bfloat16_is_widened_where_the_processor_cannot_multiply_it_and_for_winograd(
    native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celu_cli.engine.network.multiplies_bfloat16", lambda: native)
    case = make_case(network={"filters": 64})
    layers = network_of(case, tf.bfloat16, winograd=True).layers
    assert {layer.context.native for layer in layers} == {native}
    assert [layer.winograd for layer in layers] == [layer.plan.number in (2, 4) for layer in layers]
    # Winograd's transforms would lose too many of bfloat16's few digits.
    assert [layer.context.widened for layer in layers] == [layer.winograd or not native for layer in layers]
    for dtype in (tf.float32, tf.float64):
        assert not any(
            layer.context.widened or layer.context.native for layer in network_of(case, dtype).layers
        )


def test_a_gpu_multiplies_bfloat16_forward_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celu_cli.engine.network.multiplies_bfloat16", lambda: True)
    monkeypatch.setattr("celu_cli.engine.network.has_gpu", lambda: True)
    layers = network_of(make_case(network={"filters": 64}), tf.bfloat16, winograd=True).layers
    assert not any(layer.winograd or layer.context.widened for layer in layers)
