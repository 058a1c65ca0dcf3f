"""Files on their way to the page, as a person brings them."""

import hashlib
from pathlib import Path

from playwright.sync_api import Page, expect

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
# Each read of a file takes its time, as on a network drive.
SLOW_DISK = """(milliseconds) => {
    const read = Blob.prototype.arrayBuffer;
    Blob.prototype.arrayBuffer = async function () {
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        return read.call(this);
    };
}"""


def pick(page: Page, *files: Path) -> None:
    """Choose files in the dialog of the button."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload pictures").click()
    chooser.value.set_files(list(files))


def proof(file: Path) -> str:
    """Return what the page says of a file that has arrived whole."""
    content = file.read_bytes()
    return f"{len(content)} bytes, {hashlib.sha256(content).hexdigest()}, {file.name}"


def expect_arrived(page: Page, *files: Path, times: int = 1) -> None:
    """Wait until the page says that each of the files has arrived so many times."""
    for file in files:
        expect(page.get_by_text(proof(file))).to_have_count(times, timeout=90_000)
