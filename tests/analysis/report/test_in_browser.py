"""The report as a reader has it: in a headless Chromium, opened from disk, without a network."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from celu_cli.analysis.report.page import write_page
from tests.analysis.report.reports import HOSTILE, SPREAD, record_many, report_of
from tests.runs.fakes import record_seeds

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip(
        "no Chromium on this machine (apt-get install chromium): the report is not tried in a browser",
        allow_module_level=True,
    )
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'"
)

PATIENCE = 120_000.0  # milliseconds; a machine that trains besides is slow
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
LAPTOP = {"width": 1400, "height": 900}
RESULTS = Path(__file__).parents[3] / "docs" / "results"
PLOTS = ("accuracy", "loss", "time", "cosine", "ratio", "value", "derivative")
# How many pixels of a canvas are not empty, and how many of these are neither black, white nor grey.
PIXELS = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const data = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  let filled = 0, coloured = 0;
  for (let place = 0; place < data.length; place += 4) {
    const [red, green, blue, alpha] = data.subarray(place, place + 4);
    filled += alpha > 0;
    coloured += alpha > 128 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60;
  }
  return [filled, coloured];
}"""


# How many pixels of a canvas lie right of the plot itself.
BESIDE = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const over = canvas.parentElement.querySelector(".u-over");
  const left = Math.ceil((over.offsetLeft + over.offsetWidth + 4) * devicePixelRatio);
  const data = copy.getImageData(left, 0, canvas.width - left, canvas.height).data;
  return data.filter((value, place) => place % 4 === 3 && value > 0).length;
}"""


@dataclass
class Seen:
    """What a page did besides being shown."""

    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Open = Callable[..., Any]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("report")
    record_many(directory / "logs")
    write_page(report_of(directory / "logs", baseline="case-b"), directory / "report.html")
    return (directory / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        # As root, as in a container, Chromium refuses to start with its sandbox.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], timeout=PATIENCE
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Open]:
    """Opens the report; at the end, that no page complained or asked for anything but itself."""
    seen, contexts = Seen(), []

    def start(viewport: dict[str, int] = WIDE, colours: str = "light", at: str = address) -> Any:
        context = browser.new_context(viewport=viewport, color_scheme=colours, offline=True)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: seen.messages.append(message.text))
        page.on("pageerror", lambda error: seen.messages.append(str(error)))
        page.on("dialog", lambda dialog: (seen.messages.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(at)
        seen.requests.remove(at)
        return page

    yield start
    for context in contexts:
        context.close()
    assert seen.messages == []
    assert [url for url in seen.requests if url != address and not url.startswith("blob:")] == []


@pytest.fixture
def page(open_page: Open) -> Any:
    return open_page()


def column(page: Any, table: str, number: int) -> list[str]:
    """The texts of a column (from 1) as they stand."""
    found: list[str] = page.locator(
        f"table[data-table={table}] tbody tr > :nth-child({number})"
    ).all_inner_texts()
    return found


def x_range(page: Any, plot: str) -> list[str]:
    """First and last entry of the list of values that the keys can reach: what is in sight along x."""
    place = page.locator(f"#plot-{plot} .canvas")
    ends = []
    for key in ("Home", "End"):
        place.press(key)
        ends.append(page.locator(f"#plot-{plot} [data-said]").inner_text().split(";")[0])
    return ends


def test_hostile_text_stays_text(page: Any) -> None:
    assert page.title() == "celu report: 18 runs of 4 cases"
    assert page.locator("#cases summary").nth(2).inner_text().endswith(HOSTILE)
    assert page.locator("img").count() == 0


def test_every_plot_has_curves_in_colour(page: Any) -> None:
    for plot in PLOTS:
        canvas = page.locator(f"#plot-{plot} .u-wrap canvas")
        filled, coloured = canvas.evaluate(PIXELS)
        assert filled > 1_000, plot
        assert coloured > 200, plot


def test_lines_are_named_at_their_ends_beside_the_plot(page: Any) -> None:
    for plot in PLOTS:
        assert page.locator(f"#plot-{plot} .u-wrap canvas").evaluate(BESIDE) > 50, plot


def test_p_and_holm_are_in_sight_on_a_laptop_and_the_caption_does_not_scroll(open_page: Open) -> None:
    page = open_page(LAPTOP)
    region = page.locator(".scroll:has(table[data-table=cases])")
    box = region.bounding_box()
    for name in ("mean", "low", "p", "p_corrected"):
        heading = page.locator(f"table[data-table=cases] th[data-field={name}]").bounding_box()
        assert heading["x"] + heading["width"] <= box["x"] + box["width"], name
    assert region.locator("#caption-cases").count() == 0


@pytest.mark.parametrize("published", [True, False])
def test_results_are_in_sight_on_a_laptop_however_many_settings_differ(
    open_page: Open, tmp_path: Path, published: bool
) -> None:
    logs = RESULTS
    if not published:
        logs = tmp_path / "logs"
        for width in (8, 16, 32, 64):
            network = {"filters": width, "initializer": {"name": "he_normal"}}
            optimizer = {"name": "adam", "learning_rate": width / 1e4, "epsilon": width / 1e9}
            dataset = {"name": "cifar10", "hold_out": 100 * width}
            of_case = {"network": network, "optimizer": optimizer, "dataset": dataset}
            record_seeds(
                logs, SPREAD[:4], name=f"width-{width}", batch_size=width, alpha=width / 8, **of_case
            )
    write_page(report_of(logs), tmp_path / "report.html")
    page = open_page(LAPTOP, at=(tmp_path / "report.html").as_uri())
    wider = "each => each.scrollWidth > each.clientWidth"
    assert page.locator(".scroll:has(table[data-table=runs])").evaluate(wider)  # so that it is a question
    for table, accuracy in {"runs": "test_accuracy", "cases": "mean"}.items():
        box = page.locator(f".scroll:has(table[data-table={table}])").bounding_box()
        for name in (accuracy, "published_difference") if published else (accuracy,):
            heading = page.locator(f"table[data-table={table}] th[data-field={name}]").bounding_box()
            assert heading["x"] + heading["width"] <= box["x"] + box["width"], (table, name)


def test_the_verdict_and_the_first_row_come_first_on_a_phone(open_page: Open) -> None:
    page = open_page(PHONE)
    row = page.locator("table[data-table=cases] tbody tr").first.bounding_box()
    assert row["y"] + row["height"] < PHONE["height"]
    mean = page.locator("table[data-table=cases] tbody tr").first.locator("td.number").first.bounding_box()
    assert mean["x"] + mean["width"] <= PHONE["width"]


def test_options_and_names_are_never_broken_at_their_hyphens_and_strips_explained_only_where_shown(
    open_page: Open,
) -> None:
    for viewport in (WIDE, {"width": 768, "height": 900}, PHONE):
        page = open_page(viewport)
        lines = (
            "words => words.map(word => [word.innerText, word.getClientRects().length, word.offsetHeight])"
        )
        words = page.locator("#verdict .whole").evaluate_all(lines)
        assert any("case-" in word for word, *_ in words)
        least = min(height for *_, height in words)
        # All but what is longer than a line stand on one.
        assert [word for word, _, height in words if height >= 2 * least and len(word) < 30] == []
        strips, explained = page.locator("th.strip").first, page.locator("li.of-strips")
        assert explained.is_visible() == strips.is_visible() == (viewport != PHONE)


def test_a_heading_that_is_jumped_to_is_not_under_the_bar(open_page: Open) -> None:
    page = open_page({"width": 768, "height": 900})
    page.locator("nav a[href='#runs']").click()
    bar, heading = page.locator("header").bounding_box(), page.locator("#runs-title").bounding_box()
    assert heading["y"] >= bar["y"] + bar["height"]


def test_a_click_sorts_a_table_and_another_turns_it_round(page: Any) -> None:
    heading = page.locator("table[data-table=runs] th[data-field=test_accuracy]")
    place = 1 + heading.evaluate("cell => cell.cellIndex")
    before = column(page, "runs", place)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    known = [text for text in column(page, "runs", place) if text]
    assert known == sorted(filter(None, before), reverse=True)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    after = column(page, "runs", place)
    assert after == [*reversed(known), *[""] * before.count("")]


def test_a_table_is_sorted_by_keyboard(page: Any) -> None:
    heading = page.locator("table[data-table=runs] th[data-field=seed]")
    place = 1 + heading.evaluate("cell => cell.cellIndex")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert column(page, "runs", place)[:3] == ["11", "10", "9"]  # by size, not by letter
    page.keyboard.press("Space")
    assert column(page, "runs", place)[0] == "0"
    assert page.locator("table[data-table=runs] th[aria-sort]").count() == 1


def test_cases_are_switched_off_and_on_by_keyboard(page: Any) -> None:
    canvas = page.locator("#plot-accuracy .u-wrap canvas")
    before = canvas.evaluate(PIXELS)[1]
    switch = page.locator("#legend button").first
    switch.focus()
    page.keyboard.press("Space")
    assert switch.get_attribute("aria-pressed") == "false"
    assert switch.evaluate("button => button === document.activeElement")
    assert canvas.evaluate(PIXELS)[1] < before - 100
    page.keyboard.press("Space")
    assert canvas.evaluate(PIXELS)[1] == before


def test_phases_bands_and_single_runs_are_switched(page: Any) -> None:
    canvas = page.locator("#plot-accuracy .u-wrap canvas")
    for what in ("train", "band", "published", "single"):
        before = canvas.evaluate(PIXELS)
        page.locator(f"[data-show={what}]").press("Space")
        assert canvas.evaluate(PIXELS) != before, what


def test_a_plot_is_zoomed_by_dragging_and_reset_by_a_double_click(page: Any) -> None:
    over = page.locator("#plot-accuracy .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 65, steps=4)
    page.mouse.up()
    first, last = (int(end.removeprefix("epoch ")) for end in x_range(page, "accuracy"))
    assert (first, last) == (7, 9)
    over.dblclick()
    assert x_range(page, "accuracy") == ["epoch 1", "epoch 12"]


def test_a_plot_is_read_and_zoomed_by_keyboard(page: Any) -> None:
    place = page.locator("#plot-accuracy .canvas")
    place.press("ArrowRight")
    place.press("ArrowRight")
    said = page.locator("#plot-accuracy [data-said]").inner_text()
    assert said.startswith("epoch 2; ")
    assert "case-c test 0.2" in said
    assert page.locator("#plot-accuracy .tip").is_visible()
    place.press("+")
    assert x_range(page, "accuracy")[1] == "epoch 4"
    place.press("0")
    assert x_range(page, "accuracy") == ["epoch 1", "epoch 12"]


def test_the_log_scale_redraws_and_the_values_are_a_table_too(page: Any) -> None:
    canvas = page.locator("#plot-loss .u-wrap canvas")
    before = canvas.evaluate(PIXELS)
    page.locator("#plot-loss [data-log]").check()
    page.locator("[data-show=train]").check()
    assert canvas.evaluate(PIXELS) != before
    page.locator("#plot-loss summary").press("Enter")
    rows = page.locator("#plot-loss table tr")
    rows.nth(12).wait_for()
    assert rows.first.inner_text().split("\t")[:3] == ["epoch", "case-b test", "case-b train"]
    assert rows.count() == 13


def test_what_is_shown_can_be_taken_along_as_csv(page: Any) -> None:
    def saved(selector: str) -> list[dict[str, str]]:
        with page.expect_download() as download:
            page.locator(selector).click()
        with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    assert len(saved("[data-csv=cases]")) == 4
    origins = saved("[data-csv=origins]")
    assert HOSTILE in [row["error"] for row in origins]
    every = saved("#save-runs")
    assert len(every) == 12 * 12 + 2 * 8 + 5 + 2 + 1
    assert [row["train_loss"] for row in every if row["status"] == "failed"] == ["1.7", ""]
    assert {row["case"]: row["n"] for row in saved("#save-groups")} == {
        "case-b": "6",
        "case-c": "6",
        "case-d": "2",
    }
    assert {row["line"] for row in saved("#plot-derivative [data-save]")} >= {"celu, alpha 2", "selu"}


def test_dark_follows_the_system_until_it_is_chosen_and_then_stays(open_page: Open) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    dark, light = open_page(colours="dark"), open_page()
    in_the_dark, in_the_light = dark.evaluate(paper), light.evaluate(paper)
    assert in_the_light == "rgb(255, 255, 255)"
    assert in_the_dark != in_the_light
    assert dark.locator("#theme").get_attribute("aria-pressed") == "true"
    light.locator("#theme").press("Enter")
    assert light.evaluate(paper) == in_the_dark
    light.reload()
    assert light.evaluate(paper) == in_the_dark


def test_a_phone_has_no_horizontal_scroll_but_in_regions_the_keyboard_reaches(open_page: Open) -> None:
    page = open_page(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    scrolled = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(each => each.scrollWidth > each.clientWidth + 1 && "
        "['auto', 'scroll'].includes(getComputedStyle(each).overflowX)).map(each => each.tabIndex)"
    )
    assert scrolled
    assert set(scrolled) == {0}


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_no_serious_fault(open_page: Open, colours: str) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    page = open_page(colours=colours)
    page.locator("#cases summary").first.click()
    page.locator("#plot-loss summary").click()
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (fault["id"], [node["html"][:120] for node in fault["nodes"][:3]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []
