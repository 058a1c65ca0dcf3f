"""Looking through many pictures at once."""

import csv
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage
from tests.browser.dashboard import SAMPLES, Dashboard
from tests.browser.test_dashboard_access import findings
from tests.browser.voila_server import Server, wait_until

pytestmark = pytest.mark.long

CUTS = ((0, 0, 1, 1), (0, 0, 0.7, 0.7), (0.3, 0.3, 1, 1))


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cuts of each sample, in a folder with what is no picture."""
    folder = tmp_path_factory.mktemp("album")
    for path in sorted(SAMPLES.glob("*.jpg")):
        with Image.open(path) as image:
            for number, (left, top, right, bottom) in enumerate(CUTS):
                width, height = image.size
                box = (
                    int(left * width),
                    int(top * height),
                    int(right * width),
                    int(bottom * height),
                )
                image.crop(box).convert("RGB").save(folder / f"{path.stem}-{number}.jpg")
    return folder


def opened(page: Page, server: Server, album: Path) -> tuple[Dashboard, Locator]:
    """Bring all pictures, open the gallery and wait until all are described."""
    dashboard = Dashboard(page, server)
    files = sorted(album.glob("*.jpg"))
    card = page.locator(".imgcap-gallery")
    expect(card).to_be_hidden()
    dashboard.bring(*files)
    card.get_by_role("button", name="Gallery, search and table").click()
    expect(card.get_by_text(f"{len(files)} of {len(files)} done")).to_be_visible()
    return dashboard, card


def pictures(card: Locator) -> Locator:
    return card.get_by_role("list", name="All your pictures").get_by_role("listitem")


def test_find_a_picture_among_many(page: Page, server: Server, album: Path) -> None:
    dashboard, card = opened(page, server, album)
    items = pictures(card)
    expect(items).to_have_count(24)
    image = items.first.locator("img")
    wait_until(lambda: image.evaluate("image => image.naturalWidth") > 0)
    caption = items.first.locator(".imgcap-gallery-caption").text_content()
    assert image.get_attribute("alt") == caption

    card.get_by_label("Find", exact=True).fill("a cat")
    card.get_by_role("button", name="Find pictures").click()
    expect(card.get_by_text("24 pictures, nearest to “a cat” first")).to_be_visible()
    expect(items.first.locator(".imgcap-gallery-name")).to_contain_text("cat-")
    scores = [float(text) for text in items.locator(".imgcap-gallery-match").all_text_contents()]
    assert len(scores) == 24
    assert scores == sorted(scores, reverse=True)

    name = items.first.locator(".imgcap-gallery-name").text_content()
    items.first.get_by_role("button").click()
    dashboard.expect_answer(name)
    expect(items.first.get_by_role("button")).to_have_attribute("aria-current", "true")

    card.get_by_role("button", name="Clear search").click()
    expect(items.first.locator(".imgcap-gallery-name")).to_have_text("astronaut-0.jpg")
    expect(items.locator(".imgcap-gallery-match").first).to_be_hidden()

    # What to label next; what is judged drops out.
    card.get_by_role("button", name="Teach me next").click()
    expect(card.get_by_text("These 10 would teach the most")).to_be_visible()
    expect(items.locator(".imgcap-gallery-reason:visible")).to_have_count(10)
    reasons = items.locator(".imgcap-gallery-reason").all_text_contents()
    assert [bool(reason) for reason in reasons] == [True] * 10 + [False] * 14
    asked = items.first.locator(".imgcap-gallery-name").text_content()
    items.first.get_by_role("button").click()
    dashboard.expect_answer(asked)
    dashboard.feedback.get_by_label("The label is right").check()
    dashboard.send_feedback("It is.")
    expect(card.get_by_text("9 of 10 still wait for your label")).to_be_visible()
    expect(items.first.locator(".imgcap-gallery-name")).not_to_have_text(asked)
    card.get_by_role("button", name="Usual order").click()
    expect(items.first.locator(".imgcap-gallery-name")).to_have_text("astronaut-0.jpg")
    expect(items.locator(".imgcap-gallery-reason:visible")).to_have_count(0)


def test_filter_order_and_keyboard(page: Page, server: Server, album: Path) -> None:
    dashboard, card = opened(page, server, album)
    items = pictures(card)
    show = card.get_by_label("Show", exact=True)
    chosen = show.locator("option").nth(1).text_content().replace("\N{NO-BREAK SPACE}", " ")
    label, count = chosen.rsplit(" (", 1)
    show.select_option(chosen)
    expect(items).to_have_count(int(count.rstrip(")")))
    for text in items.locator(".imgcap-gallery-label").all_text_contents():
        assert text.startswith(f"{label} · ")
    show.select_option("All")
    expect(items).to_have_count(24)
    card.get_by_label("Order", exact=True).select_option("Surest first")
    shares = items.locator(".imgcap-gallery-label")
    wait_until(
        lambda: (
            (
                found := [
                    float(t.rsplit(" · ")[-1].strip("<>%\N{NO-BREAK SPACE} "))
                    for t in shares.all_text_contents()
                ]
            )
            == sorted(found, reverse=True)
        )
    )

    # One stop for Tab; the arrows go on from there, and Enter puts the picture on screen.
    assert items.locator("button[tabindex='0']").count() == 1
    items.locator("button[tabindex='0']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(items.nth(1).get_by_role("button")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(items.nth(1).get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    dashboard.expect_answer(items.nth(1).locator(".imgcap-gallery-name").text_content())
    expect(items.nth(1).get_by_role("button")).to_be_focused()


def test_the_results_can_be_taken_along(
    page: Page, server: Server, album: Path, tmp_path: Path
) -> None:
    dashboard, card = opened(page, server, album)
    saved = dashboard.download("Download all results as CSV", within=card)
    saved.save_as(tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [path.name for path in sorted(album.glob("*.jpg"))]
    captions = pictures(card).locator(".imgcap-gallery-caption").all_text_contents()
    assert [row["caption"] for row in rows] == captions


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_everyone_can_use_it(
    new_page: NewPage, server: Server, album: Path, scheme: str, width: int
) -> None:
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    _, card = opened(page, server, album)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert findings(page) == []
    card.scroll_into_view_if_needed()


def test_a_folder_is_brought_whole(page: Page, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    (folder / "second").mkdir(parents=True)
    for name in ("b.jpg", "second/a.JPG", ".hidden.jpg", "notes.txt"):
        (folder / name).write_bytes((SAMPLES / "cat.jpg").read_bytes() + name.encode())
    dashboard = Dashboard(page, server)
    with page.expect_file_chooser() as chooser:
        dashboard.press("Choose a folder")
    chooser.value.set_files(folder)
    expect(page.get_by_text("2 files uploaded.")).to_be_visible()
    expect(page.get_by_text("2 other or hidden files passed over.")).to_be_visible()
    expect(dashboard.strip).to_have_count(2)
