from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch
from matplotlib.text import Annotation, Text

from celu_cli.analysis.plots.chart import CENTIMETRE, Chart, Panel, chart_figure, save_chart
from celu_cli.analysis.plots.curve import Curve, spread
from celu_cli.analysis.plots.style import BLUE, FORMATS
from celu_cli.errors import RunError, UsageError

LINE = Curve("run 0.9", [1, 2, 3], [0.5, 0.7, 0.9], BLUE)
CHART = Chart("title", "subtitle", [Panel("accuracy", [LINE])])


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
    figure = chart_figure(Chart("title", "", [Panel("accuracy", curves, (0.0, 1.0))]))
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


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 0.2)), min_size=1, max_size=12))
def test_labels_never_touch_and_keep_the_order_of_their_curves(labels: list[tuple[float, float]]) -> None:
    values, heights = zip(*labels, strict=True)
    places = spread(values, heights)
    order = sorted(range(len(values)), key=lambda index: (values[index], places[index]))
    for lower, upper in pairwise(order):
        assert places[upper] - places[lower] >= (heights[lower] + heights[upper]) / 2 - 1e-9
    if sum(heights) <= 1:
        assert all(h / 2 - 1e-9 <= p <= 1 - h / 2 + 1e-9 for p, h in zip(places, heights, strict=True))


def test_labels_that_do_not_touch_stay_at_their_curves() -> None:
    assert spread([0.9, 0.1, 0.5], [0.05] * 3) == [0.9, 0.1, 0.5]


def labels_of(chart: Chart) -> dict[str, Annotation]:
    (axes, *_) = chart_figure(chart).axes
    return {text.get_text(): text for text in axes.texts if isinstance(text, Annotation)}


@pytest.mark.parametrize(("lower", "lines"), [(0.2, 0), (0.79, 3)])
def test_lines_lead_to_labels_only_where_these_cannot_stand_beside_their_points(
    lower: float, lines: int
) -> None:
    curves = [Curve(f"{value:.3f}", [1], [value], BLUE) for value in (lower, lower + 0.005, 0.8)]
    (axes,) = chart_figure(Chart("", "", [Panel("", curves, (0, 1))])).axes
    assert sum(isinstance(artist, ConnectionPatch) for artist in axes.get_children()) == lines


def test_where_many_curves_run_each_has_its_mark_at_its_label_and_no_two_neighbours_at_one_point() -> None:
    curves = [
        Curve(f"run {number}", list(range(1, 9)), [0.5 + number / 1000] * 8, BLUE, mark)
        for number, mark in enumerate("os^DvPX")
    ]
    (axes,) = chart_figure(Chart("", "", [Panel("", curves, (0, 1))])).axes
    drawn = [line for line in axes.lines if len(line.get_xdata()) == 8]
    beside = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert [line.get_marker() for line in beside] == list("os^DvPX")
    marked = [{*range(8)[slice(first, None, step)]} for first, step in map(Line2D.get_markevery, drawn)]
    assert all(marked)
    assert all(not one & other for one, other in pairwise(marked))


