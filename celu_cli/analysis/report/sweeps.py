"""The sweeps of a report: a table by what was swept, and its picture."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from celu_cli.analysis.compare.metric import Metric
from celu_cli.analysis.compare.swept import Swept, compare_swept
from celu_cli.analysis.plots.style import render_figure
from celu_cli.analysis.plots.swept import sweep_figure
from celu_cli.analysis.report.tables import Table, make_table


@dataclass(frozen=True)
class SweepText:
    """One sweep; `picture` is an SVG as the address of an image, empty where more than two keys were swept."""

    name: str
    table: Table
    picture: str
    described: str


def describe_sweeps(sweeps: Sequence[Swept], metric: Metric) -> Iterator[SweepText]:
    """Each sweep as the report shows it."""
    for place, swept in enumerate(sweeps):
        records = compare_swept(swept, metric)
        draw = sweep_figure(swept, metric)
        picture = ""
        if draw is not None:
            picture = "data:image/svg+xml;base64," + b64encode(render_figure(draw, "svg")).decode()
        described = f"{metric.replace('-', ' ')} by {' and '.join(swept.keys)}, as in the table"
        yield SweepText(
            swept.name,
            make_table(f"sweep-{place}", swept.name, records, records.verdicts),
            picture,
            described.capitalize(),
        )
