"""The dashboard as a person uses it: where things are on its page, and what is done with them."""

import re
from pathlib import Path

from playwright.sync_api import Download, Locator, Page, expect

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.settings import Settings
from tests.browser.voila_server import PATIENCE, ROOT, Server, open_dashboard, wait_until

SAMPLES = ROOT / "data" / "samples"
MARKS = {
    "Horizontal bar": ".barlayer .point",
    "Pie": ".pielayer .slice",
    "Line": ".scatterlayer .points path",
}
CAPTION_MADE = re.compile(r"Caption: \S+ [\d,]+ ms")

expect.set_options(timeout=2 * PATIENCE * 1000)


class Dashboard:
    """One visitor's page; it is opened if a server is given."""

    def __init__(self, page: Page, server: Server | None = None) -> None:
        self.page = page
        if server:
            open_dashboard(page, server)
        self.picture = page.locator(".imgcap-preview")
        self.strip = page.get_by_role("list", name="Your pictures").get_by_role("listitem")
        self.result = page.locator(".imgcap-result")
        self.caption = self.result.locator(".imgcap-caption:not(:has(.imgcap-pending))")
        self.summary = self.result.locator(".imgcap-summary")
        self.rows = self.result.locator("tbody tr")
        self.plot = page.locator(".js-plotly-plot")
        self.question = page.locator(".imgcap-question")
        self.models = page.locator(".imgcap-models")
        self.feedback = page.locator(".imgcap-feedback")
        self.records = page.locator(".imgcap-records")
        self.trouble = page.locator(".imgcap-status").get_by_role("alert")

    def press(self, name: str, *, within: Locator | None = None) -> None:
        """Press a button; without a part of the page, the only one of that name."""
        (within or self.page).get_by_role("button", name=name).click()

    def bring(self, *files: Path) -> None:
        """Choose files with the upload button."""
        with self.page.expect_file_chooser() as chooser:
            self.press("Upload pictures")
        chooser.value.set_files(list(files))

    def take_sample(self, name: str) -> None:
        """Click a sample, and wait until all is known about it."""
        samples = self.page.get_by_role("list", name="Sample pictures")
        samples.get_by_role("button", name=name).click()
        self.expect_answer(f"{name}.jpg")

    def thumbnail(self, name: str) -> Locator:
        """Return the button in the strip that puts a picture on screen."""
        return self.strip.locator(".imgcap-strip-pick").filter(has_text=name)

    def expect_answer(self, name: str) -> None:
        """Wait until a picture is on screen with its caption and its labels."""
        expect(self.picture.locator("strong")).to_have_text(name)
        expect(self.thumbnail(name)).to_contain_text("Done")
        expect(self.caption).to_be_visible()
        expect(self.summary).to_be_visible()
        image = self.picture.locator("img")
        wait_until(lambda: image.get_attribute("alt") == self.caption.inner_text())

    def labels(self) -> list[str]:
        """Return the labels of the table, best first."""
        return self.rows.locator("td:first-child").all_inner_texts()

    def facts(self) -> tuple[str, str, str]:
        """Return what is said about the picture: caption, summary, models and times."""
        return self.caption.inner_text(), self.summary.inner_text(), self.timing()

    def timing(self) -> str:
        """Return the line on models and times."""
        return self.result.get_by_text(CAPTION_MADE).inner_text()

    def caption_timing(self) -> str:
        """Return how long the caption took; another figure would be another caption."""
        return self.timing().split(" · ")[1]

    def use_labels(self, text: str) -> None:
        """Write candidate labels and use them."""
        self.question.get_by_label("Labels", exact=True).fill(text)
        self.press("Use these labels")

    def choose_chart(self, kind: str) -> None:
        """Choose a chart by its name."""
        self.page.get_by_label("Chart", exact=True).select_option(kind)

    def marks(self, kind: str) -> Locator:
        """Return the drawn bars, slices or points."""
        return self.plot.locator(MARKS[kind])

    def send_feedback(self, comment: str) -> None:
        """Comment, send, and wait for the confirmation and an empty form."""
        self.feedback.get_by_label("Comment").fill(comment)
        self.press("Send feedback")
        expect(self.feedback.get_by_label("Comment")).to_have_value("")
        expect(self.feedback.get_by_text("Thank you, your feedback is saved.")).to_be_visible()

    def download(self, button: str, *, within: Locator) -> Download:
        """Press a download button and return what the browser saved."""
        with self.page.expect_download() as saved:
            self.press(button, within=within)
        return saved.value

    def written_rows(self) -> int:
        """Return how many rows of the grid have something drawn in their first column.

        The grid is a canvas: the only way to see its text is as pixels unlike their background.
        """
        return self.page.evaluate(WRITTEN_ROWS)


WRITTEN_ROWS = """() => {
    const [left, width, padding, height, header] = [8, 110, 4, 30, 32];
    const canvas = document.querySelector(".imgcap-grid canvas");
    if (!canvas?.clientWidth) return 0;
    const scale = canvas.width / canvas.clientWidth;
    const isWritten = (row) => {
        const top = header + row * height + padding;
        const box = [left, top, width, height - 2 * padding].map((x) => Math.round(x * scale));
        const pixels = new Uint32Array(canvas.getContext("2d").getImageData(...box).data.buffer);
        return pixels.filter((pixel) => pixel !== pixels[0]).length > 20;
    };
    let rows = 0;
    while (rows < 8 && isWritten(rows)) rows += 1;
    return rows;
}"""


def stored(server: Server) -> list[FeedbackRecord]:
    """Return what a server's pages have saved, newest first."""
    return open_store(Settings(feedback=f"csv:{server.feedback}")).read()