def test_a_size_without_room_for_the_words_is_refused_with_one_that_has_it() -> None:
    settings = [f"optimizer.name={name} epochs={n}" for name in ("adam", "amsgrad") for n in range(100, 108)]
    curves = [Curve(f"{setting}  0.1234", [1, 2], [0.1, 0.5], BLUE) for setting in settings]
    chart = Chart("A title of some words", "shared by all " * 9, [Panel("accuracy", curves)])
    with pytest.raises(UsageError, match="--size 8x6: the words of this picture need 8x") as refused:
        chart_figure(chart, (8 * CENTIMETRE, 6 * CENTIMETRE))
    _, _, height = str(refused.value).partition("need 8x")
    figure = chart_figure(chart, (8 * CENTIMETRE, float(height.split()[0]) * CENTIMETRE))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    assert all(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert axes.get_position().width > 0.4
    above = min(Text.get_window_extent(text).y0 for text in figure.texts[:2])
    assert axes.get_window_extent().y1 < above


def test_a_curve_that_ends_early_is_labelled_where_it_ends() -> None:
    short = Curve("short", [1, 2], [0.1, 0.2], BLUE)
    long = Curve("long", list(range(1, 21)), [0.5] * 20, BLUE)
    labels = labels_of(Chart("", "", [Panel("", [short, long])]))
    assert (labels["short"].xyann[0], labels["long"].xyann[0]) == (2, 20)


def test_a_label_between_the_lines_ends_before_the_right_column() -> None:
    early = Curve("a long name of a case, interrupted 0.1234, n = 1", [1, 5], [0.1, 0.5], BLUE)
    others = [Curve(f"a long name {n} of a case", list(range(1, 13)), [0.5] * 12, BLUE) for n in range(5)]
    figure = chart_figure(Chart("", "", [Panel("", [early, *others])]))
    figure.draw_without_rendering()
    boxes = {text.get_text(): Text.get_window_extent(text) for text in figure.axes[0].texts}
    (inside,) = (box for text, box in boxes.items() if "interrupted" in text)
    assert all(inside.x1 < box.x0 for box in boxes.values() if box is not inside)


@pytest.mark.parametrize("columns", [8, 14])
def test_long_labels_leave_the_plot_its_room_and_say_once_what_they_share(columns: float) -> None:
    names = [f"network.initializer=glorot_normal optimizer.beta_2=0.{n}" for n in range(6)]
    curves = [Curve(f"{name}  0.{n}058", [1, 2], [0.1, n / 9], BLUE) for n, name in enumerate(names)]
    figure = chart_figure(Chart("", "30 epochs", [Panel("", curves)]), (columns * CENTIMETRE, 6 * CENTIMETRE))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_position().width > 0.5
    assert [text.get_text() for text in axes.texts] == [f"0.{n}  0.{n}058" for n in range(6)]
    above = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    assert "30 epochs; labels: network.initializer=glorot_normal optimizer.beta_2= …" in above
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize("columns", [8, 10, 12, 14])
def test_a_line_of_the_subtitle_ends_between_two_phrases(columns: float) -> None:
    phrases = [
        "CIFAR-10",
        "celu alpha 2",
        "manual backprop",
        "amsgrad (tensor) 0.0008",
        "seed 0",
        "51 of 51 epochs",
    ]
    chart = Chart("", ", ".join(phrases), [Panel("", [Curve("0.5", [1, 2], [0.1, 0.5], BLUE)])])
    _, subtitle, _ = chart_figure(chart, (columns * CENTIMETRE, 9 * CENTIMETRE)).texts
    lines = subtitle.get_text().splitlines()
    assert len(lines) > 1
    assert ", ".join(line.removesuffix(",") for line in lines).split(", ") == phrases


def test_a_phrase_wider_than_the_picture_is_broken_between_its_words() -> None:
    phrase = (
        "one phrase whose words are more than fit on a line of any picture as wide as this one is, the rest"
    )
    chart = Chart("", phrase, [Panel("", [Curve("0.5", [1, 2], [0.1, 0.5], BLUE)])])
    _, subtitle, _ = chart_figure(chart, (8 * CENTIMETRE, 9 * CENTIMETRE)).texts
    lines = subtitle.get_text().splitlines()
    assert len(lines) > 1
    assert " ".join(lines) == phrase


def test_labels_of_settings_are_their_values_where_the_keys_would_take_the_room() -> None:
    names = [
        f"optimizer.name={rule} optimizer.learning_rate={rate} filters=8"
        for rule, rate in [("adam", 0.01), ("sgd", 0.1)]
    ]
    curves = [Curve(f"{name}  0.9", [1, 2], [0.1, 0.5], BLUE) for name in names]
    published = Curve("case-c published 0.7", [1, 2], [0.1, 0.7], BLUE, dashed=True)
    figure = chart_figure(Chart("", "", [Panel("", [*curves, published])]))
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert labels == ["adam 0.01  0.9", "sgd 0.1  0.9", "case-c published 0.7"]
    above = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    assert "labels: optimizer.name= … optimizer.learning_rate= … filters=8" in above


def test_no_dot_lies_outside_the_plot() -> None:
    dots = [[0.1, 0.5, 0.6], [0.5, 0.95]]
    curve = Curve("", [1, 2], [0.5, 0.6], BLUE, dots=dots, errors=[0.1, 0.1])
    (axes,) = chart_figure(Chart("", "", [Panel("", [curve])])).axes
    axes.figure.draw_without_rendering()
    low, high = axes.get_ylim()
    assert low < 0.1
    assert high > 0.95


def test_labels_that_fit_are_written_whole() -> None:
    curves = [Curve(f"case-{letter}  0.5", [1, 2], [0.1, 0.5], BLUE) for letter in "abc"]
    assert set(labels_of(Chart("", "", [Panel("", curves)]))) == {"case-a  0.5", "case-b  0.5", "case-c  0.5"}


def test_marks_of_a_narrow_axis_do_not_touch() -> None:
    curves = [Curve("a long name of a case 0.5", list(range(1, 31)), [0.5] * 30, BLUE)]
    figure = chart_figure(Chart("", "", [Panel("", curves)]), (6 * CENTIMETRE, 6 * CENTIMETRE))
    figure.draw_without_rendering()
    boxes = [
        Text.get_window_extent(text)
        for text in figure.axes[0].get_xticklabels()
        if 1 <= text.get_position()[0] <= 30
    ]
    assert len(boxes) > 1
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_a_band_lies_below_every_line() -> None:
    curves = [replace(LINE, band=([0.4, 0.6, 0.8], [0.6, 0.8, 1.0])), replace(LINE, dashed=True)]
    (axes,) = chart_figure(Chart("", "", [Panel("", curves)])).axes
    assert max(band.get_zorder() for band in axes.collections) < min(line.get_zorder() for line in axes.lines)


def test_letters_of_the_usual_size_are_five_points_high_in_a_column_of_8_cm() -> None:
    figure = chart_figure(CHART)
    smallest = min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text())
    assert smallest * 8 * CENTIMETRE / figure.get_figwidth() >= 5


def test_a_size_that_is_asked_for_is_kept_and_its_letters_can_be_read() -> None:
    size = (8 * CENTIMETRE, 6 * CENTIMETRE)
    figure = chart_figure(CHART, size)
    assert tuple(figure.get_size_inches()) == pytest.approx(size)
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 5


def test_numbers_of_a_narrow_axis_are_written_out() -> None:
    (axes,) = chart_figure(Chart("", "", [Panel("", [replace(LINE, values=[1.3991, 1.3992, 1.3993])])])).axes
    axes.figure.draw_without_rendering()
    assert axes.yaxis.get_offset_text().get_text() == ""
