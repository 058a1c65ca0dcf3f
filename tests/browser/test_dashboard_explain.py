"""Why it said so: a map for a label and for a word, by mouse and by keyboard."""

import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage
from tests.browser.dashboard import Dashboard
from tests.browser.test_dashboard_access import findings
from tests.browser.voila_server import Server, wait_until

pytestmark = pytest.mark.long

LABEL_TOLD = re.compile(r"Speaks for it most: ")
WORD_TOLD = re.compile(r"Matters most to “(.+)”: ")
OVER = "img.imgcap-map-over"
READ = """(image) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


def opened(page: Page) -> Locator:
    card = page.locator(".imgcap-explain")
    card.get_by_role("button", name="Show it on the picture").press("Enter")
    return card


def shown(card: Locator, part: str) -> Image.Image:
    """Return the pixels of what the page shows: ``picture`` or ``over``."""
    image = card.locator(f"img.imgcap-map-{part}")
    return Image.open(BytesIO(b64decode(image.evaluate(READ))))


def offered(choice: Locator, label: str) -> str:
    """Return the text of a label in the list, where its spaces do not break."""
    texts = choice.locator("option").all_inner_texts()
    return next(text for text in texts if text.replace("\xa0", " ").startswith(f"{label} ·"))


def test_a_label_is_explained_and_so_is_another_and_the_picture_is_downloaded_with_its_map(
    page: Page, server: Server
) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    card = opened(page)
    expect(card.get_by_text(LABEL_TOLD)).to_be_visible()
    label = card.get_by_label("Label", exact=True)
    assert label.locator("option:checked").inner_text() == offered(label, dashboard.labels()[0])
    first = shown(card, "over")
    assert first.getchannel("A").getextrema() == (0, 255)
    assert first.width / first.height == (
        shown(card, "picture").width / shown(card, "picture").height
    )
    expect(card.get_by_text("exact contribution of each cell", exact=False)).to_be_visible()
    other = dashboard.labels()[1]
    label.select_option(offered(label, other))
    wait_until(lambda: shown(card, "over").tobytes() != first.tobytes())
    card.get_by_role("slider", name="Opacity").press("End")
    expect(card.locator(OVER)).to_have_css("opacity", "1")
    kept = Image.open(Path(dashboard.download("PNG", within=card).path()))
    assert kept.size == shown(card, "picture").size
    assert kept.text["Title"] == other


def test_each_word_of_the_caption_has_its_map_and_the_map_goes_with_its_picture(
    new_page: NewPage, server: Server
) -> None:
    page = new_page(color_scheme="dark", viewport={"width": 390, "height": 844})
    dashboard = Dashboard(page, server)
    dashboard.take_sample("coffee")
    card = opened(page)
    card.get_by_role("radio", name="A label").press("ArrowRight")
    words = card.get_by_role("radiogroup", name="Word").get_by_role("radio")
    expect(card.get_by_text(WORD_TOLD)).to_be_visible()
    assert words.all_inner_texts() == dashboard.caption.inner_text().split()
    words.first.press("Home")
    expect(words.first).to_have_attribute("aria-checked", "true")
    expect(card.get_by_text(WORD_TOLD)).to_contain_text(f"“{words.first.inner_text()}”")
    before = shown(card, "over").tobytes()
    words.first.press("ArrowRight")
    expect(words.nth(1)).to_be_focused()
    expect(card.get_by_text(WORD_TOLD)).to_contain_text(f"“{words.nth(1).inner_text()}”")
    wait_until(lambda: shown(card, "over").tobytes() != before)
    expect(card.get_by_text(re.compile("Read from: places"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert findings(page) == []
    dashboard.take_sample("cat")
    expect(card.locator("img.imgcap-map-picture")).to_have_attribute(
        "alt", re.compile(r"^cat\.jpg\. Matters most to")
    )
    assert words.all_inner_texts() == dashboard.caption.inner_text().split()
