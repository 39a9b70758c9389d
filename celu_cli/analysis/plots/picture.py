"""The picture of a comparison or a sweep: which of the charts was asked for, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from celu_cli.analysis.compare.bands import BandKind, Measure
from celu_cli.analysis.compare.groups import Group
from celu_cli.analysis.compare.metric import Metric, is_loss
from celu_cli.analysis.compare.swept import Swept, points_by
from celu_cli.analysis.plots.chart import CENTIMETRE, Chart, save_chart
from celu_cli.analysis.plots.labels import shared_text, title_of
from celu_cli.analysis.plots.overlay import overlay_chart
from celu_cli.analysis.plots.style import picture_format, save_figure
from celu_cli.analysis.plots.swept import sweep_figure, swept_chart
from celu_cli.errors import UsageError

_OVER_TRAINING = (None, "epoch", "time")


@dataclass(frozen=True)
class Picture:
    """What was asked for: file, by what to draw (epoch, time or a key) and looks; `size` in centimetres.

    Raises:
        UsageError: the file's name does not end as that of a picture, or what it is drawn by has no such looks.
    """

    path: Path
    by: str | None = None
    train: bool = False
    band: BandKind | None = None
    size: tuple[float, float] | None = None
    title: str | None = None

    def __post_init__(self) -> None:
        picture_format(self.path)
        if self.by not in _OVER_TRAINING:
            self._refuse_curves(f"--by {self.by}")

    def _refuse_curves(self, what: str) -> None:
        if self.train or self.band:
            option = "--train" if self.train else "--band"
            raise UsageError(f"{option} is for curves over epochs or time; leave it out with {what}")

    @property
    def _inches(self) -> tuple[float, float] | None:
        return (self.size[0] * CENTIMETRE, self.size[1] * CENTIMETRE) if self.size else None

    def draw_groups(self, groups: Sequence[Group], metric: Metric) -> None:
        """Draw `groups` over epochs, over training time, or over a key.

        Raises:
            UsageError: they have no such key, or one value of it.
            RunError: the file cannot be written, or a published curve cannot be read.
        """
        if self.by in _OVER_TRAINING:
            measure: Measure = "loss" if is_loss(metric) else "accuracy"
            self._save(overlay_chart(groups, measure, self.by == "time", self.train, self.band))
            return
        groups = [group for group in groups if group.values] or groups
        key, points = points_by(groups, self.by or "")
        what = title_of(metric.replace("-", " "), groups, key=key)
        self._save(swept_chart(points, key, metric, what, shared_text([group.case for group in groups])))

    def draw_points(self, swept: Swept, metric: Metric) -> None:
        """Draw what a sweep came to over its one key, or that asked for, or over its two keys.

        Raises:
            UsageError: the sweep has no such keys, or no cell is complete.
            RunError: the file cannot be written.
        """
        self._refuse_curves("--sweep")
        if self.by is not None and self.by not in swept.keys:
            raise UsageError(f"--by {self.by}: this sweep has {', '.join(swept.keys) or 'only seeds'}")
        if not any(point.summary for point in swept.points):
            raise UsageError("--plot: no cell of the sweep is complete yet")
        draw = sweep_figure(swept, metric, self.by, self.title, self._inches)
        if draw is None:
            raise UsageError(
                "--plot: a sweep is drawn over one key, which --by names, or over two; this one swept "
                + (", ".join(swept.keys) or "seeds alone")
            )
        save_figure(draw, self.path, picture_format(self.path))

    def _save(self, chart: Chart) -> None:
        titled = chart if self.title is None else replace(chart, title=self.title)
        save_chart(titled, self.path, picture_format(self.path), self._inches)
