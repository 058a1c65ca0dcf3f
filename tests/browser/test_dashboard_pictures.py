"""Bringing pictures to the dashboard, and having several of them."""

import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from imgcap.images import open_picture
from imgcap.inference import open_engine
from imgcap.settings import Settings
from tests.browser.conftest import NewPage
from tests.browser.dashboard import SAMPLES, Dashboard
from tests.browser.voila_server import Server
from tests.browser.widgets.uploads import SLOW_DISK
from tests.picture_files import png


@pytest.fixture(scope="module")
def captions() -> dict[str, str]:
    """Return what the captioner says of each sample that it is asked about alone."""
    paths = sorted(SAMPLES.glob("*.jpg"))
    pictures = [open_picture(path.read_bytes(), path.name).image for path in paths]
    with closing(open_engine(Settings())) as engine:
        said = [engine.caption([picture])[0].best.text for picture in pictures]
    return dict(zip([path.name for path in paths], said, strict=True))


def noise(path: Path, side: int) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, compress_level=0)
    return path


def test_a_picture_brought_at_once_is_named_captioned_and_described(
    page: Page, server: Server
) -> None:
    dashboard = Dashboard(page, server)
    dashboard.bring(SAMPLES / "cat.jpg")  # long before the models are there
    dashboard.expect_answer("cat.jpg")
    assert re.search(r"\bcat\b", dashboard.caption.inner_text())
    assert dashboard.labels()[0] == "a photo of a cat"
    assert len(dashboard.labels()) == 5
    expect(dashboard.summary).to_have_text(
        re.compile(r"^This picture most likely shows a cat \(\d\d\s%\)\.$")
    )
    expect(dashboard.picture).to_contain_text("451 × 300 pixels · JPEG · 31.0 kB")
    assert re.fullmatch(
        r"Labels: imgcap-align-small, [\d,]+ ms · Caption: imgcap-captioner-small, [\d,]+ ms",
        dashboard.timing(),
    )


