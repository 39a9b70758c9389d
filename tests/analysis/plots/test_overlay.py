from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import isnan, nan
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
import scipy.stats
from matplotlib.colors import to_rgb

from celu_cli.analysis.compare.bands import band_of
from celu_cli.analysis.compare.groups import Choice, Group, group_runs
from celu_cli.analysis.plots.chart import Chart, chart_figure
from celu_cli.analysis.plots.overlay import overlay_chart
from celu_cli.analysis.plots.style import look_of, ordered_looks
from celu_cli.events import Epochs
from celu_cli.runs.directory import find_runs
from celu_cli.runs.published import read_published
from celu_cli.runs.run import read_run
from tests.runs.fakes import make_case, make_metrics, record_run, record_seeds


def groups_in(logs: Path) -> list[Group]:
    return group_runs(find_runs(logs).runs, Choice())


def labels_of(chart: Chart) -> list[str]:
    (panel,) = chart.panels
    return [curve.label for curve in panel.curves if curve.label]


def test_the_band_is_the_mean_and_one_sample_deviation_over_seeds(tmp_path: Path) -> None:
    shifts = [0.0, 0.01, 0.05]
    runs = [read_run(path) for path in record_seeds(tmp_path, shifts)]
    band = band_of(runs, "test")
    values = [run.metrics[1].test_accuracy for run in runs]
    assert band.epochs == (1, 2, 3)
    assert (band.low[1], band.mean[1], band.high[1]) == pytest.approx(
        (fmean(values) - stdev(values), fmean(values), fmean(values) + stdev(values))
    )
    assert band.seconds == (301.0, 603.0, 906.0)


def test_runs_of_different_lengths_are_averaged_where_all_have_epochs(tmp_path: Path) -> None:
    run = read_run(record_run(tmp_path))
    shorter = replace(run, metrics=Epochs((make_metrics(1), make_metrics(2))))
    assert band_of([run, shorter], "train").epochs == (1, 2)


def test_a_loss_that_is_no_number_leaves_a_gap_in_the_band(tmp_path: Path) -> None:
    runs = [read_run(path) for path in record_seeds(tmp_path, [0.0, 0.1])]
    diverged = replace(runs[0], metrics=Epochs((make_metrics(1), make_metrics(2, test_loss=nan))))
    band = band_of([diverged, runs[1]], "test", "loss")
    assert band.mean[0] == pytest.approx(1.4)
    assert all(isnan(values[1]) for values in (band.mean, band.low, band.high))


def test_the_95_percent_interval_of_the_mean_is_a_band_too(tmp_path: Path) -> None:
    runs = [read_run(path) for path in record_seeds(tmp_path, [0.0, 0.01, 0.05])]
    band = band_of(runs, "test", kind="ci")
    values = [run.metrics[1].test_accuracy for run in runs]
    low, high = scipy.stats.t.interval(0.95, 2, fmean(values), scipy.stats.sem(values))
    assert (band.low[1], band.high[1]) == pytest.approx((low, high))


def test_each_line_is_labelled_at_its_end_and_the_note_says_what_the_band_is(tmp_path: Path) -> None:
    record_seeds(tmp_path / "logs", [-0.1, -0.12], name="case-b")
    record_seeds(tmp_path / "logs", [0.1, 0.12], name="case-c", published="case-c")
    record_run(tmp_path / "logs", make_case(name="case-d"), done=2)
    groups = groups_in(tmp_path / "logs")
    chart = overlay_chart(groups, "accuracy")
    ends = [f"{fmean(run.metrics[-1].test_accuracy for run in group.runs):.4f}" for group in groups]
    assert labels_of(chart) == [
        f"case-b  {ends[0]}, n\u00a0=\u00a02",
        f"case-c  {ends[1]}, n\u00a0=\u00a02",
        f"case-d, interrupted  {ends[2]}, n\u00a0=\u00a01",
        "case-c published 0.6452",
    ]
    assert chart.title == "Test accuracy on CIFAR-10: case-b, case-c and case-d"
    assert chart.note == "band: ± one sample standard deviation; thin: published"
    by_time = overlay_chart(groups, "accuracy", over_time=True)
    assert not any("published" in label for label in labels_of(by_time))
    assert by_time.x_label == "training time in minutes"
    assert "comparable only on one machine" in by_time.note


