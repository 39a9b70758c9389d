from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.plan import plan_network
from celu_cli.case.schema import AutoBackprop, Case, DilatedBackprop, ManualBackprop
from celu_cli.engine.activations import ACTIVATIONS
from celu_cli.engine.backprop import Backprop, Gradients, auto, dilated, manual, select_backprop
from celu_cli.engine.network import Network, build_network
from tests.engine import numpy_reference, tape_reference
from tests.engine.compare import Expected, assert_close, assert_same, relative_error
from tests.engine.small import ALPHAS, Batch, make_batch, make_case, make_weights, uncompiled

RATE = 0.3  # large enough for every skip gradient to show

# Both lists end in 1 x 1 on CIFAR-10 and on MNIST; each pool of 3 drops rows on the way.
MIXED = [
    {"kernel": 5, "filters": 6, "activation": "gelu"},
    {"kernel": 3, "filters": 6, "pool": "max", "residual": 0.5, "alpha": 0.7},
    {"kernel": 2, "filters": 6, "pool": "average", "pool_size": 3, "activation": "elu", "alpha": 1.3},
    {"kernel": 3, "filters": 6, "residual": -0.4, "activation": "softplus"},
    {"kernel": 1, "filters": 5, "pool": "max", "activation": "leaky_relu", "alpha": 0.1},
    {"kernel": 2, "filters": 10, "pool": "average", "activation": "tanh"},
]
SKIPPING = [
    {"kernel": 3, "filters": 6, "pool": "average", "pool_size": 3},
    {"kernel": 3, "filters": 6, "pool": "max", "residual": 0.8},
    {"kernel": 2, "filters": 6, "pool": "average", "residual": 0.8, "activation": "silu"},
    {"kernel": 3, "filters": 6, "pool": "average"},
    {"kernel": 1, "filters": 10},
]
RESIDUAL = {"filters": 8, "residual": 0.8}
DILATED = {"method": "dilated", "rate": RATE}

every_dataset = pytest.mark.parametrize("dataset", ["cifar10", "mnist"])
every_network = pytest.mark.parametrize(
    "network", [{"filters": 8}, RESIDUAL, {"layers": MIXED}], ids=["article-7", "residual", "mixed layers"]
)


def network_of(case: Case, dtype: tf.DType = tf.float64, **options: bool) -> Network:
    return build_network(plan_network(case), dtype, **options)


def with_winograd(network: Network) -> Network:
    """Winograd's algorithm in every 3 x 3 layer, whether it pays off or not."""
    layers = tuple(
        replace(layer, operations=(replace(layer.operations[0], winograd=True), *layer.operations[1:]))
        if layer.plan.kernel == 3
        else layer
        for layer in network.layers
    )
    assert sum(layer.winograd for layer in layers) == 2
    return replace(network, layers=layers)


def differentiate(backprop: Backprop, network: Network, batch: Batch, rate: float = 0.0) -> Gradients:
    """Gradients at the weights that the oracles use, a folded alpha taken back in."""
    wide = tf.float64 if network.dtype == tf.float64 else tf.float32
    gradients = backprop(
        network,
        [tf.constant(w, wide) for w in make_weights([layer.plan for layer in network.layers])],
        tf.constant(batch.images),
        tf.constant(batch.labels),
        tf.constant(rate, wide),
    )
    assert {gradient.dtype for gradient in gradients.weights} == {wide}
    return gradients._replace(outputs=[gradient / network.scale for gradient in gradients.outputs])


def by_tape(case: Case, batch: Batch, rate: float = 0.0) -> Expected:
    plan = plan_network(case)
    return tape_reference.gradients(plan, make_weights(plan.layers), batch, rate)


def by_numpy(case: Case, batch: Batch, rate: float = 0.0, *, article: bool) -> Expected:
    plan = plan_network(case)
    return numpy_reference.gradients(plan, make_weights(plan.layers), batch, rate, article=article)


def assert_agree(actual: Gradients, expected: Expected, tolerance: float) -> None:
    """Gradients of all weights and of all outputs."""
    assert_close(actual.weights, expected.weights, tolerance)
    assert_close(actual.outputs, expected.outputs, tolerance)


