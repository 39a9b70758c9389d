from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Annotation, Text

from celu_cli.analysis.plots.chart import Chart, Curve, _spread, chart_figure, save_chart
from celu_cli.analysis.plots.style import BLUE, FORMATS
from celu_cli.errors import RunError

CHART = Chart("title", "subtitle", "accuracy", [Curve("run 0.9", [1, 2, 3], [0.5, 0.7, 0.9], BLUE)])


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_chart_gives_the_same_bytes_whatever_matplotlibrc_says(
    tmp_path: Path, file_format: str
) -> None:
    save_chart(CHART, tmp_path / "one", file_format)
    with matplotlib.rc_context({"font.size": 30, "savefig.facecolor": "red"}):
        save_chart(CHART, tmp_path / "two", file_format)
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_chart_is_drawn_beside_and_then_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "plots" / "chart.png"
    save_chart(CHART, path, "png")
    save_chart(CHART, path, "png")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("curves", "ends"),
    [
        ([], []),
        (
            [Curve("one epoch", [1], [0.5], BLUE), Curve("published", [1], [0.6], BLUE, dashed=True)],
            [("one epoch", 1, 0.5), ("published", 1, 0.6)],
        ),
        ([Curve("nothing known", [1, 2], [math.nan, math.nan], BLUE)], []),
        ([Curve("ends in NaN", [1, 2, 3], [0.1, 0.2, math.nan], BLUE)], [("ends in NaN", 3, 0.2)]),
        (
            [Curve(f"run {number}", list(range(1, 52)), [0.5] * 51, BLUE) for number in range(40)],
            [(f"run {number}", 51, 0.5) for number in range(40)],
        ),
    ],
    ids=["empty", "one epoch", "all NaN", "some NaN", "forty equal curves"],
)
def test_each_curve_that_has_a_value_is_labelled_at_its_last_one_and_all_labels_can_be_read(
    curves: list[Curve], ends: list[tuple[str, float, float]]
) -> None:
    figure = chart_figure(Chart("title", "", "accuracy", curves, (0.0, 1.0)))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    labels = [text for text in axes.texts if isinstance(text, Annotation)]
    assert [(label.get_text(), *label.xy) for label in labels] == ends
    boxes = [Text.get_window_extent(label) for label in labels]
    assert all(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
    for upper, lower in pairwise(sorted(boxes, key=lambda box: -box.y0)):
        assert lower.y1 <= upper.y0 + 1  # a pixel


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        save_chart(CHART, tmp_path / "file" / "chart.png", "png")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.2))
def test_labels_never_touch_and_keep_the_order_of_their_curves(values: list[float], gap: float) -> None:
    places = _spread(values, gap)
    order = sorted(range(len(values)), key=lambda index: (values[index], places[index]))
    for lower, upper in pairwise(order):
        assert places[upper] - places[lower] >= gap - 1e-9


def test_labels_that_do_not_touch_stay_at_their_curves() -> None:
    assert _spread([0.9, 0.1, 0.5], 0.05) == [0.9, 0.1, 0.5]
