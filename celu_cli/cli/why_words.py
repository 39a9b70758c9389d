"""The sentences and cells of `celu why`, shared by its text and its Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from celu_cli.analysis.changes import Change
from celu_cli.analysis.run_changes import Parting, Start
from celu_cli.analysis.sides import Side
from celu_cli.analysis.why import Explanation
from celu_cli.case.words import printable
from celu_cli.runs.wording import describe_case

SECTIONS = (
    ("Can change the result", ("result",)),
    ("Changes only rounding", ("rounding",)),
    ("Changes only how long", ("length",)),
    ("Cannot change the result", ("none",)),
)


def side_words(side: Side) -> str:
    """What a side is."""
    kind = f"{side.run.status} run" if side.run else "case"
    return f"{side.name} ({kind}): {printable(describe_case(side.case))}"


def hints(explanation: Explanation) -> Iterator[str]:
    """Where a side is a case that has runs, how to name one of those."""
    for side in {side.name: side for side in (explanation.a, explanation.b)}.values():
        if side.runs:
            yield (
                f"{side.name} means the case; to compare a run of it, name the run: {side.runs[-1]}"
                + (f" (the newest of {len(side.runs)})" if len(side.runs) > 1 else "")
            )


def rows(change: Change) -> Iterator[tuple[str, str, str]]:
    """Key and both values of everything that the change consists of."""
    for value in change.values:
        yield (value.key, _cell(value.a, value.implied_a), _cell(value.b, value.implied_b))


def start_lines(explanation: Explanation) -> Iterator[str]:
    """Whether weights and order of the images are the same, and what else is."""
    yield from _hash_lines(explanation.start)
    if explanation.same:
        yield f"the same: {', '.join(map(printable, explanation.same))}"


def _hash_lines(start: Start) -> Iterator[str]:
    by = "by the cases" if start.expected else "by their hashes"
    for what, same, reason in (
        ("initial weights", start.same_weights, start.weights_reason),
        ("order of images", start.same_order, start.order_reason),
    ):
        answer = "not known" if same is None else f"{'the same' if same else 'not the same'} {by}"
        yield f"{what}: {answer}" + (f" ({reason})" if reason else "")


def result_lines(explanation: Explanation) -> Iterator[str]:
    """How the results of both sides compare, as far as there are any."""
    if explanation.parting is not None:
        yield from _parting_lines(explanation.parting)
        yield from _end_lines(explanation)
    published = explanation.published
    if published is not None:
        points = 100 * (published.test_accuracy_b - published.test_accuracy_a)
        yield (
            f"published: test accuracy {published.test_accuracy_a:.4f} (epoch {published.epoch_a}) and "
            f"{published.test_accuracy_b:.4f} (epoch {published.epoch_b}): {points:+.2f} points"
        )


def _parting_lines(parting: Parting) -> Iterator[str]:
    if not parting.common_epochs:
        yield "there is no epoch that both have finished"
    elif parting.first_epoch is None:
        yield f"all metrics are equal in all {parting.common_epochs} epochs that both have"
    else:
        yield f"metrics part in epoch {parting.first_epoch}, by B minus A: {_differences(parting.first)}"
        if parting.last_epoch != parting.first_epoch:
            yield f"in epoch {parting.last_epoch}, the last that both have: {_differences(parting.last)}"


def _end_lines(explanation: Explanation) -> Iterator[str]:
    for letter, side in (("A", explanation.a), ("B", explanation.b)):
        metrics = side.run.metrics if side.run else ()
        if metrics:
            best = max(metrics, key=lambda epoch: epoch.test_accuracy)
            yield (
                f"{letter} ends at test accuracy {metrics[-1].test_accuracy:.4f} in epoch {metrics[-1].epoch} of "
                f"{side.case.epochs}; best {best.test_accuracy:.4f} in epoch {best.epoch}"
            )


def _differences(values: dict[str, float]) -> str:
    words = []
    for key, value in values.items():
        if "accuracy" in key:
            words.append(f"{key.replace('_', ' ')} {100 * value:+.3g} points")
        else:
            words.append(
                f"{key.replace('_', ' ')} " + (f"{value:+.2g}" if math.isfinite(value) else "not finite")
            )
    return ", ".join(words)


def _cell(value: Any, implied: bool = False) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:g}"
    text = printable(value) if value and isinstance(value, str) else json.dumps(value)
    return f"{text} (always)" if implied else text
