"""What a peer is asked to compute: a case's network, optimizer and batches, without celu's engine.

Importing the engine would give the process celu's memory settings, and peers are to run as their users have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from celu_cli.case.plan import LayerPlan, plan_network
from celu_cli.case.schema import Adam, AMSGrad, Case
from celu_cli.errors import CaseError

Floats = NDArray[np.float32]


class Peer(Protocol):
    """Another way of training the same network; each call of `step` goes on with the weights of the call before."""

    def step(self) -> float:
        """Take what is timed as one step and return its loss."""

    def weights(self) -> list[Floats]:
        """The weights as they are now, each [kernel, kernel, channels, filters]."""


@dataclass(frozen=True)
class PeerSpec:
    """A case as a peer needs it: `images` are float32 pixels / 255, `weights` what training begins with."""

    case: Case
    images: Floats
    labels: NDArray[np.int64]
    weights: Sequence[Floats] = field(default=())

    @property
    def layers(self) -> tuple[LayerPlan, ...]:
        return plan_network(self.case).layers

    @property
    def batch(self) -> tuple[Floats, NDArray[np.int64]]:
        """The first batch."""
        size = self.case.batch_size
        return self.images[:size], self.labels[:size]


def peer_spec(case: Case, images: NDArray[np.uint8], labels: NDArray[np.uint8], count: int = 1) -> PeerSpec:
    """The first `count` batches, prepared once as peers' users do, and weights of the size that the case asks for.

    Raises:
        CaseError: the case has something that the peers were not written for.
    """
    check_comparable(case)
    generator = np.random.default_rng(case.seed)
    weights = [
        generator.normal(0.0, 0.05, layer.kernel_shape).astype(np.float32)
        for layer in plan_network(case).layers
    ]
    used = slice(count * case.batch_size)
    return PeerSpec(case, images[used].astype(np.float32) / 255.0, labels[used].astype(np.int64), weights)


def check_comparable(case: Case) -> None:
    """Refuse a case whose peers would compute something else.

    Raises:
        CaseError: an activation but CELU, a pool but 2 x 2 average, a residual sum, or another optimizer.
    """
    for layer in plan_network(case).layers:
        pooled = layer.pool == "none" or (layer.pool == "average" and layer.pool_size == 2)
        if layer.activation != "celu" or not pooled or layer.residual:
            raise CaseError(
                f"layer {layer.number} of {case.name}: the peers have celu, average pools of 2 and no residual sum; "
                "name a case with these, or leave the peers out"
            )
    if not isinstance(case.optimizer, Adam | AMSGrad):
        raise CaseError(
            f"{case.name}: the peers have the optimizers adam and amsgrad, not {case.optimizer.name}; "
            "say optimizer=adam, or leave the peers out"
        )
