"""Files arrive whole, however they are brought, or it is said why not."""

import random
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.widgets.uploads import SAMPLES, SLOW_DISK, expect_arrived, pick

MEGA = 2**20


def write_bytes(path: Path, megabytes: int) -> Path:
    path.write_bytes(random.Random(0).randbytes(megabytes * MEGA))  # noqa: S311  # any bytes do
    return path


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
