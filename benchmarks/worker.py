"""A process that takes one step at a time, when its parent asks for it; `benchmarks.turns` is the parent.

Usage: python -m benchmarks.worker GROUP, where GROUP says which rows it has and how its process is set up. It reads
JSON lines from stdin and answers each with one on stdout.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from benchmarks.peers.spec import Peer, PeerSpec, peer_spec
from celu_cli.case.load import load_case
from celu_cli.case.schema import Case
from celu_cli.datasets.definition import Split
from celu_cli.datasets.load import load_dataset
from celu_cli.errors import CeluError
from celu_cli.timing import Way, clocked


class Sample:
    """The embedded sample of a case's dataset, loaded once."""

    def __init__(self) -> None:
        self._loaded: dict[str, Split] = {}

    def of(self, case: Case) -> Split:
        name = case.dataset.name
        if name not in self._loaded:
            self._loaded[name] = load_dataset(name, sample=True).train
        return self._loaded[name]


def make_way(asked: dict[str, Any], sample: Sample) -> tuple[Way, int]:
    """What a row asks for, as a function that times it, and how many steps a call takes."""
    case = load_case(asked["case"], asked["overrides"])
    split, kind, count = sample.of(case), asked["kind"], asked["count"]
    if kind in ("celu", "floor", "limit"):
        from celu_cli.engine.bench import RepeatedSteps, arithmetic_limit, convolutions_alone

        images = min(case.batch_size, len(split.images))
        if kind == "floor":
            return clocked(convolutions_alone(case, images)), 1
        if kind == "limit":
            return arithmetic_limit(case, images), 1
        return clocked(RepeatedSteps(case, split, count)), count
    peer = make_peer(kind, peer_spec(case, split.images, split.labels, count), asked["options"])
    return clocked(peer.step), count


def make_peer(kind: str, spec: PeerSpec, options: dict[str, Any]) -> Peer:
    if kind == "article":
        from benchmarks.peers.article import ArticlePeer

        return ArticlePeer(spec)
    if kind == "keras":
        from benchmarks.peers.keras_model import KerasPeer

        return KerasPeer(spec, **options)
    from benchmarks.peers.torch_module import TorchPeer

    return TorchPeer(spec, **options)


def set_up(group: str) -> None:
    """Prepare the process for its group before anything heavy is imported."""
    if group == "tuned":
        import celu_cli.engine.runtime  # its memory settings and oneDNN are what this group is about

        # Not so its one thread an operation: no other engine cuts a batch into shares.
        celu_cli.engine.runtime.spread_threads(shares=1)
    elif group == "torch":
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def answers(requests: TextIO) -> Iterator[dict[str, Any]]:
    """One answer for each request: the milliseconds of a step, or what went wrong."""
    sample, ways = Sample(), dict[str, tuple[Way, int]]()
    for line in requests:
        asked = json.loads(line)
        try:
            if asked["name"] not in ways:
                ways[asked["name"]] = make_way(asked, sample)
            way, count = ways[asked["name"]]
            yield {"milliseconds": way() / count}
        except CeluError as error:
            yield {"error": str(error)}
        except Exception as error:  # a peer's own trouble must not end the measurement of the others
            yield {"error": f"{type(error).__name__}: {str(error).strip()[:300]}"}


def main() -> None:
    # Libraries that print must not come between: they get stderr, the parent alone the real stdout.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        set_up(sys.argv[1])
        for said in answers(sys.stdin):
            answer.write(json.dumps(said) + "\n")
            answer.flush()


if __name__ == "__main__":
    main()