class TestExactGradients:
    @every_dataset
    @every_network
    def test_hand_written_gradients_are_the_tape_s(self, dataset: str, network: dict[str, Any]) -> None:
        case, batch = make_case(dataset, network=network), make_batch(dataset)
        expected = by_tape(case, batch)

        automatic = differentiate(auto, network_of(case, fold=False), batch)
        hand_written = differentiate(manual, network_of(case), batch)

        assert_agree(automatic, expected, 1e-9)
        assert_agree(hand_written, expected, 1e-9)
        assert_close(hand_written.weights, automatic.weights, 1e-9)
        assert_agree(differentiate(manual, network_of(case, tf.float32), batch), expected, 1e-4)

    @every_dataset
    @pytest.mark.parametrize("activation", list(ACTIVATIONS))
    def test_they_are_for_every_activation(self, dataset: str, activation: str) -> None:
        case = make_case(dataset, activation=activation, alpha=ALPHAS[activation])
        batch = make_batch(dataset)
        expected = by_tape(case, batch)

        assert_agree(differentiate(manual, network_of(case), batch), expected, 1e-9)
        assert_agree(differentiate(auto, network_of(case, fold=False), batch), expected, 1e-9)
        assert_agree(differentiate(manual, network_of(case, tf.float32), batch), expected, 1e-4)

    @every_dataset
    @every_network
    def test_they_are_with_winograd_s_convolutions(self, dataset: str, network: dict[str, Any]) -> None:
        case, batch = make_case(dataset, network=network), make_batch(dataset)
        expected = by_tape(case, batch)
        with uncompiled():
            hand_written = differentiate(manual, with_winograd(network_of(case)), batch)
            automatic = differentiate(auto, with_winograd(network_of(case, taped=True)), batch)
        assert_agree(hand_written, expected, 1e-9)
        assert_agree(automatic, expected, 1e-9)

    def test_they_are_at_full_width_in_float32_with_winograd_compiled(self) -> None:
        case, batch = make_case(network={"filters": 200}), make_batch("cifar10", 2)
        network = network_of(case, tf.float32, winograd=True)
        assert [layer.plan.number for layer in network.layers if layer.winograd] == [2, 4]
        assert_agree(differentiate(manual, network, batch), by_tape(case, batch), 1e-4)

    def test_they_are_at_full_width_on_odd_sizes(self) -> None:
        """MNIST's layer 4 sees 7 x 7 images, which end within a tile and within a pool's window."""
        case, batch = make_case("mnist", network={"filters": 200}), make_batch("mnist", 4)
        network = network_of(case, tf.float32, winograd=True)
        assert [layer.plan.number for layer in network.layers if layer.winograd] == [2, 4]
        with uncompiled():
            gradients = differentiate(manual, network, batch)
        assert_agree(gradients, by_tape(case, batch), 1e-4)

    @every_dataset
    def test_numpy_loops_agree(self, dataset: str) -> None:
        case, batch = make_case(dataset, network=RESIDUAL), make_batch(dataset)
        expected = by_numpy(case, batch, article=False)
        assert_agree(differentiate(manual, network_of(case), batch), expected, 1e-9)

    @every_dataset
    @every_network
    def test_finite_differences_of_the_loss_agree(self, dataset: str, network: dict[str, Any]) -> None:
        """At two elements of each layer's weights, and in one direction in which all of them move."""
        case, batch, generator = (
            make_case(dataset, network=network),
            make_batch(dataset),
            np.random.default_rng(5),
        )
        plan, weights = plan_network(case), make_weights(plan_network(case).layers)
        for index, gradient in enumerate(differentiate(manual, network_of(case), batch).weights):
            directions = [generator.normal(size=gradient.shape) / np.sqrt(np.size(gradient))]
            for position in generator.integers(np.size(gradient), size=2):
                directions.append(np.eye(1, np.size(gradient), position).reshape(gradient.shape))
            for direction in directions:
                losses = []
                for step in (1e-5, -1e-5):
                    moved = [*weights[:index], weights[index] + step * direction, *weights[index + 1 :]]
                    losses.append(tape_reference.loss_of(plan, moved, batch))
                error = (losses[0] - losses[1]) / 2e-5 - np.sum(gradient * direction)
                assert abs(error) < 1e-5 * np.abs(gradient).max(), f"layer {index + 1}"

    @every_dataset
    def test_loss_and_right_answers_are_counted_over_the_batch(self, dataset: str) -> None:
        case, images = make_case(dataset), make_batch(dataset, 6)
        plan, weights = plan_network(case), make_weights(plan_network(case).layers)
        answers = np.reshape(tape_reference.forward(plan, weights, images).inputs[-1], [6, 10]).argmax(axis=1)
        # Two images get their label right, whatever the weights say.
        labels = np.where(np.arange(6) < 2, answers, (answers + 3) % 10).astype(np.uint8)
        batch = Batch(images.images, labels)
        for backprop in (auto, manual, dilated):
            gradients = differentiate(backprop, network_of(case), batch, RATE)
            np.testing.assert_allclose(
                gradients.loss, tape_reference.loss_of(plan, weights, batch), rtol=1e-12
            )
            assert gradients.correct == 2

    @pytest.mark.parametrize("backprop", [auto, manual])
    def test_bfloat16_gradients_are_float32_and_point_the_same_way(self, backprop: Backprop) -> None:
        case, batch = make_case(), make_batch("cifar10", 6)
        gradients = differentiate(backprop, network_of(case, tf.bfloat16), batch)
        for actual, expected in zip(gradients.weights, by_tape(case, batch).weights, strict=True):
            used, exact = np.ravel(actual), np.ravel(expected)
            cosine = used @ exact / (np.linalg.norm(used) * np.linalg.norm(exact))
            assert cosine > 0.99


