"""Reading, copying, keeping and charting a result."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Page, WebSocket, expect

from imgcap.charts import DARK
from tests.browser.conftest import NewPage
from tests.browser.dashboard import MARKS, Dashboard
from tests.browser.voila_server import Server
from tests.picture_files import every_kind

SAMPLES = Path(__file__).parents[2] / "data" / "samples"

COPY = ["clipboard-read", "clipboard-write"]
# Every state that the page goes through: at each change of it and at each frame that is painted.
RECORD = """() => {
    const find = (selector) => document.querySelector(selector);
    const read = (selector) => find(selector)?.innerText.trim() ?? "";
    const seen = (window.imgcapSeen = []);
    function look() {
        const plot = find(".js-plotly-plot");
        const hidden = getComputedStyle(plot).visibility === "hidden";
        const moment = {
            name: read(".imgcap-preview strong"),
            alt: find(".imgcap-preview img")?.alt ?? "",
            caption: read(".imgcap-caption"),
            words: find(".imgcap-writing")?.textContent ?? "",
            summary: read(".imgcap-summary"),
            table: read(".imgcap-result tbody"),
            chart: hidden ? "" : plot.textContent,
            faint: [".imgcap-summary", ".js-plotly-plot"].map((selector) => {
                const node = find(selector);
                return node ? getComputedStyle(node).opacity < 1 : null;
            }),
            busy: ["result", "chart"].map((card) =>
                find(`.imgcap-${card}[aria-busy=true], .imgcap-${card} [aria-busy=true]`) !== null),
        };
        if (JSON.stringify(moment) !== JSON.stringify(seen.at(-1))) seen.push(moment);
    }
    const everything = { attributes: true, characterData: true, childList: true, subtree: true };
    new MutationObserver(look).observe(document.body, everything);
    const frame = () => (look(), requestAnimationFrame(frame));
    frame();
}"""


def begin_to_record(page: Page) -> None:
    page.evaluate(RECORD)


def recorded(page: Page) -> list[dict[str, Any]]:
    """Return what was recorded since the last time."""
    return page.evaluate("window.imgcapSeen.splice(0)")


def test_no_moment_between_two_pictures_is_wrong(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    known: dict[str, dict[str, Any]] = {}
    dashboard.take_sample("cat")
    expect(dashboard.marks("Horizontal bar")).to_have_count(6)
    begin_to_record(page)
    for name in ("coffee", "rocket"):
        before = (*dashboard.facts()[:2], dashboard.plot.text_content())
        dashboard.take_sample(name)
        expect(dashboard.result.locator("[aria-busy=true]")).to_have_count(0)
        moments = [moment for moment in recorded(page) if moment["name"] == f"{name}.jpg"]
        assert any(moment["busy"] == [True, True] for moment in moments)
        begun = [moment["words"] for moment in moments if moment["words"]]
        assert begun, "words are seen before the caption is done"
        assert moments[-1]["words"] == ""
        for moment in moments:
            old = [part for part in before if part in moment.values()]
            assert old == [], "under the name of the new picture"
            assert "Nothing to chart" not in moment["chart"]
    for name in ("cat", "coffee", "rocket"):
        dashboard.thumbnail(f"{name}.jpg").click()
        dashboard.expect_answer(f"{name}.jpg")
        expect(page.locator(".imgcap-another")).to_have_count(0)
        page.wait_for_timeout(300)
        known[f"{name}.jpg"] = recorded(page)[-1]
    for name in ("cat", "coffee", "rocket", "coffee", "cat", "rocket") * 2:
        dashboard.thumbnail(f"{name}.jpg").click()
        expect(dashboard.picture.locator("strong")).to_have_text(f"{name}.jpg")
    page.wait_for_timeout(300)
    moments = recorded(page)
    assert {moment["name"] for moment in moments} == known.keys()
    for moment in moments:
        whole = known[moment["name"]]
        assert moment["chart"] in ("", whole["chart"])
        assert moment | {"chart": ""} == whole | {"chart": ""}


def test_an_answer_stays_until_the_next_one_is_there(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    expect(dashboard.marks("Horizontal bar")).to_have_count(6)
    old = dashboard.summary.inner_text()
    begin_to_record(page)
    labels = [f"thing number {n}" for n in range(300)]
    dashboard.use_labels("\n".join(["a teapot", "a kitten", *labels]))
    expect(dashboard.result.get_by_text("and 297 more labels")).to_be_visible()
    expect(dashboard.plot).to_contain_text("297 other labels")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    moments = recorded(page)
    new = dashboard.summary.inner_text()
    assert {moment["summary"] for moment in moments} == {old, new}, "and never nothing"
    assert {moment["caption"] for moment in moments} == {dashboard.caption.inner_text()}
    assert all(moment["table"] and "%" in moment["chart"] for moment in moments)
    waiting = [moment for moment in moments if True in moment["busy"]]
    assert any(moment["faint"] == [True, True] for moment in waiting)
    assert {moment["summary"] for moment in waiting} == {old}
    assert moments[-1]["faint"] == [False, False]


def test_a_kept_chart_can_be_read_wherever_it_is_put(new_page: NewPage, server: Server) -> None:
    dashboard = Dashboard(new_page(color_scheme="dark"), server)
    dashboard.take_sample("cat")
    dashboard.plot.hover()
    expect(dashboard.plot.locator(".modebar-btn")).to_be_hidden()
    with dashboard.page.expect_download() as saved:
        dashboard.press("Download chart as PNG")
    with Image.open(saved.value.path()) as picture:
        assert picture.format == "PNG"
        corner = picture.convert("RGBA").getpixel((3, 3))
    assert corner == (*ImageColor.getrgb(DARK.surface), 255)


def test_a_picture_travels_once(page: Page, server: Server) -> None:
    received: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: received.append(frame))  # noqa: PLW0108  # no builtin

    page.on("websocket", listen)
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    dashboard.press("How captions are written")
    received.clear()
    prefix = dashboard.question.get_by_label("Begins with")
    prefix.fill("a painting of")
    prefix.press("Enter")
    image = dashboard.picture.locator("img")
    expect(image).to_have_attribute("alt", re.compile("^a painting of"))
    assert image.evaluate("image => image.naturalWidth") > 100
    sizes = [len(frame) for frame in received]
    assert sizes
    assert max(sizes) < 20_000, "the preview's file alone is several times that"


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
    shown = re.search(r"Caption: .*, ([\d,]+) ms", timing)
    assert shown is not None
    # Both are rounded, the file to tenths: 158.46 ms is "158" on the page, and "158.5" in the file.
    assert float(shown[1].replace(",", "")) == pytest.approx(result["ms"]["caption"], abs=0.56)

    saved = dashboard.download("CSV", within=dashboard.result)
    assert saved.suggested_filename.endswith(".csv")
    rows = list(csv.DictReader(io.StringIO(saved.path().read_text("utf-8-sig"))))
    assert [row["label"] for row in rows] == [each["label"] for each in result["predictions"]]
    assert [float(row["score"]) for row in rows] == pytest.approx(scores, abs=1e-6)
    assert {row["caption"] for row in rows} == {caption}


def test_a_picture_is_downloaded_with_its_caption_as_alt_text(
    page: Page, server: Server, tmp_path: Path
) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    button = dashboard.result.get_by_role("button", name="Download with alt text")
    button.focus()
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    assert saved.value.suggested_filename == "cat.jpg"
    with Image.open(saved.value.path()) as copy, Image.open(SAMPLES / "cat.jpg") as original:
        assert copy.getexif()[0x010E] == dashboard.caption.inner_text()
        assert b"AltTextAccessibility" in copy.info["xmp"]
        assert copy.tobytes() == original.tobytes()

    film = tmp_path / "film.gif"
    film.write_bytes(every_kind()["GIF"])
    dashboard.bring(film)
    dashboard.expect_answer("film.gif")
    button.click()
    expect(dashboard.result.get_by_text("“film.gif” is a GIF")).to_be_visible()
    dashboard.take_sample("coffee")
    assert dashboard.download("Download with alt text", within=dashboard.result).path().exists()


def test_the_chart_is_drawn_as_chosen_and_follows_the_result(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    expect(dashboard.plot).to_contain_text("Nothing to chart yet")
    dashboard.take_sample("cat")
    for kind in (*MARKS, "Horizontal bar"):
        dashboard.choose_chart(kind)
        for other in MARKS:  # five labels, and the others together
            expect(dashboard.marks(other)).to_have_count(6 if other == kind else 0)
        expect(dashboard.plot).to_contain_text("a cat")  # where it is too narrow for "a photo of"
        expect(dashboard.plot).to_contain_text("4 other labels")

    dashboard.marks("Horizontal bar").first.hover(
        force=True
    )  # plotly lays a transparent sheet over it
    expect(page.locator(".hoverlayer")).to_have_text(
        re.compile(r"^a photo of a cat\d\d\.\d{3}\s%$")
    )

    bar = dashboard.marks("Horizontal bar").first.locator("path")
    light = bar.evaluate("bar => getComputedStyle(bar).fill")
    page.emulate_media(color_scheme="dark")
    expect(bar).not_to_have_css("fill", light)

    dashboard.choose_chart("Pie")
    dashboard.use_labels("teapot, a photo of a cat, tractor")
    expect(dashboard.marks("Pie")).to_have_count(3)
    expect(dashboard.plot).to_contain_text("tractor")
    dashboard.take_sample("coffee")
    expect(dashboard.plot.locator(".legend")).to_contain_text(
        re.compile(re.escape(f"{dashboard.labels()[0]}") + r"\s*\d\d\s%")
    )
