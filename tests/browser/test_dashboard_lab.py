"""The dashboard's notebook in JupyterLab, as one who wants to change it opens it."""

import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import StartServer
from tests.browser.dashboard import Dashboard, stored
from tests.browser.voila_server import DASHBOARD

LAB = (
    *("jupyterlab", "--no-browser", "--port={port}", "--ServerApp.ip=127.0.0.1"),
    *("--allow-root", "--IdentityProvider.token=", "--LabApp.news_url=None"),
)


def test_run_all_gives_the_same_page(page: Page, start_server: StartServer, tmp_path: Path) -> None:
    shutil.copy(DASHBOARD, tmp_path)  # as JupyterLab saves what it has run
    server = start_server(command=(*LAB, f"--ServerApp.root_dir={tmp_path}"))
    page.goto(f"{server.address}lab/tree/{DASHBOARD.name}")
    expect(page.get_by_text("| Idle")).to_be_visible()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    dashboard = Dashboard(page)
    dashboard.take_sample("cat")
    assert dashboard.labels()[0] == "a photo of a cat"
    expect(dashboard.marks("Horizontal bar")).to_have_count(6)
    dashboard.choose_chart("Pie")
    expect(dashboard.marks("Pie")).to_have_count(6)
    dashboard.send_feedback("from JupyterLab")
    assert [record.comment for record in stored(server)] == ["from JupyterLab"]
    expect(page.get_by_text("Traceback")).to_have_count(0)
