"""The documents' pictures of the dashboard, from a real run: ``python -m benchmarks.screenshots``.

The whole page for the README, each kind of chart on all samples, and the maps of a label and of a
word on two of them.
"""

import argparse
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from imgcap.charts import KINDS
from imgcap.feedback import FeedbackRecord, open_store
from imgcap.settings import Settings
from tests.browser.dashboard import SAMPLES, Dashboard
from tests.browser.voila_server import ROOT, Server, launch_chromium, serve, voila

FOLDER = ROOT / "docs" / "screenshots"
MOST_BYTES = 150_000
MOST_BYTES_OF_A_PART = 60_000
LABELS = "a cat\na dog\na rabbit\na tiger\na fox\na landscape\nfood"
LABELS_OF_ALL = (
    "a cat\nfood\ncoins\na flower\na temple\na rocket\nan astronaut\na man with a camera"
)
MAPS = (("cat", "label"), ("photographer", "word"))
DRAWN = ".barlayer .point, .slice, .scatterlayer .points path, .heatmaplayer image, #scene"
SAID = (
    (5, "Right at first sight."),
    (4, "Good, though I would have said which breed."),
    (2, "That is a pagoda, not a landscape."),
)


@dataclass(frozen=True)
class View:
    """One picture: its file's name, the window's width, how much of the page, and the theme."""

    name: str
    width: int
    height: int
    theme: str


VIEWS = (
    View("wide-light", 1280, 1500, "light"),
    View("wide-dark", 1280, 1500, "dark"),
    View("narrow-light", 390, 1700, "light"),
)


def main() -> None:
    """Start the dashboard, use it as a visitor does, and write one PNG a view."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="default: %(default)s")
    parser.add_argument("--only", choices=WAYS, nargs="+", default=[*WAYS], help="default: all")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        if browser is None:
            parser.error("there is no Chromium")
        with serve(Path(place), *voila()) as server:
            fill(server)
            for way in arguments.only:
                for name, png in WAYS[way](browser, server):
                    path = folder / f"{name}.png"
                    path.write_bytes(png)
                    print(f"{path}: {path.stat().st_size:,} bytes")
        browser.close()


def pages(browser: Browser, server: Server) -> Iterator[tuple[str, bytes]]:
    """Take the page with a result on it in each view."""
    for view in VIEWS:
        window = {"width": view.width, "height": view.height}
        page = browser.new_page(viewport=window, color_scheme=view.theme)
        yield view.name, small(take(page, server))
        page.close()


def charts(browser: Browser, server: Server) -> Iterator[tuple[str, bytes]]:
    """Take every kind of chart, with all samples on the page and the cat selected."""
    page = browser.new_page(viewport={"width": 1280, "height": 1200}, color_scheme="light")
    dashboard = Dashboard(page, server)
    samples = sorted(SAMPLES.glob("*.jpg"))
    dashboard.bring(*samples)
    expect(dashboard.strip.get_by_text("Done")).to_have_count(len(samples))
    dashboard.use_labels(LABELS_OF_ALL)
    dashboard.thumbnail("cat").click()
    dashboard.expect_answer("cat.jpg")
    expect(dashboard.rows.first.locator("td").first).to_have_text("a cat")
    expect(dashboard.strip.get_by_text("Done")).to_have_count(len(samples))
    room = page.locator(".imgcap-figures")
    for key, kind in KINDS.items():
        dashboard.choose_chart(kind.name)
        expect(room.locator(DRAWN).locator("visible=true").first).to_be_visible()
        expect(page.locator(".imgcap-chart").get_by_role("progressbar")).to_be_hidden()
        page.wait_for_timeout(3000)  # nothing on the page tells when plotly has moved the last mark
        yield f"chart-{key}", small(room.screenshot(), MOST_BYTES_OF_A_PART)
    page.close()


def maps(browser: Browser, server: Server) -> Iterator[tuple[str, bytes]]:
    """Take the map of a label, and that of a word of the caption."""
    page = browser.new_page(viewport={"width": 430, "height": 1800}, color_scheme="light")
    dashboard = Dashboard(page, server)
    card = page.locator(".imgcap-explain")
    card.get_by_role("button", name="Show it on the picture").click()
    for sample, subject in MAPS:
        dashboard.take_sample(sample)
        if subject == "word":
            card.get_by_role("radio", name="A word of the caption").click()
        said = "Matters most to" if subject == "word" else "Speaks for it most"
        expect(card.get_by_text(re.compile(said))).to_be_visible()
        expect(card.locator("img.imgcap-map-over")).to_be_visible()
        page.evaluate("document.activeElement.blur()")
        yield f"map-{subject}", small(card.screenshot(), MOST_BYTES_OF_A_PART)
    page.close()


WAYS: dict[str, Callable[[Browser, Server], Iterator[tuple[str, bytes]]]] = {
    "pages": pages,
    "charts": charts,
    "maps": maps,
}


def fill(server: Server) -> None:
    """Store what others have said, so that the grid is not empty."""
    store = open_store(Settings(feedback=f"csv:{server.feedback}"))
    for rating, comment in SAID:
        store.append(FeedbackRecord(rating=rating, comment=comment))


def take(page: Page, server: Server) -> bytes:
    """Return a PNG of the page with a result on it."""
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    dashboard.use_labels(LABELS)
    expect(dashboard.rows.first.locator("td").first).to_have_text("a cat")
    expect(dashboard.plot).to_contain_text("2 other labels")
    expect(dashboard.records.get_by_role("button", name="Refresh")).to_be_enabled()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    return page.screenshot(animations="disabled")


def small(png: bytes, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the picture with as many colours as fit into so many bytes."""
    image = Image.open(BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64, 32):
        buffer = BytesIO()
        reduced = image.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(buffer, "PNG", optimize=True)
        if buffer.tell() <= most_bytes:
            break
    return buffer.getvalue()


if __name__ == "__main__":
    main()
