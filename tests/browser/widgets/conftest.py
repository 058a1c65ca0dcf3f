"""Our own widgets behind a Voilà that keeps its default websocket limit."""

import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ports import free_port

NOTEBOOK = Path(__file__).with_name("widgets.ipynb")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the notebook in a folder where no voila.json raises the limit of the websocket."""
    folder = tmp_path_factory.mktemp("voila")
    shutil.copy(NOTEBOOK, folder)
    port = free_port()
    command = [sys.executable, "-m", "voila", NOTEBOOK.name, "--no-browser", f"--port={port}"]
    with (folder / "voila.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield wait_for(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{address}/voila/static/", timeout=5):  # noqa: S310
                return address
        except urllib.error.HTTPError:
            return address
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Return a page on which the widgets are there; other hosts refuse it."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    context.route(
        lambda url: url.startswith("http") and not url.startswith(address),
        lambda route: route.abort(),
    )
    page = context.new_page()
    crashes: list[str] = []
    page.on("pageerror", lambda error: crashes.append(str(error)))
    page.goto(address, timeout=90_000)
    expect(page.get_by_role("button", name="Upload pictures")).to_be_visible(timeout=60_000)
    yield page
    context.close()
    assert not crashes