class TestFoldedAlpha:
    @every_dataset
    @pytest.mark.parametrize("alpha", [0.3, 2.0])
    @pytest.mark.parametrize("rate", [0.0, RATE])
    def test_it_leaves_the_gradients_as_they_are(self, dataset: str, alpha: float, rate: float) -> None:
        case, batch = make_case(dataset, alpha=alpha, network=RESIDUAL), make_batch(dataset)
        folded = differentiate(dilated, network_of(case), batch, rate)
        unfolded = differentiate(dilated, network_of(case, fold=False), batch, rate)
        assert_agree(folded, Expected(unfolded.weights, unfolded.outputs), 1e-11)

    def test_training_with_alpha_2_is_training_plain_elu_on_half_the_image_with_twice_the_logits(
        self,
    ) -> None:
        case, plain = make_case(), plan_network(make_case(activation="elu", alpha=1.0))
        initial = make_weights(plain.layers)
        ours = {fold: [tf.constant(w) for w in initial] for fold in (True, False)}
        expected = [tf.constant(w) for w in initial]
        for step in range(5):
            batch = make_batch("cifar10", 4, seed=step)
            for fold, weights in ours.items():
                found = manual(
                    network_of(case, fold=fold), weights, *map(tf.constant, batch), tf.constant(0.0)
                )
                ours[fold] = [w - 0.05 * g for w, g in zip(weights, found.weights, strict=True)]
            with tf.GradientTape() as tape:
                tape.watch(expected)
                halved = Batch(batch.images / 2, batch.labels)
                logits = 2 * tape_reference.forward(plain, expected, halved).inputs[-1]
                loss = tape_reference.mean_loss(logits, batch)
            slopes = tape.gradient(loss, expected)
            expected = [w - 0.05 * g for w, g in zip(expected, slopes, strict=True)]
        assert min(relative_error(w, first) for w, first in zip(expected, initial, strict=True)) > 1e-3
        assert_close(ours[True], expected, 1e-11)
        assert_close(ours[False], expected, 1e-11)


