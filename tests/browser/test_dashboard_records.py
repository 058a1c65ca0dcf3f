"""Leafing through much feedback: by mouse, by keyboard, by ear, by day and by night."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from imgcap.feedback import FeedbackRecord, open_store_at
from imgcap.feedback.exchange import read_export
from imgcap.inference import Prediction
from tests.browser.conftest import NewPage, StartServer
from tests.browser.dashboard import Dashboard
from tests.browser.voila_server import Server

MANY = 3_000
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAYLOAD = '<img src=x onerror="window.owned = 1">'
HEAD_HEIGHT, ROW_HEIGHT = 32, 30
# Brightness of the ground of the first head, and of the darkest and the brightest pixel on it.
HEADS = """() => {
    const canvas = document.querySelector(".imgcap-grid canvas");
    const scale = canvas.width / canvas.clientWidth;
    const box = [6, 6, 120, 20].map((x) => Math.round(x * scale));
    const { data } = canvas.getContext("2d").getImageData(...box);
    const bright = [];
    for (let at = 0; at < data.length; at += 4) bright.push(data[at] + data[at + 1] + data[at + 2]);
    return [bright[0] / 765, Math.min(...bright) / 765, Math.max(...bright) / 765];
}"""


@pytest.fixture(scope="module")
def server(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Return a server whose database has many records."""
    address = f"sqlite:///{tmp_path_factory.mktemp('many') / 'feedback.db'}"
    store = open_store_at(address)
    store.extend(
        FeedbackRecord(
            rating=n % 5 + 1,
            comment=f"number {n} {PAYLOAD} {'long ' * (n % 50)}{'owl' * (n % 10 == 0)}",
            time=NOON + timedelta(minutes=n),
            predictions=(Prediction("a cat", 0.75), Prediction(PAYLOAD, 0.25)),
            picture_name=f"{n}.jpg",
        )
        for n in range(MANY)
    )
    store.close()
    return start_server(IMGCAP_FEEDBACK=address)


@pytest.fixture
def dashboard(page: Page, server: Server) -> Dashboard:
    """Return a page that shows its first rows."""
    return opened(page, server)


def opened(page: Page, server: Server) -> Dashboard:
    dashboard = Dashboard(page, server)
    expect_rows(dashboard, "1–100 of 3,000")
    page.wait_for_function("document.querySelector('.imgcap-grid canvas')?.clientWidth")
    return dashboard


def expect_rows(dashboard: Dashboard, which: str) -> None:
    expect(dashboard.records.get_by_text(f"Rows {which}", exact=True)).to_be_visible()
    expect(dashboard.records.locator("[aria-busy=true]")).to_have_count(0)


def test_pages_are_turned_sorted_and_filtered(dashboard: Dashboard, page: Page) -> None:
    records = dashboard.records
    dashboard.press("Next", within=records)
    expect_rows(dashboard, "101–200 of 3,000")
    records.get_by_label("Page", exact=True).fill("30")
    records.get_by_label("Page", exact=True).press("Enter")
    expect_rows(dashboard, "2,901–3,000 of 3,000")
    expect(records.get_by_role("button", name="Next")).to_be_disabled()
    records.get_by_label("Show as a table").check()
    rows = records.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(101)
    expect(rows.last).to_contain_text(f"number 0 {PAYLOAD}")
    records.get_by_label("Order").select_option("Oldest first")
    expect(rows.nth(1)).to_contain_text("number 0 ")
    dashboard.press("Filter by rating or day", within=records)
    records.get_by_label("5 stars").check()
    records.get_by_label("From").fill("2026-11-24")
    expect(rows.nth(1)).to_contain_text("number 724 ")
    search = records.get_by_label("Search")
    search.fill("nobody said this")
    search.press("Enter")
    expect(records.get_by_text("No feedback matches these filters.")).to_be_visible()
    dashboard.press("Clear filters", within=records)
    expect_rows(dashboard, "1–100 of 3,000")
    assert page.evaluate("window.owned") is None


