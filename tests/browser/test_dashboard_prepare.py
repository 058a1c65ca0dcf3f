"""Preparing a picture: what a person does to it is seen, described, kept, and undone."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Locator, Page, expect

from imgcap.edits import Crop, edits_from
from tests.browser.conftest import NewPage
from tests.browser.dashboard import SAMPLES, Dashboard, stored
from tests.browser.voila_server import Server, wait_until

pytestmark = pytest.mark.long


@pytest.fixture
def montage(tmp_path: Path) -> Path:
    """Return a picture whose left half is a cat and whose right half a cup of coffee."""
    halves = [
        ImageOps.fit(Image.open(SAMPLES / f"{name}.jpg"), (400, 400)) for name in ("cat", "coffee")
    ]
    image = Image.new("RGB", (800, 400))
    for place, half in enumerate(halves):
        image.paste(half, (400 * place, 0))
    path = tmp_path / "montage.png"
    image.save(path)
    return path


def opened(dashboard: Dashboard) -> Locator:
    panel = dashboard.page.locator(".imgcap-prepare")
    dashboard.press("Crop, turn, adjust, resize", within=panel)
    expect(panel.get_by_role("application")).to_be_visible()
    return panel


def drag(page: Page, box: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the picture; places are shares of its width and height."""
    box.scroll_into_view_if_needed()
    bounds = box.bounding_box()
    assert bounds is not None
    points = [
        (bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"])
        for x, y in (start, end)
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=5)
    page.mouse.up()


def number(panel: Locator, name: str) -> int:
    return int(panel.get_by_label(name, exact=True).input_value())


def test_cropping_to_one_half_of_a_montage_changes_what_it_shows(
    page: Page, server: Server, montage: Path
) -> None:
    dashboard = Dashboard(page, server)
    dashboard.bring(montage)
    dashboard.expect_answer("montage.png")
    dashboard.use_labels("cat, cup of coffee")
    panel = opened(dashboard)
    picture = panel.locator(".imgcap-crop-stage")

    drag(page, picture, (0.53, 0.1), (0.97, 0.95))
    expect(panel.get_by_label("Left", exact=True)).not_to_have_value("0")
    assert abs(number(panel, "Left") - 424) <= 4
    assert abs(number(panel, "Width") - 352) <= 6
    dashboard.press("Crop to the box", within=panel)
    expect(panel.get_by_role("list")).to_contain_text("Cropped to")
    expect(dashboard.picture).to_contain_text(re.compile(r"3\d\d × 3\d\d pixels"))
    expect(dashboard.summary).to_contain_text("cup")
    dashboard.expect_answer("montage.png")
    cup = dashboard.facts()
    assert "cup" in dashboard.labels()[0]

    dashboard.send_feedback("The right half is a cup.")
    record = stored(server)[0]
    [edit] = edits_from(record.edits)
    assert isinstance(edit, Crop)
    assert (edit.width, edit.height) == (record.picture_width, record.picture_height)
    saved = dashboard.download("JSON", within=dashboard.result)
    assert json.loads(saved.path().read_text())["edits"] == [edit.as_dict()]

    dashboard.press("Undo", within=panel)
    expect(dashboard.picture).to_contain_text("800 × 400 pixels")
    drag(page, picture, (0.03, 0.1), (0.47, 0.95))
    panel.get_by_role("application").press("Enter")
    expect(dashboard.summary).to_contain_text("cat")
    dashboard.expect_answer("montage.png")
    panel.get_by_role("button", name="Turn left").focus()
    page.keyboard.press("Control+z")
    expect(dashboard.picture).to_contain_text("800 × 400 pixels")
    page.keyboard.press("Control+Shift+z")
    expect(dashboard.summary).to_contain_text("cat")
    assert dashboard.facts() != cup


def test_the_box_by_keyboard_and_by_its_numbers(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    panel = opened(dashboard)
    box = panel.get_by_role("application")
    box.focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(panel.get_by_label("Left", exact=True)).to_have_value("5")
    assert [number(panel, name) for name in ("Left", "Top", "Width", "Height")] == [5, 0, 446, 295]
    panel.get_by_label("Shape", exact=True).select_option("Square")
    expect(panel.get_by_label("Width", exact=True)).to_have_value("295")
    panel.get_by_label("Width", exact=True).fill("100")
    page.keyboard.press("Tab")
    expect(panel.get_by_label("Height", exact=True)).to_have_value("100")
    expect(box).to_have_attribute("aria-label", re.compile("^Crop box: 100 by 100 pixels"))
    handle = panel.locator("[data-direction='1 1']")
    bounds = handle.bounding_box()
    assert bounds is not None
    page.mouse.move(bounds["x"] + 5, bounds["y"] + 5)
    page.mouse.down()
    page.mouse.move(bounds["x"] + 65, bounds["y"] + 25, steps=4)
    page.mouse.up()
    wait_until(lambda: number(panel, "Width") > 100)
    assert number(panel, "Width") == number(panel, "Height")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_picture_is_turned_adjusted_and_compared(
    new_page: NewPage, server: Server, width: int, scheme: str, tmp_path: Path
) -> None:
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    panel = opened(dashboard)
    dashboard.press("Turn left", within=panel)
    expect(dashboard.picture).to_contain_text("300 × 451 pixels")
    slider = panel.get_by_role("slider", name="Brightness %")
    slider.focus()
    slider.press("ArrowRight")
    expect(panel.get_by_role("list")).to_contain_text("Brightness 105%")
    slider.press("ArrowRight")
    expect(panel.get_by_role("list").get_by_role("listitem")).to_have_text(
        ["Turned left", "Brightness 110%"]
    )
    before = panel.get_by_role("button", name="Show before", pressed=False)
    before.click()
    expect(panel.get_by_role("img", name="cat.jpg, before")).to_be_visible()
    expect(panel.get_by_role("application")).to_be_hidden()
    panel.get_by_role("button", name="Show before", pressed=True).click()
    expect(panel.get_by_role("application")).to_be_visible()
    expect(before).to_be_visible()
    dashboard.press("Reset", within=panel)
    expect(dashboard.picture).to_contain_text("451 × 300 pixels")
    dashboard.expect_answer("cat.jpg")
    drag(page, panel.locator(".imgcap-crop-stage"), (0.2, 0.2), (0.8, 0.9))
    expect(panel.get_by_role("button", name="Crop to the box")).to_be_enabled()
    panel.screenshot(path=tmp_path / f"prepare-{width}-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
