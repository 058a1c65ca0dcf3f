"""Reading, copying, keeping and charting a result."""

import csv
import io
import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.dashboard import MARKS, Dashboard
from tests.browser.voila_server import Server

COPY = ["clipboard-read", "clipboard-write"]


def test_a_result_is_copied_and_downloaded_as_it_is_shown(
    new_page: NewPage, server: Server
) -> None:
    page = new_page(permissions=COPY)
    dashboard = Dashboard(page, server)
    expect(dashboard.result.get_by_text("The answers appear here")).to_be_visible()
    expect(dashboard.result.get_by_role("button")).to_have_count(0)
    dashboard.take_sample("cat")
    caption, summary, timing = dashboard.facts()
    for name, text in (("Copy caption", caption), ("Copy summary", summary)):
        dashboard.press(name)
        expect(dashboard.result.get_by_role("status").get_by_text("Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == text
        expect(dashboard.result.get_by_text("Copied")).to_have_count(0)

    saved = dashboard.download("JSON", within=dashboard.result)
    assert saved.suggested_filename.endswith(".json")
    result = json.loads(saved.path().read_text("utf-8"))
    assert result["file"] == "cat.jpg"
    assert (result["caption"], result["summary"]) == (caption, summary)
    scores = [prediction["score"] for prediction in result["predictions"]]
    assert len(scores) == 9
    assert sum(scores) == pytest.approx(1, abs=1e-3)
    assert [each["label"] for each in result["predictions"][:5]] == dashboard.labels()
    assert f"{result['ms']['caption']:,.0f} ms" in timing

    saved = dashboard.download("CSV", within=dashboard.result)
    assert saved.suggested_filename.endswith(".csv")
    rows = list(csv.DictReader(io.StringIO(saved.path().read_text("utf-8-sig"))))
    assert [row["label"] for row in rows] == [each["label"] for each in result["predictions"]]
    assert [float(row["score"]) for row in rows] == pytest.approx(scores, abs=1e-6)
    assert {row["caption"] for row in rows} == {caption}


def test_the_chart_is_drawn_as_chosen_and_follows_the_result(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    expect(dashboard.plot).to_contain_text("Nothing to chart yet")
    dashboard.take_sample("cat")
    for kind in (*MARKS, "Horizontal bar"):
        dashboard.choose_chart(kind)
        for other in MARKS:  # five labels, and the others together
            expect(dashboard.marks(other)).to_have_count(6 if other == kind else 0)
        expect(dashboard.plot).to_contain_text("a photo of a cat")
        expect(dashboard.plot).to_contain_text("4 other labels")

    dashboard.marks("Horizontal bar").first.hover(
        force=True
    )  # plotly lays a transparent sheet over it
    expect(page.locator(".hoverlayer")).to_have_text(re.compile(r"^a photo of a cat\d\d\.\d{3} %$"))

    bar = dashboard.marks("Horizontal bar").first.locator("path")
    light = bar.evaluate("bar => getComputedStyle(bar).fill")
    page.emulate_media(color_scheme="dark")
    expect(bar).not_to_have_css("fill", light)

    dashboard.choose_chart("Pie")
    dashboard.use_labels("teapot, a photo of a cat, tractor")
    expect(dashboard.marks("Pie")).to_have_count(3)
    expect(dashboard.plot).to_contain_text("tractor")
    dashboard.take_sample("coffee")
    expect(dashboard.plot.locator(".pielayer")).to_contain_text(
        re.compile(re.escape(f"{dashboard.labels()[0]}") + r"\s*\d\d %")
    )
