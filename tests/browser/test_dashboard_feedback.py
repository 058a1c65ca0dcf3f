"""Saying what a result is worth, and seeing what was said."""

import csv
import io
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from imgcap.feedback import open_store
from imgcap.settings import Settings
from tests.browser.conftest import NewPage, StartServer
from tests.browser.dashboard import Dashboard, stored
from tests.browser.voila_server import Server, serve, voila, wait_until

SAVED = "Thank you, your feedback is saved."
NONE_YET = "No feedback yet: yours would be the first."


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    """Return a server whose only feedback is this module's."""
    return start_server()


def expect_count(dashboard: Dashboard, count: int, mean: str) -> None:
    """Wait for the figures above the grid, and for as many rows in it."""
    expect(dashboard.records).to_contain_text(f"{count} in all, mean rating {mean} of 5")
    wait_until(lambda: dashboard.written_rows() == count)


def test_feedback_is_on_disk_when_the_page_says_so_and_outlives_the_server(
    new_page: NewPage, tmp_path: Path
) -> None:
    with serve(tmp_path, *voila()) as server:
        dashboard = Dashboard(new_page(), server)
        expect(dashboard.records.get_by_text(NONE_YET)).to_be_visible()
        dashboard.take_sample("cat")
        rating = dashboard.feedback.get_by_role("slider", name="Rating")
        rating.press("End")
        dashboard.feedback.get_by_label("Right label").fill("a tabby")
        dashboard.feedback.get_by_label("Right caption").fill("A tabby looks into the distance.")
        dashboard.send_feedback("Not bad, but\nit is a =tabby, “really”.")

        [record] = stored(server)
        assert (record.rating, record.comment) == (5, "Not bad, but\nit is a =tabby, “really”.")
        assert record.corrected_label == "a tabby"
        assert record.corrected_caption == "A tabby looks into the distance."
        assert record.picture_name == "cat.jpg"
        assert record.caption == dashboard.caption.inner_text()
        assert [each.label for each in record.predictions] == dashboard.labels()
        assert (record.classifier, record.captioner) == (
            "imgcap-align-small",
            "imgcap-captioner-small",
        )
        for name in ("Comment", "Right label", "Right caption"):
            expect(dashboard.feedback.get_by_label(name)).to_have_value("")
        expect(rating).to_have_attribute("aria-valuenow", "3.0")
        expect_count(dashboard, 1, "5.0")
        dashboard.page.close()

    with serve(tmp_path, *voila()) as server:
        dashboard = Dashboard(new_page(), server)
        expect_count(dashboard, 1, "5.0")
        saved = dashboard.download("Download CSV", within=dashboard.records)
        assert saved.suggested_filename == "feedback.csv"
        kept = tmp_path / "kept.csv"
        saved.save_as(kept)
        assert open_store(Settings(feedback=f"csv:{kept}")).read() == [record]
        [row] = csv.DictReader(io.StringIO(kept.read_text("utf-8-sig")))
        assert row["rating"] == "5"
        dashboard.page.close()  # else it complains, rightly, that the server is gone


def test_two_pages_at_once_lose_nothing_and_see_each_other(
    new_page: NewPage, server: Server
) -> None:
    pages = [Dashboard(new_page(), server) for _ in range(2)]
    before = len(stored(server))
    for n, dashboard in enumerate(pages):
        expect(dashboard.records.get_by_role("button", name="Refresh")).to_be_enabled()
        dashboard.feedback.get_by_label("Comment").fill(f"from page {n}")
    for dashboard in pages:  # without a picture, and without waiting for the other
        dashboard.press("Send feedback")
    for dashboard in pages:
        expect(dashboard.feedback.get_by_text(SAVED)).to_be_visible()
    records = stored(server)[: len(stored(server)) - before]
    assert sorted(record.comment for record in records) == ["from page 0", "from page 1"]
    assert {record.picture_name for record in records} == {""}
    assert len({record.session for record in records}) == 2

    first, second = pages
    second.send_feedback("one more")
    first.press("Refresh")
    for dashboard in pages:
        expect_count(dashboard, before + 3, "3.0")

    search = first.records.get_by_label("Search")
    search.fill("ONE more")
    search.press("Enter")
    expect(first.records.get_by_text(f"1 of {before + 3} match.")).to_be_visible()
    wait_until(lambda: first.written_rows() == 1)
    search.fill("nobody said this")
    search.press("Enter")
    expect(first.records.get_by_text(f"0 of {before + 3} match.")).to_be_visible()


def test_a_double_click_saves_once_and_all_that_was_typed(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    before = len(stored(server))
    send = dashboard.feedback.get_by_role("button", name="Send feedback")
    comment = dashboard.feedback.get_by_label("Comment")
    comment.fill("once")
    comment.blur()
    send.evaluate("button => { for (let n = 0; n < 5; n += 1) button.click(); }")
    expect(dashboard.feedback.get_by_text(SAVED)).to_be_visible()
    comment.fill("twice")
    send.dblclick()
    wait_until(lambda: len(stored(server)) == before + 2)
    expect(dashboard.records).to_contain_text(f"{before + 2} in all")
    comment.press_sequentially("and all that was typed, however quickly it was sent")
    for key in ("Tab", "Space"):
        page.keyboard.press(key)
    expect(comment).to_have_value("")
    wait_until(lambda: len(stored(server)) == before + 3)
    comments = [record.comment for record in stored(server)[: len(stored(server)) - before]]
    assert comments == [
        "and all that was typed, however quickly it was sent",
        "twice",
        "once",
    ]


def test_feedback_that_cannot_be_kept_is_not_confirmed_and_not_lost(
    page: Page, start_server: StartServer, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    server = start_server(IMGCAP_FEEDBACK=f"csv:{folder / 'feedback.csv'}")
    dashboard = Dashboard(page, server)
    dashboard.send_feedback("while all is well")
    safe = folder.rename(tmp_path / "elsewhere")
    folder.write_text("a file where the folder was")
    dashboard.feedback.get_by_label("Comment").fill("when the disk is gone")
    dashboard.press("Send feedback")
    said = dashboard.feedback.get_by_role("alert")
    expect(said).to_contain_text("Nothing was saved yet; you can send it again.")
    expect(dashboard.feedback.get_by_label("Comment")).to_have_value("when the disk is gone")

    folder.unlink()
    shutil.move(safe, folder)
    dashboard.press("Send feedback")
    expect(dashboard.feedback.get_by_text(SAVED)).to_be_visible()
    store = open_store(Settings(feedback=f"csv:{folder / 'feedback.csv'}"))
    assert [record.comment for record in store.read()] == [
        "when the disk is gone",
        "while all is well",
    ]
    expect_count(dashboard, 2, "3.0")