def test_train_is_drawn_only_where_it_is_wanted(tmp_path: Path) -> None:
    record_seeds(tmp_path / "logs", [0.0, 0.1])
    groups = groups_in(tmp_path / "logs")
    (alone,) = overlay_chart(groups, "accuracy").panels[0].curves
    test, train = overlay_chart(groups, "accuracy", train=True).panels[0].curves
    assert (alone.values, test.values) == (test.values, alone.values)
    assert (test.dashed, train.dashed) == (False, True)
    assert train.values == band_of(groups[0].runs, "train").mean


def test_more_than_four_groups_have_no_band_unless_it_is_asked_for(tmp_path: Path) -> None:
    for number in range(5):
        record_seeds(tmp_path / "logs", [0.0, 0.1], name=f"case-{number}")
    groups = groups_in(tmp_path / "logs")

    def bands(groups: list[Group], **options: Any) -> int:
        return sum(
            curve.band is not None for curve in overlay_chart(groups, "accuracy", **options).panels[0].curves
        )

    assert (bands(groups[:4]), bands(groups), bands(groups, band="sd")) == (4, 0, 5)
    assert bands(groups[:4], band="none") == 0


def test_groups_that_differ_in_a_number_are_called_by_it_and_coloured_in_its_order(tmp_path: Path) -> None:
    for alpha in (4.0, 0.5, 1.0):
        record_seeds(tmp_path / "logs", [0.0, 0.1], alpha=alpha, batch_size=50)
    chart = overlay_chart(groups_in(tmp_path / "logs"), "accuracy")
    assert chart.title == "Test accuracy on CIFAR-10: case-c by alpha"
    assert "batch 50" in chart.subtitle
    curves = {curve.label.split("  ")[0]: curve for curve in chart.panels[0].curves}
    assert list(curves) == ["alpha 4", "alpha 0.5", "alpha 1"]
    darkness = [lightness(curves[f"alpha {alpha:g}"].colour) for alpha in (0.5, 1.0, 4.0)]
    assert darkness == sorted(darkness)


def test_losses_are_drawn_where_they_are_asked_for_with_the_published_ones(tmp_path: Path) -> None:
    record_seeds(tmp_path / "logs", [0.0, 0.1], published="case-c")
    groups = groups_in(tmp_path / "logs")
    chart = overlay_chart(groups, "loss")
    last = groups[0].counted[0].metrics[-1].epoch
    published = next(each for each in read_published(groups[0].case).epochs if each.epoch == last)
    end = fmean(run.metrics[-1].test_loss for run in groups[0].counted)
    assert labels_of(chart) == [f"case-c  {end:.4f}", f"case-c published {published.test_loss:.4f}"]
    assert chart.title == "Test loss on CIFAR-10: case-c"
    assert chart.subtitle.endswith("mean of 2 seeds")


def test_runs_without_epochs_give_an_empty_picture_not_an_error(tmp_path: Path) -> None:
    record_run(tmp_path / "logs", done=0)
    chart = overlay_chart(groups_in(tmp_path / "logs"), "accuracy")
    assert (chart.title, list(chart.panels[0].curves)) == ("Test accuracy", [])
    assert len(chart_figure(chart).axes) == 1


def test_neighbours_differ_in_darkness_and_no_two_of_many_lines_look_the_same() -> None:
    looks = [look_of(number) for number in range(49)]
    assert len(set(looks)) == len(looks)
    for one, two in pairwise(looks[:7]):
        assert abs(lightness(one.colour) - lightness(two.colour)) > 0.08


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_ordered_lines_grow_lighter_and_every_line_is_seen_on_its_paper(count: int) -> None:
    looks = ordered_looks(count)
    for colours in ([look.colour for look in looks], [look.on_dark for look in looks]):
        assert [*map(luminance, colours)] == sorted(map(luminance, colours))
    for look in (*looks, *map(look_of, range(7))):
        assert contrast(look.colour, "#FFFFFF") > 2.8
        assert contrast(look.on_dark, "#14171B") > 3


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    shares = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour))
    red, green, blue = shares
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def lightness(colour: str) -> float:
    red, green, blue = to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
