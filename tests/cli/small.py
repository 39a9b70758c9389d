"""Words that make a case of CIFAR-10 train in moments: three layers, of which the first can get skip gradients."""

from __future__ import annotations

_LAYERS = (
    "{kernel: 3, filters: 4, pool: average, pool_size: 4}",
    "{kernel: 2, filters: 4, pool: average, pool_size: 4}",
    "{kernel: 1, filters: 10, pool: average, pool_size: 2}",
)
NETWORK = f"network={{layers: [{', '.join(_LAYERS)}], initializer: he_normal}}"
SMALL = ("--sample", NETWORK, "batch_size=500")
