from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.plan import plan_network
from celu_cli.engine.network import network_of
from celu_cli.engine.training import diagnosis
from tests.engine.small import make_batch, make_tiny_case, make_weights


def test_a_divergence_is_looked_for_share_by_share_as_a_large_batch_does_not_fit_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case, batch = make_tiny_case(backprop={"method": "manual"}, shares=3), make_batch("mnist", 8)
    weights = [tf.constant(w, tf.float32) for w in make_weights(plan_network(case).layers)]
    seen: list[int] = []
    whole = diagnosis._first_place

    def counted(*given: object) -> str:
        seen.append(len(given[2]))  # type: ignore[arg-type]
        return whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(diagnosis, "_first_place", counted)

    assert diagnosis.explain_divergence(network_of(case), weights, *batch) == ""
    assert seen == [3, 3, 2]

    weights[1] = weights[1] * np.float32(np.inf)
    assert "weights of layer 2" in diagnosis.explain_divergence(network_of(case), weights, *batch)
