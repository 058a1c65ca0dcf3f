"""The README's pictures of the dashboard, from a real run: ``python -m benchmarks.screenshots``."""

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.settings import Settings
from tests.browser.dashboard import Dashboard
from tests.browser.voila_server import ROOT, Server, serve, voila

FOLDER = ROOT / "docs" / "screenshots"
MOST_BYTES = 150_000
LABELS = "a cat\na dog\na rabbit\na tiger\na fox\na landscape\nfood"
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
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        with serve(Path(place), *voila()) as server:
            fill(server)
            for view in VIEWS:
                window = {"width": view.width, "height": view.height}
                page = browser.new_page(viewport=window, color_scheme=view.theme)
                path = folder / f"{view.name}.png"
                path.write_bytes(small(take(page, server)))
                print(f"{path}: {path.stat().st_size:,} bytes")
                page.close()
        browser.close()


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


def small(png: bytes) -> bytes:
    """Return the picture with as many colours as fit into `MOST_BYTES`."""
    image = Image.open(BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64):
        buffer = BytesIO()
        reduced = image.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(buffer, "PNG", optimize=True)
        if buffer.tell() <= MOST_BYTES:
            break
    return buffer.getvalue()


if __name__ == "__main__":
    main()
