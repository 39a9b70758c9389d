"""What is to be known of all rows of a comparison, so that nobody reads more into them than is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from celu_cli.case.schema import Case
from celu_cli.case.settings import ALPHA_IS_SCALE, differing_keys, one_celu_alpha
from celu_cli.runs.published import why_not_published
from celu_cli.runs.run import Run
from celu_cli.text import joined

_MOST_NAMED = 3


def why_no_curve(cases: Sequence[Case], have: str = "the runs have") -> Iterator[str]:
    """Why a published curve that `cases` name is not shown beside their runs, where it is not.

    Where several have different reasons, those that all share are enough.
    """
    for curve in dict.fromkeys(case.published for case in cases):
        reasons = [
            (case.name, why) for case in cases if case.published == curve and (why := why_not_published(case))
        ]
        if reasons:
            of = f"{', '.join(dict(reasons))}: " if len(cases) > len(reasons) else ""
            parts = [why.split(", ") for _, why in reasons]
            shared = [part for part in parts[0] if all(part in each for each in parts)]
            why = joined(shared) or ", or ".join(dict.fromkeys(map(joined, parts)))
            yield f"{of}the published curve {curve} is not shown, as {have} {why}"


def remarks_on(cases: Sequence[Case], runs: Iterable[Run]) -> Iterator[str]:
    """Remarks on `cases`, of which none differs from another in its seed alone, and their runs."""
    if "alpha" in differing_keys(cases) and all(map(one_celu_alpha, cases)):
        yield f"alpha: {ALPHA_IS_SCALE}"
    yield from why_no_curve(cases)
    guessing = [run.name for run in runs if run.guesses]
    if guessing:
        named = ", ".join(guessing[:_MOST_NAMED])
        more = f" and {len(guessing) - _MOST_NAMED} more" if len(guessing) > _MOST_NAMED else ""
        yield f"no better than guessing in test accuracy: {named}{more}"