def test_a_click_in_the_grid_shows_the_record_and_its_heads_have_no_menu(
    dashboard: Dashboard, page: Page
) -> None:
    grid = dashboard.records.locator(".imgcap-grid")
    grid.scroll_into_view_if_needed()
    grid.click(position={"x": 300, "y": HEAD_HEIGHT + 2.5 * ROW_HEIGHT})
    record = dashboard.records.get_by_role("region", name="Feedback of 2026-11-25 13:57:00 UTC")
    expect(record).to_contain_text(f"number 2997 {PAYLOAD} {'long ' * 47}")
    expect(record).to_contain_text("a cat: 75 %")
    for x in range(140, 190, 4):  # where the menu of the first column would open
        grid.click(position={"x": x, "y": HEAD_HEIGHT - 8})
    expect(page.locator(".lm-Menu")).to_have_count(0)
    assert page.evaluate("window.owned") is None


def test_a_record_is_found_and_read_by_keyboard_alone(dashboard: Dashboard, page: Page) -> None:
    records = dashboard.records
    records.get_by_label("Show as a table").focus()
    page.keyboard.press("Space")
    first = records.get_by_role("button", name="2026-11-25 13:59:00")
    expect(first).to_be_visible()
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    chosen = records.get_by_role("button", name="2026-11-25 13:58:00")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    record = records.get_by_role("region", name="Feedback of 2026-11-25 13:58:00 UTC")
    expect(record).to_contain_text("number 2998")
    page.keyboard.press("End")
    expect(records.get_by_role("button", name="2026-11-25 12:20:00")).to_be_focused()
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.textContent")
    while focused != "Next":
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    expect_rows(dashboard, "101–200 of 3,000")
    expect(records.get_by_role("button", name="Next")).to_be_focused()


@pytest.mark.parametrize("kind", [("Download CSV", "csv"), ("Download JSON lines", "jsonl")])
def test_what_is_found_is_downloaded(
    dashboard: Dashboard, tmp_path: Path, kind: tuple[str, str]
) -> None:
    button, suffix = kind
    search = dashboard.records.get_by_label("Search")
    search.fill("owl")
    search.press("Enter")
    expect_rows(dashboard, "1–100 of 300")
    saved = dashboard.download(button, within=dashboard.records)
    assert saved.suggested_filename == f"feedback.{suffix}"
    saved.save_as(tmp_path / saved.suggested_filename)
    found = list(read_export(tmp_path / saved.suggested_filename))
    assert [int(record.comment.split()[1]) for record in found] == list(range(2990, -1, -10))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_heads_can_be_read_and_axe_finds_nothing_serious(
    new_page: NewPage, server: Server, scheme: str
) -> None:
    page = new_page(color_scheme=scheme)
    dashboard = opened(page, server)
    readable = {
        "light": "ground > 0.9 && darkest < 0.35",
        "dark": "ground < 0.2 && brightest > 0.75",
    }
    page.wait_for_function(
        f"() => {{ const [ground, darkest, brightest] = ({HEADS})(); return {readable[scheme]}; }}"
    )
    dashboard.records.get_by_label("Show as a table").check()
    dashboard.records.get_by_role("button", name="2026-11-25 13:58:00").click()
    dashboard.press("Filter by rating or day", within=dashboard.records)
    expect(dashboard.records.get_by_role("region", name="Feedback of")).to_be_visible()
    found = Axe().run(page, context=".imgcap-records").response["violations"]
    assert [(rule["id"], [n["html"] for n in rule["nodes"]]) for rule in found] == []


def test_a_telephone_shows_all_of_it(new_page: NewPage, server: Server) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    dashboard = opened(page, server)
    dashboard.press("Filter by rating or day", within=dashboard.records)
    dashboard.records.get_by_label("Show as a table").check()
    dashboard.records.get_by_role("button", name="2026-11-25 13:58:00").click()
    expect(dashboard.records.get_by_role("region", name="Feedback of")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
