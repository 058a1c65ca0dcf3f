"""The strip of pictures, by keyboard and by pointer."""

import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.widgets.uploads import SAMPLES, pick


def test_the_strip_is_used_by_keyboard(page: Page) -> None:
    pick(page, *(SAMPLES / f"{name}.jpg" for name in ("cat", "coffee", "coins")))
    strip = page.get_by_role("list", name="Pictures")
    picks = strip.get_by_role("button", name="Waiting")
    expect(picks).to_have_count(3)
    expect(strip.locator("img").first).to_have_js_property("complete", value=True)
    assert strip.locator("img").first.evaluate("image => image.naturalWidth") > 0
    picks.first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("selected: 1")).to_be_visible()
    expect(picks.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("End")
    expect(page.get_by_text("selected: 2")).to_be_visible()
    page.keyboard.press("Delete")
    expect(picks).to_have_count(2)
    expect(picks.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("selected: 1")).to_be_visible()
    strip.get_by_role("button", name="Remove cat.jpg").click()
    expect(picks).to_have_count(1)


def test_a_strip_that_is_longer_than_the_page_says_so_and_is_scrolled(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    pick(page, *sorted(SAMPLES.glob("*.jpg")))
    strip = page.get_by_role("list", name="Pictures")
    items = strip.get_by_role("listitem")
    expect(items).to_have_count(8)
    back, on = page.locator(".imgcap-strip-back"), page.locator(".imgcap-strip-on")
    expect(on).to_be_visible()
    expect(back).to_be_hidden()
    assert strip.evaluate("list => getComputedStyle(list).maskImage.includes('56px')")
    on.click()
    expect(back).to_be_visible()
    expect(items.first).not_to_be_in_viewport()
    items.first.locator(".imgcap-strip-pick").focus()
    page.keyboard.press("End")
    expect(items.last).to_be_in_viewport(ratio=1)
    expect(on).to_be_hidden()
    back.click()
    expect(items.last).not_to_be_in_viewport()
    pick(page, SAMPLES / "cat.jpg")
    expect(items).to_have_count(9)
    expect(items.nth(7)).to_have_attribute("data-status", "waiting")
    expect(items.nth(7).get_by_role("button").first).to_have_attribute("aria-current", "true")
    expect(items.nth(7)).not_to_be_in_viewport()  # news of others brings nobody back
    page.set_viewport_size({"width": 1280, "height": 844})
    expect(back).to_be_hidden()


def test_a_file_name_is_text_and_never_a_script(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "<img src=x onerror=boom()>.jpg"
    shutil.copy(SAMPLES / "cat.jpg", file)
    pick(page, file)
    expect(page.get_by_role("button", name=file.name, exact=False).first).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)
