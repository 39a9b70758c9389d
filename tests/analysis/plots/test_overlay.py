from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import isnan, nan
from pathlib import Path
from statistics import fmean, stdev

import matplotlib.colors
import pytest

from celu_cli.analysis.compare.bands import band_of
from celu_cli.analysis.compare.groups import Choice, Group, group_runs
from celu_cli.analysis.plots.overlay import draw_overlays, overlay_figure
from celu_cli.analysis.plots.style import look_of
from celu_cli.events import Epochs
from celu_cli.runs.directory import find_runs
from celu_cli.runs.published import read_published
from celu_cli.runs.run import read_run
from tests.runs.fakes import make_case, make_metrics, record_run, record_seeds


def groups_in(logs: Path) -> list[Group]:
    return group_runs(find_runs(logs).runs, Choice())


def text_of(groups: list[Group], path: Path) -> tuple[str, str]:
    one, two = draw_overlays(groups, path, "svg")
    return one.read_text(encoding="utf-8"), two.read_text(encoding="utf-8")


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


def test_the_legend_names_the_groups_as_their_lines_end_and_the_caption_says_what_the_band_is(
    tmp_path: Path,
) -> None:
    record_seeds(tmp_path / "logs", [-0.1, -0.12], name="case-b")
    record_seeds(tmp_path / "logs", [0.1, 0.12], name="case-c", published="case-c")
    record_run(tmp_path / "logs", make_case(name="case-d"), done=2)
    by_epoch, by_time = text_of(groups_in(tmp_path / "logs"), tmp_path / "all.svg")
    ends = [by_epoch.index(f"{name}  0.") for name in ("case-c", "case-d, interrupted", "case-b")]
    # The published curve ends above all of these.
    assert [by_epoch.index("case-c published"), *ends] == sorted([by_epoch.index("case-c published"), *ends])
    assert "band: mean ± one sample standard deviation over n seeds" in by_epoch
    assert "dotted: published test" in by_epoch
    assert "published" not in by_time
    assert "training time in minutes" in by_time


def test_losses_are_drawn_where_they_are_asked_for_with_the_published_ones(tmp_path: Path) -> None:
    record_seeds(tmp_path / "logs", [0.0, 0.1], published="case-c")
    groups = groups_in(tmp_path / "logs")
    by_epoch, by_time = (
        path.read_text(encoding="utf-8")
        for path in draw_overlays(groups, tmp_path / "all.svg", "svg", "loss")
    )
    last = groups[0].counted[0].metrics[-1].epoch
    published = next(each for each in read_published(groups[0].case).epochs if each.epoch == last)
    assert f"case-c published {published.test_loss:.4f}" in by_epoch
    end = fmean(run.metrics[-1].test_loss for run in groups[0].counted)
    for text in (by_epoch, by_time):
        assert "Loss on" in text
        assert f"{groups[0].label}  {end:.4f}, n = 2" in text


def test_runs_without_epochs_give_empty_pictures_not_an_error(tmp_path: Path) -> None:
    record_run(tmp_path / "logs", done=0)
    by_epoch, by_time = text_of(groups_in(tmp_path / "logs"), tmp_path / "all.svg")
    assert "Accuracy over epochs" in by_epoch
    assert "Accuracy over training time" in by_time
    assert "case-c" not in by_epoch + by_time  # neither line nor legend
    (axes,) = overlay_figure([], over_time=False).axes
    assert (len(axes.lines), axes.get_legend()) == (0, None)


def test_neighbours_differ_in_darkness_and_no_two_of_many_lines_look_the_same() -> None:
    looks = [look_of(number) for number in range(49)]
    assert len(set(looks)) == len(looks)
    for (one, _), (two, _) in pairwise(looks[:7]):
        assert abs(lightness(one) - lightness(two)) > 0.08


def lightness(colour: str) -> float:
    red, green, blue = matplotlib.colors.to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
