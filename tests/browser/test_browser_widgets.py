"""Our own widgets as a person uses them, behind a Voilà that keeps its default websocket limit."""

import hashlib
import random
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

NOTEBOOK = Path(__file__).with_name("browser_widgets.ipynb")
SAMPLES = Path(__file__).parents[2] / "data" / "samples"
MEGA = 2**20
# Each read of a file takes its time, as on a network drive.
SLOW_DISK = """(milliseconds) => {
    const read = Blob.prototype.arrayBuffer;
    Blob.prototype.arrayBuffer = async function () {
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        return read.call(this);
    };
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # In a folder of its own: no voila.json there raises the limit of the websocket.
    folder = tmp_path_factory.mktemp("voila")
    shutil.copy(NOTEBOOK, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "voila", NOTEBOOK.name, "--no-browser", f"--port={port}"]
    with (folder / "voila.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield wait_for(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{address}/voila/static/", timeout=5):  # noqa: S310
                return address
        except urllib.error.HTTPError:
            return address
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    context.route(
        lambda url: url.startswith("http") and not url.startswith(address),
        lambda route: route.abort(),
    )
    page = context.new_page()
    crashes: list[str] = []
    page.on("pageerror", lambda error: crashes.append(str(error)))
    page.goto(address, timeout=90_000)
    expect(page.get_by_role("button", name="Upload pictures")).to_be_visible(timeout=60_000)
    yield page
    context.close()
    assert not crashes


def write_bytes(path: Path, megabytes: int) -> Path:
    path.write_bytes(random.Random(0).randbytes(megabytes * MEGA))  # noqa: S311  # any bytes do
    return path


def pick(page: Page, *files: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload pictures").click()
    chooser.value.set_files(list(files))


def drag(page: Page, *files: Path, at: tuple[int, int] = (600, 600), end: str = "drop") -> None:
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", end):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": at[0],
                "y": at[1],
                "data": {"items": [], "files": [str(f) for f in files], "dragOperationsMask": 1},
            },
        )


def proof(file: Path) -> str:
    content = file.read_bytes()
    return f"{len(content)} bytes, {hashlib.sha256(content).hexdigest()}, {file.name}"


def expect_arrived(page: Page, *files: Path, times: int = 1) -> None:
    for file in files:
        expect(page.get_by_text(proof(file))).to_have_count(times, timeout=90_000)


def test_large_files_arrive_whole_and_show_their_way(page: Page, tmp_path: Path) -> None:
    for megabytes in (25, 60):
        file = write_bytes(tmp_path / f"large{megabytes}.bin", megabytes)
        pick(page, file)
        expect(page.get_by_role("progressbar", name=f"Upload of {file.name}")).to_be_visible()
        expect_arrived(page, file)
        expect(page.get_by_text(f"“{file.name}” uploaded.")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_be_hidden()


def test_several_files_at_once_and_the_same_again(page: Page) -> None:
    files = [SAMPLES / "cat.jpg", SAMPLES / "coffee.jpg"]
    pick(page, *files)
    expect(page.get_by_text("2 files uploaded.")).to_be_visible()
    pick(page, files[0])
    expect_arrived(page, files[0], times=2)
    expect_arrived(page, files[1])


def test_files_are_dropped_anywhere_and_pasted(page: Page) -> None:
    overlay = page.get_by_text("Drop the pictures anywhere")
    expect(overlay).to_be_hidden()
    drag(page, SAMPLES / "cat.jpg", end="dragOver")
    expect(overlay).to_be_visible()
    drag(page, SAMPLES / "cat.jpg", end="dragCancel")
    expect(overlay).to_be_hidden()
    drag(page, SAMPLES / "cat.jpg", at=(600, 600))
    expect_arrived(page, SAMPLES / "cat.jpg")
    expect(overlay).to_be_hidden()
    drag(page, SAMPLES / "coffee.jpg", at=(300, 60))
    expect_arrived(page, SAMPLES / "coffee.jpg")
    page.evaluate(
        """async () => {
            const canvas = document.createElement("canvas");
            canvas.width = canvas.height = 9;
            canvas.getContext("2d");
            const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
            await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
        }"""
    )
    page.keyboard.press("Control+V")
    expect(page.get_by_text("“image.png” uploaded.")).to_be_visible()
    expect(page.get_by_text("bytes,")).to_have_count(3)


def test_what_is_refused_says_why_and_the_rest_arrives(page: Page, tmp_path: Path) -> None:
    over, empty, fake = (tmp_path / name for name in ("over.bin", "empty.bin", "fake.jpg"))
    over.write_bytes(bytes(65 * MEGA))
    empty.touch()
    fake.write_text("no picture")
    pick(page, over, SAMPLES / "cat.jpg", empty, fake)
    expect_arrived(page, SAMPLES / "cat.jpg")
    for sentence in (
        "“over.bin” is too large: 65.0 MB, where at most 64 MB are accepted.",
        "“empty.bin” is empty.",
        "“fake.jpg” is not a JPEG, PNG, WebP or GIF picture.",
    ):
        expect(page.get_by_role("status").get_by_text(sentence)).to_be_visible()
    expect(page.get_by_text("1 of 4 files uploaded, 3 refused.", exact=True)).to_be_visible()


def test_too_many_files_at_once_are_told(page: Page, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.bin" for number in range(502)]
    for file in files:
        file.write_bytes(b"x")
    pick(page, *files)
    sentence = "At most 500 files can wait at once; 2 files left out."
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.get_by_role("progressbar", name="Upload of 502 files")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(
        page.get_by_text(re.compile(r"of 502 files uploaded, 2 refused, \d+ cancelled\.$"))
    ).to_be_visible()


def test_two_batches_show_how_far_they_are_and_each_is_cancelled_alone(
    page: Page, tmp_path: Path
) -> None:
    page.evaluate(SLOW_DISK, 400)
    empty = tmp_path / "empty.bin"
    empty.touch()
    large = write_bytes(tmp_path / "large.bin", 40)
    one, two = (page.locator(".imgcap-drop-batch").nth(place) for place in range(2))
    pick(page, empty, SAMPLES / "cat.jpg", large, SAMPLES / "coins.jpg")
    expect(one).to_contain_text("Uploading “large.bin”")
    expect(one).to_contain_text(re.compile(r"File 3 of 4 · [1-9]\d? of 40 MB"))
    pick(page, SAMPLES / "coffee.jpg", empty, SAMPLES / "rocket.jpg")
    expect(two).to_contain_text("Waiting: 3 files")
    expect(one.get_by_text("“empty.bin” is empty.")).to_be_visible()
    one.get_by_role("button", name="Cancel").click()
    expect(one).to_contain_text("1 of 4 files uploaded, 1 refused, 2 cancelled.")
    expect(two).to_contain_text("2 of 3 files uploaded, 1 refused.")
    expect(page.get_by_text("“empty.bin” is empty.")).to_have_count(2)
    expect_arrived(page, *(SAMPLES / f"{name}.jpg" for name in ("cat", "coffee", "rocket")))
    expect(page.get_by_text("bytes,")).to_have_count(3)
    pick(page, SAMPLES / "coins.jpg")
    expect(page.get_by_text("“coins.jpg” uploaded.")).to_be_visible()
    expect(page.locator(".imgcap-drop-batch")).to_have_count(1)


def test_a_batch_that_waits_is_cancelled_before_its_turn(page: Page) -> None:
    page.evaluate(SLOW_DISK, 2_000)
    pick(page, SAMPLES / "cat.jpg")
    pick(page, SAMPLES / "coffee.jpg")
    page.get_by_role("button", name="Cancel").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Upload cancelled.")).to_be_visible()
    expect(page.get_by_role("button", name="Upload pictures")).to_be_focused()
    expect(page.get_by_text("“cat.jpg” uploaded.")).to_be_visible()
    expect(page.get_by_text("bytes,")).to_have_count(1)


def test_an_upload_that_is_broken_off_leaves_nothing(page: Page, tmp_path: Path) -> None:
    file = write_bytes(tmp_path / "large.bin", 60)
    pick(page, file, file)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("0 of 2 files uploaded, 2 cancelled.")).to_be_visible()
    pick(page, file)
    expect(page.get_by_role("progressbar")).to_be_visible()
    file.write_bytes(b"changed")
    sentence = "“large.bin” could not be read: it changed, went away, or is a folder."
    expect(page.get_by_role("status").get_by_text(sentence)).to_be_visible()
    pick(page, SAMPLES / "cat.jpg")
    expect_arrived(page, SAMPLES / "cat.jpg")
    expect(page.get_by_text("bytes,")).to_have_count(1)


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
