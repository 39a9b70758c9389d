"""Sweeps in the report: the table and the picture of `celu compare --sweep`, on the page."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import pytest

from celu_cli.analysis.compare.groups import Choice
from celu_cli.analysis.compare.swept import Point, Swept, compare_swept
from celu_cli.analysis.report.build import Report, build_report
from celu_cli.analysis.report.page import render_page
from celu_cli.runs.directory import find_runs
from tests.analysis.report.reports import NOW
from tests.runs.fakes import record_seeds

LINE = Swept(
    "alphas", ("alpha",), ("alpha",), tuple(Point({"alpha": a}, (0.5, 0.5 + a / 10), 3) for a in (0.5, 1, 2))
)
MAP = Swept(
    "map",
    ("alpha", "epochs"),
    (),
    tuple(Point({"alpha": a, "epochs": e}, (a / 9,), 1) for a in (1, 2) for e in (1, 2)),
)
CUBE = Swept("cube", ("alpha", "epochs", "a&b"), (), (Point({"alpha": 1, "epochs": 1, "a&b": 1}, (0.5,), 1),))


@pytest.fixture
def report(tmp_path: Path) -> Report:
    record_seeds(tmp_path, [0.0, 0.1])
    return build_report(find_runs(tmp_path).runs, Choice(), None, (), NOW, [LINE, MAP, CUBE])


def test_a_sweep_has_the_rows_and_notes_of_celu_compare(report: Report) -> None:
    line, *_ = report.sweeps
    records = compare_swept(LINE, "test-accuracy")
    assert line.table.data["rows"] == [list(record.values()) for record in records.plain]
    assert [cells[0] for cells in line.table.cells] == ["0.5", "1", "2"]
    assert any("wins partly by luck" in note for note in line.table.notes)
    assert any("missing" in note for note in line.table.notes)


def test_one_key_is_a_line_two_are_a_map_and_three_a_table_alone(report: Report) -> None:
    pictures = [sweep.picture for sweep in report.sweeps]
    assert pictures[2] == ""
    for picture in pictures[:2]:
        kind, _, content = picture.partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert ElementTree.fromstring(b64decode(content)).tag.endswith("svg")


def test_the_page_has_a_section_of_sweeps_where_there_are_some(report: Report, tmp_path: Path) -> None:
    page = render_page(report)
    assert page.count('<section id="sweeps"') == page.count('href="#sweeps"') == 1
    assert page.count('<img class="picture"') == 2
    assert 'alt="Test accuracy by alpha, as in the table"' in page
    assert "a&amp;b" in page
    without = build_report(find_runs(tmp_path).runs, Choice(), None, (), NOW)
    assert 'id="sweeps"' not in render_page(without)
