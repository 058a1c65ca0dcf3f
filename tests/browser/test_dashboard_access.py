"""The dashboard on a telephone, by keyboard, and for those who do not see it."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.dashboard import SAMPLES, Dashboard, stored
from tests.browser.voila_server import Server

FOLDS = ("How it works", "How labels are asked", "How captions are written", "Choose other models")
CONTROLS = (
    *("button", "checkbox", "combobox", "link", "progressbar", "radio", "searchbox", "slider"),
    *("spinbutton", "switch", "textbox"),
)
NAMELESS = re.compile(rf'- ({"|".join(CONTROLS)})(?! ")')
SERIOUS = {"serious", "critical"}
FIELDS = "button.jupyter-button, button.imgcap-button, select, input:not([type=checkbox]), textarea"
LOOK = """nodes => nodes.filter((node) => node.checkVisibility()).map((node) => {
    const style = getComputedStyle(node);
    const height = Math.round(node.getBoundingClientRect().height);
    return [node.tagName, height, style.borderRadius, style.fontSize, style.fontFamily];
})"""
TOPS = "cards => cards.map((card) => card.getBoundingClientRect().top)"
FOCUSED = """() => {
    const focused = document.activeElement;
    const names = [focused.ariaLabel, focused.labels?.[0]?.textContent, focused.innerText];
    return names.find((name) => name?.trim())?.trim() ?? focused.tagName;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_picture_result_and_chart_in_this_order(
    new_page: NewPage, server: Server, scheme: str
) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    expect(dashboard.marks("Horizontal bar")).to_have_count(6)
    for fold in FOLDS:
        dashboard.press(fold)
    dashboard.send_feedback("m" * 300)
    dashboard.use_labels(f"a cat\n{'m' * 200}")
    expect(dashboard.rows).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    parts = (dashboard.picture, dashboard.result, dashboard.plot, dashboard.feedback)
    boxes = [box for part in parts if (box := part.bounding_box())]
    assert [box["y"] for box in boxes] == sorted(box["y"] for box in boxes)
    tops = page.locator(".imgcap-card:visible").evaluate_all(TOPS)
    assert len(tops) > 10
    assert tops == sorted(tops), "whoever goes through the page by keyboard goes downwards"
    for box in boxes:
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_every_control_has_a_name(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    dashboard.bring(SAMPLES / "cat.jpg", SAMPLES / "coffee.jpg")
    expect(dashboard.strip.filter(has_text="Done")).to_have_count(2)
    for fold in FOLDS:
        dashboard.press(fold)
    dashboard.send_feedback("named")
    expect(dashboard.marks("Horizontal bar")).to_have_count(6)
    expect(page.get_by_role("slider", name="Length")).to_have_count(2)
    tree = page.locator("body").aria_snapshot()
    assert tree.count("- button") > 20, "the page is there"
    assert [line.strip() for line in tree.splitlines() if NAMELESS.search(line)] == []
    assert page.locator("main img:not([alt])").count() == 0
    names = re.findall(r'- heading "([^"]+)"', tree)
    assert names[0] == "imgcap"
    assert len(names) == len(set(names))


def test_all_is_done_by_keyboard_alone(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    expect(dashboard.records.get_by_role("button", name="Refresh")).to_be_enabled()
    expect(page.locator(".imgcap-status")).to_contain_text("Ready.")
    keyboard = page.keyboard
    # Choosers are caught from here on: at a key press there is no time left to begin with it.
    page.on("filechooser", lambda _: None)

    def tab_to(name: str) -> None:
        passed = []
        while not (passed and passed[-1].startswith(name)):
            assert len(passed) < 60, passed
            keyboard.press("Tab")
            passed.append(page.evaluate(FOCUSED))

    tab_to("Upload pictures")
    with page.expect_file_chooser() as chooser:
        keyboard.press("Enter")
    chooser.value.set_files([SAMPLES / "coffee.jpg"])
    dashboard.expect_answer("coffee.jpg")
    tab_to("astronaut")
    keyboard.press("ArrowRight")
    dashboard.expect_answer("cat.jpg")
    tab_to("Chart")
    keyboard.press("ArrowDown")
    expect(dashboard.marks("Pie")).to_have_count(6)
    tab_to("Labels")
    keyboard.press("Control+A")
    keyboard.type("a cat, a dog")
    tab_to("Use these labels")
    keyboard.press("Enter")
    expect(dashboard.rows).to_have_count(2)
    tab_to("Rating")
    keyboard.press("ArrowRight")
    tab_to("Comment")
    keyboard.type("by keyboard")
    tab_to("Send feedback")
    keyboard.press("Space")
    expect(dashboard.feedback.get_by_text("Thank you, your feedback is saved.")).to_be_visible()
    assert (stored(server)[0].rating, stored(server)[0].comment) == (4, "by keyboard")
    tab_to("Refresh")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(new_page: NewPage, server: Server, scheme: str) -> None:
    page = new_page(color_scheme=scheme)
    dashboard = Dashboard(page, server)
    expect(dashboard.records.get_by_role("button", name="Refresh")).to_be_enabled()
    expect(page.locator(".imgcap-status")).to_contain_text("Ready.")
    assert findings(page) == []
    dashboard.take_sample("cat")
    expect(dashboard.marks("Horizontal bar")).to_have_count(6)
    for fold in (*FOLDS, "Crop, turn, adjust, resize"):
        dashboard.press(fold)
    expect(page.locator(".imgcap-prepare").get_by_role("application")).to_be_visible()
    dashboard.send_feedback("judged")
    assert findings(page) == []


def findings(page: Page) -> list[tuple[str, list[str]]]:
    """Return the serious rules that a page breaks, and where."""
    found = Axe().run(page).response["violations"]
    return [
        (rule["help"], [node["html"] for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in SERIOUS
    ]


def test_a_fold_says_whether_it_is_open_and_opens_by_keyboard(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    expect(dashboard.records.get_by_role("button", name="Refresh")).to_be_enabled()
    for name in FOLDS:
        fold = page.get_by_role("button", name=name)
        expect(fold).to_have_attribute("aria-expanded", "false")
        expect(fold).to_have_attribute("aria-controls", re.compile("."))
        body = page.locator(f"[id='{fold.get_attribute('aria-controls')}']")
        expect(body).to_be_hidden()
        fold.focus()
        page.keyboard.press("Enter")
        expect(fold).to_have_attribute("aria-expanded", "true")
        expect(body).to_be_visible()
        page.keyboard.press("Space")
        expect(fold).to_have_attribute("aria-expanded", "false")
        expect(body).to_be_hidden()
        expect(fold).to_be_focused()


def test_the_first_tab_leads_to_the_result(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    skip = page.get_by_role("link", name="Skip to the result")
    skip.wait_for(state="attached")
    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    dashboard.take_sample("cat")
    skip.press("Enter")
    expect(page.get_by_role("region", name="What it shows")).to_be_focused()
    page.keyboard.press("Tab")
    expect(dashboard.result.get_by_role("button", name="Copy caption")).to_be_focused()


@pytest.mark.parametrize(("touch", "least"), [(False, 36), (True, 44)], ids=["mouse", "touch"])
def test_all_controls_look_the_same(
    new_page: NewPage, server: Server, *, touch: bool, least: int
) -> None:
    page = new_page(has_touch=touch)
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    for fold in FOLDS:
        dashboard.press(fold)
    looks = page.locator(".imgcap-page").locator(FIELDS).evaluate_all(LOOK)
    assert {tag for tag, *_ in looks} == {"BUTTON", "INPUT", "SELECT", "TEXTAREA"}
    assert len(looks) > 15
    assert [look for look in looks if look[0] != "TEXTAREA" and look[1] != least] == []
    assert len({tuple(look) for _, _, *look in looks}) == 1


def test_the_focus_comes_back_to_a_control_that_was_busy(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    send = dashboard.feedback.get_by_role("button", name="Send feedback")
    send.press("Enter")
    expect(dashboard.feedback.get_by_text("Thank you, your feedback is saved.")).to_be_visible()
    expect(send).to_be_focused()
