"""Where the time of a step goes: TensorFlow's own trace of steps of case-c on one core, by kind of operation.

Usage: python -m benchmarks.profile [--repeats 3] [--quick] [--output DIR]

Times are those of the operations themselves, without what they call. Tracing makes a step slower by a few percent.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.shared import TINY, digits, parser_of, table, write_part
from benchmarks.worker import Sample
from celu_cli.case.load import load_case
from celu_cli.machine import usable_cores

# What a kernel's name begins with, in the trace, and what it is of a step. The first that fits counts.
KINDS = {
    "_MklMatMul": "matrix products, nearly all of Winograd's algorithm",
    "MatMul": "matrix products, nearly all of Winograd's algorithm",
    "_MklNativeConv2DBackpropFilter": "filter gradients of direct convolutions",
    "_MklNativeConv2DBackpropInput": "input gradients of direct convolutions",
    "_MklNativeConv2D": "direct convolutions, forward",
    "Conv2D": "direct convolutions",
    "Elu": "activations and their derivatives",
    "_MklNativeAvgPool": "pools and their adjoints",
    "AvgPool": "pools and their adjoints",
    "BroadcastTo": "pools and their adjoints",
    "select": "activations and their derivatives",
    "fusion": "Winograd's transforms, compiled",
    "pad": "Winograd's transforms, compiled",
}
REST = "everything else: update, loss, sums, starting operations"


def kind_of(event: str) -> str:
    """The row of an event, which is ``operation:Kernel`` or the name of a compiled loop."""
    kernel = event.rpartition(":")[2]
    if ":" in event:
        return next((kind for name, kind in KINDS.items() if kernel.startswith(name)), REST)
    # A compiled loop is named after what it does; of these only ELU chooses.
    compiled = re.search(r"select|fusion|pad(?=[.\d]*$)", event)
    return KINDS[compiled[0]] if compiled else REST


def self_times(lines: list[list[tuple[int, int, str]]]) -> Counter[str]:
    """Picoseconds of each kind; an event (start, duration, name) that lies within another is taken off that."""
    found: Counter[str] = Counter()
    for events in lines:
        open_events: list[tuple[int, str]] = []
        for start, duration, name in sorted(events, key=lambda event: (event[0], -event[1])):
            while open_events and open_events[-1][0] <= start:
                open_events.pop()
            kind = kind_of(name)
            found[kind] += duration
            if open_events:
                found[open_events[-1][1]] -= duration
            open_events.append((start + duration, kind))
    return found


def trace(step: Callable[[], object]) -> Counter[str]:
    """The self times of one call of `step`; the thread that waits for it is left out."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as directory:
        tf.profiler.experimental.start(directory)
        step()
        tf.profiler.experimental.stop()
        (file,) = Path(directory).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    lines = []
    for plane in space.planes:
        names = {number: event.name for number, event in plane.event_metadata.items()}
        for line in plane.lines:
            events = [(one.offset_ps, one.duration_ps, names[one.metadata_id]) for one in line.events]
            if not any(
                name.startswith("KernelAndDeviceFunc") or "EagerExecute" in name for *_, name in events
            ):
                lines.append(events)
    return self_times(lines)


def main() -> None:
    arguments = parser_of(__doc__, repeats=3).parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, usable_cores()[-1:])
    # TensorFlow counts the cores when it is imported.
    from celu_cli.engine.bench import RepeatedSteps

    case = load_case("case-c", [*(TINY if arguments.quick else ()), "dataset.sample=true"])
    step = RepeatedSteps(case, Sample().of(case))
    for _ in range(2):
        step()
    found = [trace(step) for _ in range(arguments.repeats)]
    rows = {kind: [one[kind] / 1e9 for one in found] for kind in dict.fromkeys([*KINDS.values(), REST])}
    rows = {kind: times for kind, times in rows.items() if max(times) > 0.0}
    whole = sum(map(median, rows.values()))
    page = table(
        ["case-c, a step on one core", "median ms", "smallest", "largest", "share"],
        [
            [kind, *map(digits, (median(times), min(times), max(times))), f"{median(times) / whole:.0%}"]
            for kind, times in sorted(rows.items(), key=lambda row: -median(row[1]))
        ],
    )
    record: dict[str, Any] = {"milliseconds": rows}
    print(write_part(arguments.output, "profile", "Where the time of a step goes", record, page))


if __name__ == "__main__":
    main()
