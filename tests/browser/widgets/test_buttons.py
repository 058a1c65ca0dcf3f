"""What is copied and downloaded, and how the page fits its visitor."""

from pathlib import Path

from playwright.sync_api import Page, expect


def test_a_text_is_copied_with_and_without_the_clipboard_of_https(page: Page) -> None:
    said = page.get_by_role("status").get_by_text("Copied", exact=True)
    for secure in (True, False):
        page.evaluate("navigator.clipboard.writeText('something else')")
        if not secure:
            page.evaluate("() => { navigator.clipboard.writeText = undefined; }")
        page.get_by_role("button", name="Copy caption").click()
        expect(said).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "a cat <b>on</b> a sofa"
        expect(said).to_be_hidden()


def test_a_large_download_is_what_python_made_and_a_failed_one_says_why(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    assert download.value.suggested_filename == "feedback.csv"
    assert Path(download.value.path()).read_bytes() == bytes(range(256)) * 81_920
    expect(page.get_by_role("button", name="Download all")).to_be_enabled()
    for button, sentence in (
        ("Download nothing", "There is no feedback yet."),
        ("Download a bug", "“bug.csv” could not be made because of an unexpected error."),
    ):
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("status").get_by_text(sentence)).to_be_visible()


def test_the_page_names_its_parts_and_follows_the_visitor(page: Page) -> None:
    expect(page.get_by_role("slider", name="Rating")).to_be_visible()
    expect(page.get_by_role("textbox", name="Rating, as text")).to_be_visible()
    expect(page.get_by_role("group", name="What the strip said")).to_be_attached()
    expect(page.get_by_text("dark: False, narrow: False")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("dark: True, narrow: True")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
