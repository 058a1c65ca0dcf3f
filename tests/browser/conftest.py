"""Fixtures of the tests that use the dashboard as a person does: real Voilà, real Chromium."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Route,
    expect,
    sync_playwright,
)

from tests.browser.voila_server import PATIENCE, Server, launch_chromium, serve, voila

StartServer = Callable[..., Server]
NewPage = Callable[..., Page]

# A busy machine is slow; what is right arrives in the end, and what is wrong may take its time.
expect.set_options(timeout=PATIENCE * 1000)
HERE = {"127.0.0.1", "localhost"}
# Console errors of others that do no harm: pattern -> why it is let pass.
TOLERATED: dict[str, str] = {}
NO_BROWSER = (
    "These tests drive a real Chromium and found none. Install one (Debian: apt install chromium; "
    "elsewhere: .venv/bin/playwright install chromium), or set IMGCAP_NO_BROWSER=1 to skip them."
)


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Return a function that starts a server of a test's own: ``start_server(IMGCAP_...="...")``.

    ``notebook`` is another notebook than the dashboard, ``command`` another command than Voilà's.
    """
    with ExitStack() as running:

        def start(
            notebook: Path | None = None, command: tuple[str, ...] = (), **environment: str
        ) -> Server:
            words = command or (voila(notebook) if notebook else voila())
            folder = tmp_path_factory.mktemp("server")
            return running.enter_context(serve(folder, *words, **environment))

        yield start


@pytest.fixture(scope="session")
def server(start_server: StartServer) -> Server:
    """Return the dashboard on the embedded models, shared by the session's tests."""
    return start_server()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the machine's Chromium, or playwright's own."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        if browser is None:
            if os.environ.get("IMGCAP_NO_BROWSER"):
                pytest.skip("IMGCAP_NO_BROWSER is set and there is no Chromium")
            pytest.fail(NO_BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def outside_requests() -> list[str]:
    """Return the addresses on other hosts that the test's pages asked for; all are refused."""
    return []


@pytest.fixture
def page_errors() -> list[str]:
    """Return the errors in the consoles of the test's pages; a test that wants one clears it."""
    return []


@pytest.fixture
def new_page(
    browser: Browser, outside_requests: list[str], page_errors: list[str]
) -> Iterator[NewPage]:
    """Return a function that opens a visitor's empty page: ``new_page(color_scheme="dark")``.

    Its keywords are those of playwright's ``new_context``. When the test ends, no page may have
    asked another host for anything or have an error in its console.
    """

    def refuse(route: Route) -> None:
        outside_requests.append(route.request.url)
        route.abort()

    def heed(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(re.search(p, message.text) for p in TOLERATED):
            page_errors.append(f"{message.text} ({message.location.get('url')})")

    def note_socket(url: str) -> None:
        if _is_outside(url):
            outside_requests.append(url)

    with ExitStack() as visitors:

        def open_page(**options: Any) -> Page:
            context = browser.new_context(
                **{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
            )
            visitors.callback(leave, context)
            context.route(_is_outside, refuse)
            page = context.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            page.on("console", heed)
            page.on("pageerror", lambda error: page_errors.append(str(error)))
            page.on("websocket", lambda opened: note_socket(opened.url))
            return page

        yield open_page
    assert outside_requests == []
    assert page_errors == []


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """Return one visitor's empty page."""
    return new_page()


def leave(context: BrowserContext) -> None:
    """Close a visitor's pages as a visitor does: each takes its leave, which ends its kernel."""
    for page in context.pages:
        with suppress(Error):  # the test has begun to close it
            page.goto("about:blank")
    context.close()


def _is_outside(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in HERE
