from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from celu_cli.analysis.report.build import Report
from celu_cli.analysis.report.page import check_target, json_in_html, render_page, write_page
from celu_cli.errors import RunError, UsageError
from tests.analysis.report.reports import HOSTILE, record_many, report_of
from tests.runs.fakes import record_run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    logs = tmp_path_factory.mktemp("logs")
    record_many(logs)
    return report_of(logs)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render_page(report)


class Reader(HTMLParser):
    """Tags with their attributes, the text between them, and the contents of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        last = self.tags[-1][0] if self.tags else ""
        if self.cdata_elem:
            self.raw.append((last, data))
        else:
            self.texts.append(data)


def test_hostile_text_from_runs_is_text_and_nothing_else(page: str) -> None:
    reader = Reader(page)
    assert (
        "".join(reader.texts).count("<script>alert(1)</script>") >= 4
    )  # description, error, host, overrides
    assert not [tag for tag, _ in reader.tags if tag == "img"]
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]
    assert len([tag for tag, _ in reader.tags if tag == "script"]) == page.count("<script")


def test_no_table_repeats_the_heading_above_it(page: str) -> None:
    headings = {text.strip() for text in re.findall("<h2[^>]*>(.*?)</h2>", page)}
    captions = re.findall('<p class="caption"[^>]*>(.*?)</p>', page)
    assert {"Runs", "Activations"} <= headings
    assert len(captions) > 4
    assert not headings & {*captions}


def test_data_in_the_page_reads_back_as_it_was(page: str, report: Report) -> None:
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    data = json.loads(text[1])
    assert data["tables"]["runs"] == json.loads(json.dumps(report.results.runs.data))
    errors = [
        row[data["tables"]["origins"]["columns"].index("error")] for row in data["tables"]["origins"]["rows"]
    ]
    assert HOSTILE in errors


@pytest.mark.parametrize("text", [HOSTILE, "<!--", "]]>", "\u2028\u2029", "<\\u003c"])
def test_json_in_a_script_has_no_letter_that_html_or_javascript_would_take_for_syntax(text: str) -> None:
    written = json_in_html({text: [text, 1.5, None]})
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written) == {text: [text, 1.5, None]}


def test_nothing_is_loaded_and_only_what_is_in_the_page_may_run(page: str) -> None:
    reader = Reader(page)
    for tag, attributes in reader.tags:
        assert "src" not in attributes
        assert "style" not in attributes  # the policy would ignore it
        assert tag != "link"
        assert (attributes.get("href") or "#").startswith("#")
    policy = next(attributes["content"] for tag, attributes in reader.tags if "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    code = re.findall(r"<script>(.*?)</script>|<style>(.*?)</style>", page, re.DOTALL)
    assert len(code) == 10
    for script, style in code:
        digest = base64.b64encode(hashlib.sha256((script or style).encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_plotting_library_goes_with_its_licence(page: str) -> None:
    assert "The MIT License (MIT)" in page
    assert page.index("Leon Sorokin") < page.index("var uPlot=")


def test_headings_go_down_by_one_and_ids_are_unique(page: str) -> None:
    reader = Reader(page)
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [name for _, attributes in reader.tags for name in _names(attributes)]
    assert set(named) <= set(ids)


def _names(attributes: dict[str, str | None]) -> list[str]:
    return [
        name
        for key in ("aria-labelledby", "aria-describedby")
        for name in (attributes.get(key) or "").split()
    ]


def test_the_page_appears_whole_and_an_older_one_is_replaced(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    size = write_page(report, path)
    assert path.stat().st_size == size
    path.write_text("old")
    write_page(report, path)
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_a_link_stays_a_link_to_the_new_page(report: Report, tmp_path: Path) -> None:
    (tmp_path / "there.html").write_text("old")
    link = tmp_path / "report.html"
    link.symlink_to("there.html")
    write_page(report, link)
    assert link.is_symlink()
    assert (tmp_path / "there.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def make_directory(path: Path) -> None:
    path.mkdir()


def make_circle(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_directory, "is a directory, which a report does not replace"),
        (os.mkfifo, "is a pipe or a device, which a report does not replace"),
        (make_circle, "is a link that leads nowhere"),
    ],
)
def test_what_is_no_file_is_not_replaced(make: Any, message: str, report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    make(path)
    with pytest.raises(UsageError, match=message):
        write_page(report, path)


def test_a_name_too_long_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be written: File name too long; name another file"):
        check_target(Path("a" * 300 + ".html"))


def test_a_name_that_is_no_page_is_refused_so_that_no_other_file_is_lost() -> None:
    with pytest.raises(UsageError, match=r"the name of a report ends in \.html or \.htm"):
        check_target(Path("case.yaml"))


def test_a_page_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    record_run(tmp_path / "logs")
    (tmp_path / "taken").write_text("")
    with pytest.raises(RunError, match=r"cannot write .*taken/report.html"):
        write_page(report_of(tmp_path / "logs"), tmp_path / "taken" / "report.html")
