"""Charts of all pictures and prompts: chosen, read, turned and kept."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from imgcap.charts import KINDS
from tests.browser.conftest import NewPage
from tests.browser.dashboard import SAMPLES, Dashboard
from tests.browser.voila_server import Server

pytestmark = pytest.mark.long

NAMES = {key: kind.name for key, kind in KINDS.items()}
SOLID = [key for key, kind in KINDS.items() if kind.solid]
# Of plotly's drawing: cells of a heat map, rooms in space, bars, slices, points.
DRAWN = """() => [".heatmaplayer image", "#scene", ".barlayer .point", ".pielayer .slice",
    ".scatterlayer .points path"].map((mark) =>
        [...document.querySelectorAll(`.imgcap-chart .js-plotly-plot ${mark}`)].filter(
            (found) => !found.closest(".imgcap-aside")).length)"""
EXPECTED = {
    "bar": [0, 0, 6, 0, 0],
    "pie": [0, 0, 0, 6, 0],
    "line": [0, 0, 0, 0, 6],
    "prompts": [1, 0, 0, 0, 0],
    "pictures": [1, 0, 0, 0, 0],
    "bars": [0, 1, 0, 0, 0],
    "space": [0, 1, 0, 0, 0],
}


def colours(path: Path) -> int:
    """Return how many colours a picture has: an empty chart has hardly any."""
    with Image.open(path) as picture:
        return len(picture.convert("RGB").getcolors(2**24) or ())


def expect_drawn(page: Page, key: str) -> None:
    for _ in range(300):
        if page.evaluate(DRAWN) == EXPECTED[key]:
            return
        page.wait_for_timeout(200)
    assert page.evaluate(DRAWN) == EXPECTED[key], key


def expect_width(page: Page, width: float) -> None:
    """Wait until the chart that is seen fills its place, no more and no less."""
    svg = page.locator(".imgcap-figures > :not(.imgcap-aside) .main-svg").first
    for _ in range(50):
        box = svg.bounding_box()
        if box and abs(box["width"] - width) <= 2:
            return
        page.wait_for_timeout(200)
    assert box
    assert box["width"] == pytest.approx(width, abs=2)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_charts_of_all_pictures(
    new_page: NewPage, server: Server, scheme: str, width: int, tmp_path: Path
) -> None:
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    dashboard = Dashboard(page, server)
    chart = page.locator(".imgcap-chart")
    plot = chart.locator(".js-plotly-plot").locator("visible=true")
    dashboard.choose_chart(NAMES["pictures"])
    expect(plot).to_contain_text("Bring two pictures or more")
    dashboard.bring(SAMPLES / "cat.jpg", SAMPLES / "coffee.jpg", SAMPLES / "rocket.jpg")
    expect(dashboard.strip.get_by_text("Done")).to_have_count(3)

    for _ in range(2):  # what one kind leaves behind, the next round would show
        for key, name in NAMES.items():
            dashboard.choose_chart(name)
            expect_drawn(page, key)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            room = chart.locator(".imgcap-figures").bounding_box()
            expect_width(page, room["width"] if room else 0)
            expect(chart.get_by_role("slider")).to_have_count(1 if key in SOLID else 0)

    dashboard.choose_chart(NAMES["pictures"])
    expect(plot).to_contain_text("coffee.jpg")
    expect(plot).to_contain_text("a landscape")
    dashboard.press("The same as a table", within=chart)
    table = chart.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(4)
    expect(table).to_contain_text(re.compile(r"cat\.jpg\d\d\.\d{3}\s%"))
    dashboard.thumbnail("cat").click()
    dashboard.expect_answer("cat.jpg")
    expect(plot).to_be_visible()

    dashboard.choose_chart(NAMES["space"])
    expect_drawn(page, "space")
    expect(plot).to_contain_text("centred apart")
    expect(table).to_contain_text("Component 1 (")
    before, after = tmp_path / "before.png", tmp_path / "after.png"
    plot.screenshot(path=before)
    chart.get_by_role("slider").press("Home")
    page.wait_for_timeout(1500)
    plot.screenshot(path=after)
    assert before.read_bytes() != after.read_bytes(), "it was turned with the keyboard"
    assert colours(after) > 50


@pytest.mark.parametrize("key", ["pictures", "space"])
def test_a_chart_is_kept_in_three_formats(
    new_page: NewPage, server: Server, key: str, tmp_path: Path
) -> None:
    page = new_page()
    dashboard = Dashboard(page, server)
    chart = page.locator(".imgcap-chart")
    dashboard.bring(SAMPLES / "cat.jpg", SAMPLES / "coffee.jpg")
    expect(dashboard.strip.get_by_text("Done")).to_have_count(2)
    dashboard.choose_chart(NAMES[key])
    expect_drawn(page, key)
    saved = {}
    for name in ("PNG", "SVG", "HTML"):
        with page.expect_download() as download:  # with the keyboard
            chart.get_by_role("button", name=f"Download chart as {name}").press("Enter")
        assert download.value.suggested_filename == f"confidence.{name.lower()}"
        saved[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[name])
    assert colours(saved["PNG"]) > 50
    assert "<svg" in saved["SVG"].read_text("utf-8")

    alone = new_page()  # which may ask no other host
    alone.goto(saved["HTML"].as_uri())
    expect(alone.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    alone.screenshot(path=tmp_path / "alone.png")
    assert colours(tmp_path / "alone.png") > 50
