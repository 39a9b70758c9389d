"""Into how many shares a batch is cut, and how many images are in memory at a time."""

from __future__ import annotations

from math import ceil, prod

from celu_cli.case.plan import NetworkPlan
from celu_cli.case.schema import Case
from celu_cli.machine import cpu_threads

# The largest activation of a share. At 200 filters 13 to 50 images of CIFAR-10 took the same time, smaller ones longer.
_SHARE_BYTES = 20 * 2**20
# A share of fewer images loses more than a further thread brings.
_FEWEST_IMAGES = 6


def share_images(plan: NetworkPlan) -> int:
    """The most images of a share, by memory."""
    return max(1, _SHARE_BYTES // max(4 * prod(layer.activation_shape) for layer in plan.layers))


def count_shares(case: Case, plan: NetworkPlan, threads: int | None = None) -> int:
    """Into how many shares a batch of `case` is cut: what it says itself, otherwise as many for each thread in use.

    `threads` is by default what this process may use. 1, 2 and 4 threads get the same number, and so the same results,
    where memory demands 4 shares.
    """
    if case.shares is not None:
        return min(case.shares, case.batch_size)
    used = max(1, min(threads or cpu_threads(), case.batch_size // _FEWEST_IMAGES))
    return min(case.batch_size, used * ceil(case.batch_size / share_images(plan) / used))


def images_at_once(case: Case, plan: NetworkPlan, threads: int | None = None) -> int:
    """How many images of a batch are in memory at a time: a share for each of `threads`, as in `count_shares`."""
    shares = count_shares(case, plan, threads)
    return min(case.batch_size, ceil(case.batch_size / shares) * min(shares, threads or cpu_threads()))
