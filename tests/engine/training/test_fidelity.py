"""The fidelity measured while training is that of the gradients really used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.analysis.plots.run_plots import draw_run
from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Dataset, Split
from celu_cli.datasets.load import load_dataset
from celu_cli.engine.backprop import auto, manual
from celu_cli.engine.network import build_network
from celu_cli.engine.randomness import batch_order, initial_weights
from celu_cli.engine.training.train import train
from celu_cli.events import EpochDone, EpochMetrics
from celu_cli.execute import Job, execute

SMALL = (
    "network.filters=4",
    "network.initializer=he_normal",
    "batch_size=30",
    "epochs=1",
    "dataset.sample=true",
)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    sample = load_dataset("cifar10", sample=True)
    return replace(
        sample,
        train=Split(sample.train.images[:200], sample.train.labels[:200]),
        test=Split(sample.test.images[:50], sample.test.labels[:50]),
    )


def first_epoch(case: Case, dataset: Dataset) -> EpochMetrics:
    return next(event.metrics for event in train(case, dataset) if isinstance(event, EpochDone))


def test_exact_backprop_has_cosine_1_and_ratio_1_in_every_layer(dataset: Dataset) -> None:
    measured = first_epoch(load_case("case-c", [*SMALL, "fidelity.every=3"]), dataset).fidelity
    assert [entry.step for entry in measured] == [1, 4, 7]
    for entry in measured:
        np.testing.assert_allclose(entry.cosine, np.ones(7), atol=1e-5)
        np.testing.assert_allclose(entry.norm_ratio, np.ones(7), rtol=1e-5)


def test_the_article_rule_is_compared_with_the_exact_gradient_of_the_same_step(dataset: Dataset) -> None:
    case = load_case("case-c-as-run", [*SMALL, "fidelity.every=100"])
    (entry,) = first_epoch(case, dataset).fidelity

    plan = plan_network(case)
    chosen = batch_order(200, case.seed, epoch=1)[:30]
    images, labels = tf.constant(dataset.train.images[chosen]), tf.constant(dataset.train.labels[chosen])
    weights = [tf.constant(w, tf.float64) for w in initial_weights(plan, case.network.initializer, case.seed)]
    batch: tuple[Any, ...] = (weights, images, labels, tf.zeros(()))
    used = manual(build_network(plan, tf.float64, article=True), *batch).weights
    exact = auto(build_network(plan, tf.float64, fold=False), *batch).weights
    for layer, (a, b) in enumerate(zip(used, exact, strict=True)):
        a, b = a.numpy().ravel(), b.numpy().ravel()
        norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
        assert entry.cosine[layer] == pytest.approx(a @ b / norm_a / norm_b, rel=1e-4)
        assert entry.norm_ratio[layer] == pytest.approx(norm_a / norm_b, rel=1e-4)


def test_measuring_changes_nothing_in_the_training(dataset: Dataset) -> None:
    case = load_case("case-d-as-run", SMALL)
    measuring = case.model_copy(
        update={"fidelity": load_case("case-d", [*SMALL, "fidelity.every=2"]).fidelity}
    )
    without, with_it = first_epoch(case, dataset), first_epoch(measuring, dataset)
    assert without.fidelity == ()
    assert len(with_it.fidelity) == 4
    assert (without.train_loss, without.test_loss) == (with_it.train_loss, with_it.test_loss)


def test_a_run_keeps_and_draws_what_it_measured(tmp_path: Path) -> None:
    case = load_case("case-c-as-run", [*SMALL, "batch_size=1000", "fidelity.every=1"])
    run = execute(Job(case, tmp_path))
    (epoch,) = run.metrics
    assert [entry.step for entry in epoch.fidelity] == [1, 2]
    assert all(len(entry.cosine) == len(entry.norm_ratio) == 7 for entry in epoch.fidelity)
    names = {path.name for path in draw_run(run, tmp_path / "plots", "svg")}
    assert names == {"train.svg", "test.svg", "fidelity-cosine.svg", "fidelity-norm-ratio.svg"}
