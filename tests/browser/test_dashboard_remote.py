"""A page whose models are a service's, which goes away and comes back while the page is open."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import StartServer
from tests.browser.dashboard import SAMPLES, Dashboard
from tests.browser.voila_server import kernels
from tests.light_service import light_service
from tests.ports import free_port


@contextmanager
def whole_service(port: int) -> Iterator[None]:
    """`imgcap serve` as a person starts it, and ends it with Ctrl-C."""
    words = [Path(sys.executable).with_name("imgcap"), "serve", f"--port={port}"]
    process = psutil.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert "Serving at" in process.stdout.readline(), "the service ended"
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@pytest.mark.filterwarnings("ignore:Using extra keyword arguments:DeprecationWarning")  # Ray's
@pytest.mark.parametrize(
    "serving", [light_service, pytest.param(whole_service, marks=pytest.mark.long)]
)
def test_the_service_goes_away_and_comes_back(
    serving: Callable[[int], AbstractContextManager[None]],
    page: Page,
    start_server: StartServer,
    record_property: Callable[[str, object], None],
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with serving(port):
        server = start_server(IMGCAP_ENGINE=address)
        dashboard = Dashboard(page, server)
        dashboard.bring(SAMPLES / "cat.jpg")
        dashboard.expect_answer("cat.jpg")
        assert dashboard.caption.inner_text() == "a cat"
        assert "imgcap-align-small" in dashboard.timing()
    answered = dashboard.facts()

    dashboard.bring(SAMPLES / "coffee.jpg")
    away = f"The inference service at {address} cannot be reached: try again in a moment"
    expect(dashboard.thumbnail("coffee.jpg")).to_contain_text("Failed")
    expect(dashboard.result).to_contain_text(away)
    dashboard.thumbnail("cat.jpg").click()
    assert dashboard.facts() == answered, "what was answered stays"
    dashboard.thumbnail("coffee.jpg").click()

    with serving(port):
        dashboard.press("Try again")
        dashboard.expect_answer("coffee.jpg")
        expect(page.get_by_text("cannot be reached")).to_have_count(0)
        assert dashboard.caption.inner_text() == "a cup of coffee"

    [kernel] = kernels(server)
    record_property("kernel_mb", round(kernel.memory_info().rss / 1e6))
    if psutil.LINUX:
        assert not [m.path for m in kernel.memory_maps() if re.search("torch|openvino", m.path)]
