"""Seconds until a visitor sees the page's first widget, and until a picture has its caption.

Real Voilà and real Chromium; every load is a new visitor with an empty cache and a new kernel.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

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
    """Measure, print the medians and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--loads", type=int, default=5, help="page loads (default: 5)")
    parser.add_argument("--picture", type=Path, default=Settings().data / "samples" / "cat.jpg")
    arguments = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch_chromium(playwright)
        if browser is None:
            print("There is no Chromium to measure with.", file=sys.stderr)
            return 1
        with serve(Path(folder), *voila()) as server:
            measure_load(browser, server, arguments.picture)  # warms the disk's cache
            loads = [
                measure_load(browser, server, arguments.picture) for _ in range(arguments.loads)
            ]
    names = ("request to first widget", "upload to caption, models loading meanwhile")
    for name, seconds in zip(names, zip(*loads, strict=True), strict=True):
        rounds = ", ".join(f"{value:.1f}" for value in seconds)
        print(f"{name}: median {statistics.median(seconds):.1f} s of {rounds}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