def test_pictures_form_a_strip_and_each_keeps_its_own_result(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    files = [SAMPLES / f"{name}.jpg" for name in ("cat", "astronaut", "coffee")]
    dashboard.bring(*files)
    expect(dashboard.strip.filter(has_text="Done")).to_have_count(3)
    facts = {}
    for file in files:
        dashboard.thumbnail(file.name).click()
        dashboard.expect_answer(file.name)
        facts[file.name] = dashboard.facts()
    assert len(set(facts.values())) == 3

    dashboard.bring(files[0])
    dashboard.expect_answer("cat.jpg")
    expect(dashboard.strip).to_have_count(3)
    for file in files:  # at once, and not computed again: the times would differ
        dashboard.thumbnail(file.name).click()
        expect(dashboard.summary).to_have_text(facts[file.name][1], timeout=3_000)
        dashboard.expect_answer(file.name)
        assert dashboard.facts() == facts[file.name]

    dashboard.press("Remove coffee.jpg")
    expect(dashboard.strip).to_have_count(2)
    dashboard.expect_answer("astronaut.jpg")


def test_results_never_mix_when_pictures_are_changed_faster_than_answered(
    page: Page, server: Server, captions: dict[str, str]
) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    dashboard.bring(*(SAMPLES / name for name in captions))
    expect(dashboard.strip).to_have_count(len(captions))
    for name in ("rocket.jpg", "cat.jpg", "photographer.jpg", "rocket.jpg", "cat.jpg"):
        dashboard.thumbnail(name).click()
    dashboard.expect_answer("cat.jpg")  # at once, while others are being looked at
    dashboard.thumbnail("rocket.jpg").click()
    dashboard.expect_answer("rocket.jpg")
    dashboard.use_labels("a cat\na rocket\na person")
    dashboard.thumbnail("photographer.jpg").click()
    expect(dashboard.strip.filter(has_text="Done")).to_have_count(len(captions))
    for name, caption in captions.items():
        dashboard.thumbnail(name).click()
        dashboard.expect_answer(name)
        assert dashboard.caption.inner_text() == caption
        assert len(dashboard.labels()) == 3
    dashboard.thumbnail("cat.jpg").click()
    dashboard.expect_answer("cat.jpg")
    assert dashboard.labels()[0] == "a cat"


@pytest.mark.long
def test_a_picture_of_25_megabytes_is_answered(page: Page, server: Server, tmp_path: Path) -> None:
    file = noise(tmp_path / "large.png", 2_960)
    assert file.stat().st_size > 25 * 2**20
    dashboard = Dashboard(page, server)
    dashboard.bring(file)
    expect(page.get_by_role("progressbar", name="Upload of large.png")).to_be_visible()
    dashboard.expect_answer("large.png")
    expect(dashboard.picture).to_contain_text("2,960 × 2,960 pixels · PNG · 26.3 MB")


def test_what_is_no_picture_or_too_much_gets_a_sentence_and_the_page_goes_on(
    page: Page, server: Server, tmp_path: Path
) -> None:
    text, half, heavy, wide = (
        tmp_path / name for name in ("letter.jpg", "half.jpg", "heavy.png", "wide.png")
    )
    text.write_text("Dear Sir or Madam")
    half.write_bytes((SAMPLES / "cat.jpg").read_bytes()[:15_000])
    heavy.write_bytes(bytes(65 * 2**20))
    wide.write_bytes(png(20_000, 20_000, b"\0"))
    dashboard, said = Dashboard(page, server), page.locator(".imgcap-upload")
    for file, sentence in (
        (text, "“letter.jpg” is not a JPEG, PNG, WebP or GIF picture."),
        (half, "“half.jpg” is damaged or incomplete and cannot be opened."),
        (heavy, "“heavy.png” is too large: 65.0 MB, where at most 64 MB are accepted."),
        (wide, "“wide.png” is too large: 20,000 x 20,000 pixels, where at most 64.2 megapixels"),
    ):
        dashboard.bring(file)
        expect(said.get_by_text(sentence)).to_be_visible()
    expect(dashboard.strip).to_have_count(0)
    good = tmp_path / "cat.webp"
    Image.open(SAMPLES / "cat.jpg").save(good)
    dashboard.bring(good)
    dashboard.expect_answer("cat.webp")
    assert dashboard.labels()[0] == "a photo of a cat"
    expect(said.get_by_text("too large")).to_have_count(0)

    dashboard.bring(good)
    expect(said.get_by_text("“cat.webp” is already here.", exact=True)).to_be_visible()
    dashboard.bring(good, SAMPLES / "coffee.jpg")
    expect(said.get_by_text("1 of 2 files uploaded, 1 already here.")).to_be_visible()
    expect(dashboard.strip).to_have_count(2)


def test_files_brought_together_stay_together_however_slowly_they_come(
    page: Page, server: Server, tmp_path: Path
) -> None:
    letter, half = tmp_path / "letter.jpg", tmp_path / "half.jpg"
    letter.write_text("Dear Sir or Madam")
    half.write_bytes((SAMPLES / "cat.jpg").read_bytes()[:15_000])
    dashboard = Dashboard(page, server)
    zone = page.get_by_role("group", name="Upload pictures")
    expect(zone).to_be_visible()
    page.evaluate(SLOW_DISK, 1_500)
    dashboard.bring(letter, SAMPLES / "cat.jpg", SAMPLES / "coffee.jpg", half)
    expect(dashboard.picture.locator("strong")).to_have_text("cat.jpg")
    expect(zone.get_by_text("2 of 4 files uploaded, 2 refused.", exact=True)).to_be_visible()
    for sentence in (
        "“letter.jpg” is not a JPEG, PNG, WebP or GIF picture.",
        "“half.jpg” is damaged or incomplete and cannot be opened.",
    ):
        expect(zone.get_by_text(sentence)).to_be_visible()
    expect(dashboard.strip).to_have_count(2)
    expect(dashboard.picture.locator("strong")).to_have_text("cat.jpg")

    dashboard.bring(half, SAMPLES / "rocket.jpg", SAMPLES / "coins.jpg")
    dashboard.bring(letter, SAMPLES / "pagoda.jpg", SAMPLES / "flower.jpg")
    expect(dashboard.picture.locator("strong")).to_have_text("rocket.jpg")
    expect(zone.get_by_text("2 of 3 files uploaded, 1 refused.", exact=True)).to_have_count(2)
    expect(zone.get_by_role("listitem")).to_have_count(2)
    expect(dashboard.strip).to_have_count(6)
    expect(dashboard.picture.locator("strong")).to_have_text("pagoda.jpg")


@pytest.mark.parametrize("width", [390, 1280])
def test_all_samples_are_in_sight(new_page: NewPage, server: Server, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 900})
    Dashboard(page, server)
    samples = page.get_by_role("list", name="Sample pictures").get_by_role("listitem")
    expect(samples).to_have_count(len(list(SAMPLES.glob("*.jpg"))))
    for sample in samples.all():
        expect(sample).to_be_in_viewport(ratio=1)
    hint = page.get_by_text("JPEG, PNG, WebP or GIF, up to 64 MB each", exact=True)
    one_line = "hint => hint.getClientRects().length === 1 && hint.offsetHeight < 30"
    assert hint.evaluate(one_line)
