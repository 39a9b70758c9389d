from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from celu_cli.analysis.compare.groups import Choice, Group, group_runs
from celu_cli.analysis.compare.swept import Point, Swept, points_by
from celu_cli.analysis.plots.picture import Picture
from celu_cli.errors import UsageError
from celu_cli.runs.directory import find_runs
from tests.runs.fakes import make_case, record_run, record_seeds

POINTS = [Point({"alpha": alpha}, (0.5, 0.5 + alpha / 10), 2) for alpha in (0.25, 1.0, 4.0)]
LINE = Swept("line", ("alpha",), ("alpha",), tuple(POINTS))


@pytest.fixture
def groups(tmp_path: Path) -> list[Group]:
    for alpha in (0.5, 1.0):
        record_seeds(tmp_path / "logs", [0.0, 0.1], alpha=alpha)
        record_seeds(tmp_path / "logs", [0.0], alpha=alpha, batch_size=50)
    return group_runs(find_runs(tmp_path / "logs").runs, Choice())


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    picture = Picture(tmp_path / "a.png")
    with pytest.raises(UsageError, match="this one swept seeds alone"):
        picture.draw_points(Swept("", (), (), (Point({}, (0.5,), 1),)), "test-accuracy")
    with pytest.raises(UsageError, match="no cell of the sweep is complete"):
        picture.draw_points(Swept("", ("alpha",), (), (Point({"alpha": 1}, (), 3),)), "test-accuracy")
    with pytest.raises(UsageError, match="--by beta: this sweep has alpha"):
        Picture(tmp_path / "a.png", by="beta").draw_points(LINE, "test-accuracy")
    picture.draw_points(LINE, "test-accuracy")
    assert picture.path.read_bytes().startswith(b"\x89PNG")


def test_looks_of_curves_are_refused_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="--train is for curves over epochs or time; leave it out with --by alpha"
    ):
        Picture(tmp_path / "a.png", by="alpha", train=True)
    with pytest.raises(
        UsageError, match="--band is for curves over epochs or time; leave it out with --sweep"
    ):
        Picture(tmp_path / "a.png", band="ci").draw_points(LINE, "test-accuracy")


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_picture_has_the_size_and_title_that_were_asked_for_and_the_same_bytes_again(
    groups: list[Group], tmp_path: Path, suffix: str
) -> None:
    pictures = [Picture(tmp_path / f"{name}.{suffix}", size=(8, 6), title="Mine") for name in "ab"]
    for picture in pictures:
        picture.draw_groups(groups, "test-accuracy")
    one, two = (picture.path.read_bytes() for picture in pictures)
    assert one == two
    if suffix == "png":
        with Image.open(pictures[0].path) as image:
            assert image.size == (int(8 / 2.54 * 200), int(6 / 2.54 * 200))
    elif suffix == "svg":
        assert b"Mine" in one
    else:
        assert one.startswith(b"%PDF")


def test_a_picture_over_a_key_has_a_point_for_each_value_and_a_line_for_what_else_differs(
    groups: list[Group], tmp_path: Path
) -> None:
    key, points = points_by(groups, "alpha")
    assert key == "alpha"
    assert {(p.settings["alpha"], p.settings["batch_size"], len(p.values)) for p in points} == {
        (alpha, batch, seeds) for alpha in (0.5, 1.0) for batch, seeds in ((100, 2), (50, 1))
    }
    picture = Picture(tmp_path / "a.svg", by="alpha")
    picture.draw_groups(groups, "test-accuracy")
    text = picture.path.read_text(encoding="utf-8")
    assert all(f"batch_size={batch}" in text for batch in (50, 100))


def test_cases_of_other_names_are_lines_called_by_these_alone(tmp_path: Path) -> None:
    for name, batch in (("case-b", 50), ("case-c", 100)):
        for alpha in (0.5, 1.0):
            record_seeds(tmp_path / "logs", [0.0], name=name, batch_size=batch, alpha=alpha)
    _, points = points_by(group_runs(find_runs(tmp_path / "logs").runs, Choice()), "alpha")
    assert [dict(point.settings) for point in points] == [
        {"case": name, "alpha": alpha} for name in ("case-b", "case-c") for alpha in (0.5, 1.0)
    ]


def test_a_case_of_which_nothing_is_drawn_is_not_named_above_the_picture(tmp_path: Path) -> None:
    for alpha in (0.5, 1.0):
        record_seeds(tmp_path / "logs", [0.0, 0.1], name="case-c", alpha=alpha)
    record_run(tmp_path / "logs", make_case(name="case-b", epochs=3), done=1)
    picture = Picture(tmp_path / "a.svg", by="alpha")
    picture.draw_groups(group_runs(find_runs(tmp_path / "logs").runs, Choice()), "test-accuracy")
    text = picture.path.read_text(encoding="utf-8")
    assert "case-c by alpha" in text
    assert "case-b" not in text


def test_a_key_that_is_not_there_or_does_not_differ_is_said(groups: list[Group]) -> None:
    with pytest.raises(UsageError, match="--by alhpa: no such key; did you mean alpha"):
        points_by(groups, "alhpa")
    with pytest.raises(UsageError, match="--by case: no such key; name a key of the cases, as in --by alpha"):
        points_by(groups, "case")
    with pytest.raises(UsageError, match="all groups have the same optimizer"):
        points_by(groups, "learning_rate")
