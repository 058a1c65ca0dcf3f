"""Saying what a result is worth, and seeing what was said."""

import csv
import io
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from imgcap.feedback import open_store, open_store_at
from imgcap.feedback.pictures import PictureFolder
from imgcap.settings import Settings
from tests.browser.conftest import NewPage, StartServer
from tests.browser.dashboard import Dashboard, stored
from tests.browser.voila_server import Server, serve, voila, wait_until
from tests.feedback_servers import PASSWORD
from tests.feedback_servers import Server as Database

SAVED = "Thank you, your feedback is saved."
AGAIN = "Your feedback is still here: send it again, it will be stored only once."
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
    expect(said).to_contain_text(AGAIN)
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


def test_a_database_that_goes_away_is_said_so_and_saves_once_when_it_is_back(
    page: Page, start_server: StartServer, postgresql: Database
) -> None:
    url = postgresql.url(postgresql.new_database())
    dashboard = Dashboard(page, start_server(IMGCAP_FEEDBACK=url))
    dashboard.send_feedback("while all is well")
    postgresql.kill()
    try:
        comment = dashboard.feedback.get_by_label("Comment")
        comment.fill("while it was away")
        dashboard.press("Send feedback")
        said = dashboard.feedback.get_by_role("alert")
        expect(said).to_contain_text(AGAIN)
        expect(said).not_to_contain_text(PASSWORD)
        expect(comment).to_have_value("while it was away")
    finally:
        postgresql.start()
    dashboard.feedback.get_by_role("button", name="Send feedback").dblclick()
    expect(dashboard.feedback.get_by_text(SAVED)).to_be_visible()
    expect(comment).to_have_value("")
    expect_count(dashboard, 2, "3.0")
    comments = [record.comment for record in open_store_at(url).read()]
    assert comments == ["while it was away", "while all is well"]


def test_what_is_right_is_said_at_one_click_and_a_picture_kept_only_when_allowed(
    page: Page, server: Server
) -> None:
    dashboard = Dashboard(page, server)
    form = dashboard.feedback
    keep = form.get_by_label("Keep this picture with my feedback")
    expect(keep).to_be_hidden()
    dashboard.take_sample("cat")
    expect(keep).not_to_be_checked()
    form.get_by_label("The label is right").focus()
    page.keyboard.press("Space")
    expect(form.get_by_label("Right label")).to_have_value(dashboard.labels()[0])
    form.get_by_label("The caption is right").check()
    expect(form.get_by_label("Right caption")).to_have_value(dashboard.caption.inner_text())
    keep.check()
    dashboard.send_feedback("All of it is right.")
    expect(keep).not_to_be_checked()
    expect(form.get_by_label("The label is right")).not_to_be_checked()
    expect(form.get_by_label("Right label")).to_have_value("")
    record = stored(server)[0]
    assert record.corrected_label == record.label == dashboard.labels()[0]
    assert record.corrected_caption == record.caption
    assert record.picture_file in PictureFolder(server.feedback.parent / "pictures")

    dashboard.take_sample("coffee")
    expect(keep).not_to_be_checked()
    dashboard.send_feedback("Not this one.")
    assert (stored(server)[0].picture_name, stored(server)[0].picture_file) == ("coffee.jpg", "")


def test_what_is_typed_stays_with_its_picture_when_another_comes(
    page: Page, server: Server
) -> None:
    dashboard = Dashboard(page, server)
    form = dashboard.feedback
    comment = form.get_by_label("Comment")
    comment.fill("about the page")
    dashboard.take_sample("cat")
    expect(comment).to_have_value("")
    comment.press_sequentially("about the cat, and never left")
    # Another picture comes without a click: as at the end of a long upload, or dropped.
    coffee = page.get_by_role("list", name="Sample pictures").get_by_role("button", name="coffee")
    coffee.evaluate("button => button.click()")
    dashboard.expect_answer("coffee.jpg")
    expect(form).to_contain_text("About coffee.jpg")
    expect(comment).to_have_value("")
    expect(form).to_contain_text("Not sent yet: what you wrote without a picture, about cat.jpg.")
    dashboard.send_feedback("about the coffee")
    dashboard.thumbnail("cat").click()
    expect(comment).to_have_value("about the cat, and never left")
    dashboard.press("Send feedback")
    expect(comment).to_have_value("")
    dashboard.press("Without a picture")
    expect(comment).to_have_value("about the page")
    dashboard.press("Send feedback")
    expect(comment).to_have_value("")
    expect(form.get_by_text(SAVED)).to_be_visible()
    assert [(record.picture_name, record.comment) for record in stored(server)[:3]] == [
        ("", "about the page"),
        ("cat.jpg", "about the cat, and never left"),
        ("coffee.jpg", "about the coffee"),
    ]
    dashboard.press("Back to the picture")
    expect(form).to_contain_text("About cat.jpg")
