"""Seconds until a visitor sees the page's first widget, and until a picture has its caption.

Real Voilà and real Chromium; every load is a new visitor with an empty cache and a new kernel.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.machine import machine
from benchmarks.report import Report, Table, parser, publish
from imgcap.settings import Settings
from tests.browser.voila_server import (
    PATIENCE,
    Server,
    launch_chromium,
    open_dashboard,
    serve,
    voila,
)

UPLOAD = "Upload pictures"
CAPTION = ".imgcap-result .imgcap-caption:not(:has(.imgcap-pending))"

_NAMES = ("request to first widget", "upload to caption, models loading meanwhile")


def measure_load(browser: Browser, server: Server, picture: Path) -> tuple[float, float]:
    """Open the page as a new visitor and upload a picture as soon as there is a button for it.

    Returns
    -------
    tuple of float
        Seconds from the request to the first widget, and from the upload to its caption.
    """
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        first_widget = open_dashboard(page, server)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name=UPLOAD).click()
        started = time.perf_counter()
        chooser.value.set_files(picture)
        page.locator(CAPTION).wait_for()
        return first_widget, time.perf_counter() - started
    finally:
        context.close()


def main() -> int:
    """Measure, print the medians, write a JSON file if asked, and return the exit status."""
    options = parser("benchmarks.page", __doc__)
    options.add_argument("--picture", type=Path, default=Settings().data / "samples" / "cat.jpg")
    arguments = options.parse_args()
    machine()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch_chromium(playwright)
        if browser is None:
            print("There is no Chromium to measure with.", file=sys.stderr)
            return 1
        with serve(Path(folder), *voila()) as server:
            measure_load(browser, server, arguments.picture)  # warms the disk's cache
            loads = [
                measure_load(browser, server, arguments.picture) for _ in range(arguments.rounds)
            ]
    found = dict(zip(_NAMES, zip(*loads, strict=True), strict=True))
    rows = [
        (name, f"{statistics.median(seconds):.1f}", ", ".join(f"{each:.1f}" for each in seconds))
        for name, seconds in found.items()
    ]
    table = Table("", ("seconds", "median", "of"), rows)
    about = (
        "Real Voilà and real Chromium with the embedded pair; every load is a new visitor with an "
        "empty cache and a new kernel."
    )
    publish(Report("A page", [about], [table], {"seconds": found}), arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
