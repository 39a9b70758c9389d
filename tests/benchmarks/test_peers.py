"""The peers compute what celu computes: only then is it fair to compare how long they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.peers.article import ArticlePeer
from benchmarks.peers.keras_model import KerasPeer
from benchmarks.peers.spec import Peer, PeerSpec, check_comparable, peer_spec
from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets.load import load_dataset
from celu_cli.engine.bench import RepeatedSteps
from celu_cli.engine.randomness import initial_weights
from celu_cli.errors import CaseError

# With a large epsilon an update depends on the gradient's size; with the usual one the first is its sign alone.
SMALL = ("network.filters=8", "network.initializer=he_normal", "batch_size=10", "dataset.sample=true")
LARGE_EPSILON = 1e-2
CORRECTED = ("optimizer.maximum=elementwise", "optimizer.bias_correction=true")
ARTICLE = ("backprop.rule=article",)


def small_case(name: str, *words: str, epsilon: float = LARGE_EPSILON) -> Case:
    return load_case(name, [*SMALL, *words, f"optimizer.epsilon={epsilon}"])


def both(case: Case, make: Callable[[PeerSpec], Peer], peer_case: Case | None = None, steps: int = 2) -> None:
    """Train celu and the peer from the same weights on the same batch, and compare loss and weights."""
    sample = load_dataset(case.dataset.name, sample=True).train
    weights = initial_weights(plan_network(case), case.network.initializer, case.seed)
    spec = replace(peer_spec(peer_case or case, sample.images, sample.labels), weights=weights)
    ours, peer = RepeatedSteps(case, sample, weights=weights), make(spec)
    for _ in range(steps):
        np.testing.assert_allclose(peer.step(), ours(), rtol=2e-6)
    for mine, theirs, begun in zip(ours.weights, peer.weights(), weights, strict=True):
        moved = np.abs(mine - begun).max()
        assert moved > 1e-5
        np.testing.assert_allclose(theirs, mine, atol=1e-3 * moved, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "words"),
    [("case-c", ARTICLE), ("case-d", ARTICLE), ("case-a", ())],
    ids=["manual", "dilated", "auto"],
)
def test_the_article_s_graph_trains_as_celu_does(name: str, words: tuple[str, ...]) -> None:
    both(small_case(name, *words), ArticlePeer)


@pytest.mark.parametrize(("name", "words"), [("case-c", CORRECTED), ("case-a", ())])
def test_keras_trains_as_celu_does(name: str, words: tuple[str, ...]) -> None:
    both(small_case(name, *words), KerasPeer)


def test_an_epoch_of_keras_fit_trains_as_celu_does() -> None:
    both(small_case("case-c", *CORRECTED), lambda spec: KerasPeer(spec, fit=True))


@pytest.mark.parametrize(("name", "words"), [("case-c", CORRECTED), ("case-a", ())])
@pytest.mark.parametrize("channels_last", [False, True])
def test_pytorch_trains_as_celu_does(name: str, words: tuple[str, ...], channels_last: bool) -> None:
    """PyTorch adds epsilon to the root after correcting bias: in the first step celu's is sqrt(1 - beta_2) of it."""
    pytest.importorskip("torch", reason="PyTorch comes with the extra [bench]")
    from benchmarks.peers.torch_module import TorchPeer

    theirs = small_case(name, *words)
    ours = small_case(name, *words, epsilon=LARGE_EPSILON * (1.0 - theirs.optimizer.beta_2) ** 0.5)
    both(ours, lambda spec: TorchPeer(spec, channels_last=channels_last), theirs, steps=1)


@pytest.mark.parametrize(
    ("word", "told"),
    [("activation=relu", "layer 1"), ("optimizer=sgd", "sgd"), ("network.residual=0.8", "residual")],
)
def test_a_case_that_the_peers_do_not_have_is_refused(word: str, told: str) -> None:
    words = [word, "alpha=null"] if word == "activation=relu" else [word]
    with pytest.raises(CaseError, match=told):
        check_comparable(load_case("case-c", words))


def test_the_comparison_tells_the_article_s_gradient_from_the_exact_one() -> None:
    with pytest.raises(AssertionError):
        both(small_case("case-c"), ArticlePeer)
