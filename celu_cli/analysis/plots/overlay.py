"""Groups of runs in one picture: mean and band over seeds, by epoch or by training time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from celu_cli.analysis.compare.bands import Band, BandKind, Measure, band_of, time_unit, value_of
from celu_cli.analysis.compare.groups import Group
from celu_cli.analysis.compare.remarks import why_no_curve
from celu_cli.analysis.plots.chart import Chart, Panel
from celu_cli.analysis.plots.curve import Curve
from celu_cli.analysis.plots.labels import label_groups, shared_text, title_of
from celu_cli.analysis.plots.style import Look
from celu_cli.errors import RunError
from celu_cli.runs.published import read_published
from celu_cli.text import four_decimals

_MOST_WITH_BANDS = 4
_BANDS = {"sd": "± one sample standard deviation", "ci": "95 % interval of the mean"}
_WIDTHS, _THINNER = (2.6, 1.4), 0.5  # a line behind another is seen on both sides of it
_CAVEAT = "time: mean over seeds, evaluation included; comparable only on one machine that did nothing else meanwhile"


@dataclass(frozen=True)
class _Line:
    """A group as it is drawn."""

    group: Group
    label: str
    look: Look
    test: Band
    train: Band


def overlay_chart(
    groups: Sequence[Group],
    measure: Measure,
    over_time: bool = False,
    train: bool = False,
    band: BandKind | None = None,
) -> Chart:
    """Test values solid, train values dashed where they are wanted, published ones too, each labelled at its end.

    A group of which no run counts is drawn from the runs it has, and says so. Without `band` there is one of ± sd
    where at most four groups are drawn: more would cover each other.

    Raises:
        RunError: a published curve cannot be read, or no run has the times of its epochs.
    """
    if band is None:
        band = "sd" if len(groups) <= _MOST_WITH_BANDS else "none"
    found = list(_lines(groups, measure, band))
    lines = [line for line in found if not over_time or isfinite(line.test.seconds[-1])]
    untimed = ", ".join(line.label for line in found if line not in lines)
    if untimed and not lines:
        raise RunError(f"how long an epoch took is not recorded for {untimed}; draw over epochs")
    unit, seconds = time_unit(max((line.test.seconds[-1] for line in lines), default=0.0))
    sizes = {line.test.n for line in lines}
    curves = [*_curves(lines, train, band, seconds if over_time else None, len(sizes) > 1)]
    published = [] if over_time else list(_published(lines, measure))
    means = [f"mean of {n} seeds" for n in sizes if len(sizes) == 1 and n > 1]
    lacking = list(why_no_curve([line.group.case for line in lines]))
    notes = [
        f"band: {_BANDS[band]}" if any(curve.band for curve in curves) else "",
        "dashed: train, while training" if train else "",
        "thin: published" if published else "",
        lacking[0] if len(lacking) == 1 else "",
        _CAVEAT if over_time else "",
        f"times not recorded: {untimed}" if untimed else "",
    ]
    phases = "test and train" if train else "test"
    return Chart(
        title_of(
            f"{phases} {measure}", [line.group for line in lines], "over training time" if over_time else ""
        ),
        ", ".join(filter(None, [shared_text([line.group.case for line in lines]), *means])),
        [Panel(f"{phases} {measure}", [*curves, *published])],
        f"training time in {unit}" if over_time else "epoch",
        "; ".join(filter(None, notes)),
    )


def _lines(groups: Sequence[Group], measure: Measure, band: BandKind) -> Iterator[_Line]:
    drawn = []
    for group in groups:
        runs = [run for run in group.counted or group.runs if run.metrics]
        if runs and (test := band_of(runs, "test", measure, band)).epochs:
            drawn.append((group, runs, test))
    labels = label_groups([group for group, *_ in drawn])
    for (group, runs, test), (label, look) in zip(drawn, labels, strict=True):
        state = "" if group.counted else f", {runs[-1].status}"
        yield _Line(group, f"{label}{state}", look, test, band_of(runs, "train", measure, band))


def _curves(
    lines: Sequence[_Line], train: bool, band: BandKind, seconds: float | None, sizes_differ: bool
) -> Iterator[Curve]:
    many = len(lines) > _MOST_WITH_BANDS
    for number, line in enumerate(lines):
        size = f", n\u00a0=\u00a0{line.test.n}" if sizes_differ else ""
        for of, label in (
            (line.test, f"{line.label}  {four_decimals(line.test.mean[-1])}{size}"),
            (line.train, ""),
        ):
            if label or train:
                yield Curve(
                    label,
                    of.epochs if seconds is None else [each / seconds for each in of.seconds],
                    of.mean,
                    line.look.colour,
                    line.look.mark,
                    dashed=not label,
                    width=_WIDTHS[1] if many else max(_WIDTHS[1], _WIDTHS[0] - number * _THINNER),
                    band=(of.low, of.high) if of.n > 1 and band != "none" else None,
                )


def _published(lines: Sequence[_Line], measure: Measure) -> Iterator[Curve]:
    """Each published curve once, in the colour of the first group that names it."""
    last = max((line.test.epochs[-1] for line in lines), default=0)
    drawn: set[str] = set()
    for line in lines:
        published = read_published(line.group.case)
        shown = [epoch for epoch in published.epochs if epoch.epoch <= last] if published else []
        if not shown or published is None or published.name in drawn:
            continue
        drawn.add(published.name)
        values = [value_of(epoch, "test", measure) for epoch in shown]
        label = f"{published.name} published {four_decimals(values[-1])}"
        yield Curve(label, [epoch.epoch for epoch in shown], values, line.look.colour, "", dashed=True)
