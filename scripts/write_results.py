"""Write the tables of docs/results.md again from the runs in docs/results.

Usage: python scripts/write_results.py [DIRECTORY]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path

import celu_cli as celu
from celu_cli.events import EpochMetrics
from celu_cli.runs.published import PublishedEpoch, read_published
from celu_cli.runs.run import Run
from celu_cli.text import duration

DOCS = Path(__file__).parents[1] / "docs"
CASES = ("case-b", "case-c", "case-c-as-run", "case-d")


def longest_runs(logs: Path) -> list[Run]:
    """Of each case on CIFAR-10 the run that was trained for the most epochs."""
    return [max(celu.read_runs(name, logs=logs), key=lambda run: len(run.metrics)) for name in CASES]


def markdown(rows: list[list[str]]) -> str:
    head, *body = rows
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, ["---"] * len(head), *body])


def compared(logs: Path) -> str:
    command = [sys.executable, "-m", "celu_cli", "compare", "--logs", str(logs)]
    return f"```text\n{subprocess.run(command, check=True, capture_output=True, text=True).stdout}```\n"


def at_published_epochs(runs: list[Run]) -> str:
    """A row for each epoch that the article's logs show, with the test accuracy of each run and the published one."""
    curves = [read_published(run.case) for run in runs]
    shown = sorted({epoch.epoch for curve in curves if curve for epoch in curve.epochs})
    rows = [["epoch", *(name for run in runs for name in (f"`{run.case.name}`", "published"))]]
    for number in shown:
        row = [str(number)]
        for run, curve in zip(runs, curves, strict=True):
            own = next((epoch for epoch in run.metrics if epoch.epoch == number), None)
            published = curve.at(number) if curve else None
            row += [f"{epoch.test_accuracy:.4f}" if epoch else "" for epoch in (own, published)]
        rows.append(row)
    return markdown(rows)


def at_the_end(runs: list[Run]) -> str:
    """How the curve of each run and the published one end, and where they were at their best."""
    curves: dict[str, Sequence[EpochMetrics | PublishedEpoch]] = {}
    for run in runs:
        curves[f"`{run.case.name}`"] = run.metrics
        if published := read_published(run.case):
            curves.setdefault(f"published, {published.name}", published.epochs)
    rows = zip(*(_at_the_end(curve) for curve in curves.values()), strict=True)
    return markdown([["", *curves], *([row[0][0], *(value for _, value in row)] for row in rows)])


def _at_the_end(curve: Sequence[EpochMetrics | PublishedEpoch]) -> Iterator[tuple[str, str]]:
    last = curve[-1]
    best = max(curve, key=attrgetter("test_accuracy"))
    least = min(curve, key=attrgetter("test_loss"))
    learnt = next((str(epoch.epoch) for epoch in curve if epoch.train_accuracy >= 0.99), "never")
    moved = [epoch.epoch for epoch in curve if abs(epoch.test_accuracy - last.test_accuracy) > 0.005]
    settled = next(epoch.epoch for epoch in curve if epoch.epoch > max(moved))
    yield (
        "train minus test accuracy at the end, in points",
        f"{100 * (last.train_accuracy - last.test_accuracy):.2f}",
    )
    yield "train accuracy of 0.99 first in epoch", learnt
    yield "test accuracy within half a point of the last from epoch", str(settled)
    yield "last test accuracy", f"{last.test_accuracy:.4f}"
    yield "best test accuracy", f"{best.test_accuracy:.4f}"
    yield "… first in epoch", str(best.epoch)
    yield "last test loss", f"{last.test_loss:.3f}"
    yield "lowest test loss", f"{least.test_loss:.3f}"
    yield "… in epoch", str(least.epoch)


def cost(runs: list[Run]) -> str:
    head = ["case", "trained for", "begun", "ended", "resumed", "celu at commit"]
    return markdown([head, *(_cost(f"`{run.case.name}`", [run]) for run in runs), _cost("all", runs)])


def _cost(name: str, runs: list[Run]) -> list[str]:
    processes = [process for run in runs for process in (run.manifest, *run.manifest.resumed)]
    commits = dict.fromkeys((process.git_commit or "")[:7] for process in processes)
    ended = max(run.manifest.ended for run in runs if run.manifest.ended)
    return [
        name,
        duration(sum(run.metrics.seconds for run in runs)),
        f"{min(run.manifest.started for run in runs):%Y-%m-%d %H:%M}",
        f"{ended:%Y-%m-%d %H:%M}",
        f"{len(processes) - len(runs)} times",
        ", ".join(commits),
    ]


def resumptions(runs: list[Run]) -> str:
    """A row for each resumption, with the train loss of the epochs about it."""
    head = [
        "case",
        "resumed in epoch",
        "after step",
        "paused for",
        "train loss, epoch before",
        "this",
        "after",
    ]
    return markdown([head, *(row for run in runs for row in _resumptions(run))])


def _resumptions(run: Run) -> Iterator[list[str]]:
    losses = {epoch.epoch: f"{epoch.train_loss:.4f}" for epoch in run.metrics}
    for resumed in run.manifest.resumed:
        yield [
            f"`{run.case.name}`",
            str(resumed.epoch),
            str(resumed.step),
            duration((resumed.time - (resumed.stopped or resumed.time)).total_seconds()),
            *(losses.get(resumed.epoch + shift, "") for shift in (-1, 0, 1)),
        ]


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    page = directory / "results.md"
    text = page.read_text(encoding="utf-8")
    logs = DOCS / "results"
    runs = longest_runs(logs)
    tables = {
        "compared": compared(logs),
        "end": at_the_end(runs),
        "published epochs": at_published_epochs(runs),
        "cost": cost(runs),
        "resumptions": resumptions(runs),
    }
    for name, table in tables.items():
        text = re.sub(
            rf"(<!-- table: {name} -->\n\n).*?(\n<!-- end -->)",
            lambda match, table=table: match[1] + table + match[2],
            text,
            flags=re.DOTALL,
        )
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