class TestDilated:
    @every_dataset
    def test_a_rate_of_0_is_manual_bit_for_bit(self, dataset: str) -> None:
        case, batch = make_case(dataset, network=RESIDUAL), make_batch(dataset)
        for dtype in (tf.float32, tf.float64, tf.bfloat16):
            network = network_of(case, dtype)
            expected = differentiate(manual, network, batch)
            for backprop in (dilated, select_backprop(DilatedBackprop(method="dilated", rate=0.0))):
                actual = differentiate(backprop, network, batch)
                assert_same(tf.nest.flatten(actual), tf.nest.flatten(expected))

    @every_dataset
    @pytest.mark.parametrize(
        "network",
        [{"filters": 8}, RESIDUAL, {"layers": SKIPPING}],
        ids=["article-7", "residual", "max pool, pool of 3"],
    )
    def test_it_is_the_tape_s_gradient_of_the_surrogate_loss(
        self, dataset: str, network: dict[str, Any]
    ) -> None:
        case, batch = make_case(dataset, network=network, backprop=DILATED), make_batch(dataset)
        expected = by_tape(case, batch, RATE)
        backprop = select_backprop(case.backprop)
        assert_agree(differentiate(backprop, network_of(case), batch, RATE), expected, 1e-9)
        assert_agree(differentiate(backprop, network_of(case, fold=False), batch, RATE), expected, 1e-9)
        assert_agree(differentiate(backprop, network_of(case, tf.float32), batch, RATE), expected, 1e-4)

    @every_dataset
    def test_numpy_loops_agree(self, dataset: str) -> None:
        case, batch = make_case(dataset, network=RESIDUAL, backprop=DILATED), make_batch(dataset)
        expected = by_numpy(case, batch, RATE, article=False)
        assert_agree(differentiate(dilated, network_of(case), batch, RATE), expected, 1e-9)

    @pytest.mark.parametrize(("dataset", "layers"), [("cifar10", (2, 3, 4, 5)), ("mnist", (2, 3, 4))])
    def test_it_changes_the_layers_with_two_pools_ahead_and_those_below(
        self, dataset: str, layers: tuple[int, ...]
    ) -> None:
        case, batch = make_case(dataset, backprop=DILATED), make_batch(dataset)
        plain = differentiate(manual, network_of(case), batch)
        skipping = differentiate(dilated, network_of(case), batch, RATE)
        changed = [
            number
            for number, (one, other) in enumerate(zip(plain.weights, skipping.weights, strict=True), 1)
            if relative_error(other, one) > 1e-6
        ]
        assert plan_network(case).dilated_layers == layers
        assert changed == list(range(1, max(layers) + 1))

    def test_a_skip_gradient_contains_those_from_above(self) -> None:
        """Layer 2's gradient is not linear in the rate, as d_4 has the skip gradients of layers 4 and 5 in it."""
        network, batch = network_of(make_case(backprop=DILATED)), make_batch("cifar10")
        first = [differentiate(dilated, network, batch, rate).weights[0] for rate in (0.0, RATE, 2 * RATE)]
        bend = first[2] - 2 * first[1] + first[0]
        assert np.abs(bend).max() > 1e-3 * np.abs(first[0]).max()


class TestArticleRule:
    @every_dataset
    @pytest.mark.parametrize("network", [{"filters": 8}, RESIDUAL], ids=["article-7", "residual"])
    @pytest.mark.parametrize("rate", [0.0, RATE])
    @pytest.mark.parametrize("fold", [True, False], ids=["folded", "unfolded"])
    def test_it_is_what_the_scripts_compute(
        self, dataset: str, network: dict[str, Any], rate: float, fold: bool
    ) -> None:
        case, batch = make_case(dataset, network=network, alpha=1.7), make_batch(dataset)
        actual = differentiate(
            dilated if rate else manual, network_of(case, article=True, fold=fold), batch, rate
        )
        assert_agree(actual, by_numpy(case, batch, rate, article=True), 1e-9)

    def test_it_is_not_the_exact_gradient(self) -> None:
        case, batch = make_case(), make_batch("cifar10")
        exact = differentiate(manual, network_of(case), batch).weights[-1]
        article = differentiate(manual, network_of(case, article=True), batch).weights[-1]
        assert relative_error(article, exact * len(batch.labels)) > 0.1


def test_a_case_s_backprop_selects_its_function() -> None:
    assert select_backprop(AutoBackprop(method="auto")) is auto
    assert select_backprop(ManualBackprop()) is manual
    assert select_backprop(DilatedBackprop(method="dilated")) is dilated
