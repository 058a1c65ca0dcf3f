"""Saying it otherwise: another caption, a shorter one, a longer one, one of a list."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.dashboard import Dashboard, stored
from tests.browser.test_dashboard_access import findings
from tests.browser.voila_server import Server, wait_until

pytestmark = pytest.mark.long


def test_a_caption_is_made_longer_and_shorter_and_changed_for_another(
    page: Page, server: Server
) -> None:
    dashboard = Dashboard(page, server)
    card = page.locator(".imgcap-captions")
    expect(card.get_by_role("button", name="Another")).to_be_disabled()
    dashboard.take_sample("coffee")
    texts = [dashboard.caption.inner_text()]
    for button in ("Longer", "Shorter", "Another"):
        card.get_by_role("button", name=button).press("Enter")
        expect(dashboard.caption).not_to_have_text(texts[-1])
        texts.append(dashboard.caption.inner_text())
    first, long, short, another = texts
    assert len(short) < len(long) > len(first)
    assert another not in {first, long, short}
    expect(dashboard.picture.locator("img")).to_have_attribute("alt", another)


def test_a_caption_of_the_list_is_chosen_by_keyboard_and_is_the_one_that_is_rated(
    new_page: NewPage, server: Server
) -> None:
    page = new_page(color_scheme="dark", viewport={"width": 390, "height": 844})
    dashboard = Dashboard(page, server)
    dashboard.take_sample("coffee")
    before = dashboard.caption.inner_text()
    card = page.locator(".imgcap-captions")
    card.get_by_role("button", name="Compare captions").press("Enter")
    table = card.get_by_role("region", name="Captions compared")
    expect(table.get_by_role("columnheader")).to_have_text(["Caption", "Fit", "Likely", "Both"])
    buttons = table.get_by_role("button")
    wait_until(lambda: buttons.count() > 2)
    chosen = next(text for text in buttons.all_inner_texts() if text != before)
    button = table.get_by_role("button", name=chosen, exact=True)
    button.press("Enter")
    expect(dashboard.caption).to_have_text(chosen)
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert findings(page) == []
    saved = dashboard.download("JSON", within=dashboard.result)
    assert json.loads(Path(saved.path()).read_text())["caption"] == chosen
    dashboard.send_feedback("said otherwise")
    assert stored(server)[0].caption == chosen
