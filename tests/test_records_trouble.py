"""What cannot be read of the feedback is named, and the rest stays."""

from pathlib import Path

from imgcap.feedback import FeedbackRecord, open_store_at
from imgcap.settings import Settings
from imgcap.widgets.state import AppState
from tests.records_page import Open, comments, file_of, fill, press


def test_a_row_that_cannot_be_read_is_named(open_panel: Open, page_settings: Settings) -> None:
    fill(page_settings, "good")
    with file_of(page_settings).open("ab") as out:
        out.write(b'"<script>damaged","row"\r\n')
    panel = open_panel()
    assert comments(panel) == ["good"]
    assert "1 row cannot be read. Row 3 is left out:" in panel.message.value
    assert "<script" not in panel.message.value


def test_a_store_that_cannot_be_read_is_a_sentence_and_the_rows_stay(
    open_panel: Open, page_settings: Settings
) -> None:
    fill(page_settings, *map(str, range(200)))
    panel = open_panel()
    file, aside = file_of(page_settings), file_of(page_settings).with_name("aside")
    file.rename(aside)
    file.mkdir()
    press(panel, panel.pager.next)
    assert "is no file that feedback could be kept in" in panel.message.value
    assert 'role="alert"' in panel.message.value
    assert (len(comments(panel)), comments(panel)[0]) == (100, "199")
    assert "Rows 1–100 of 200" in panel.place.value
    assert panel.pager.number.value == 1
    file.rmdir()
    aside.rename(file)
    press(panel, panel.pager.next)
    assert panel.message.value == ""
    assert comments(panel)[0] == "99"


def test_a_folder_that_a_file_replaced_is_named(
    open_panel: Open, state: AppState, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    state.store = open_store_at(f"csv:{folder / 'feedback.csv'}")
    state.store.append(FeedbackRecord(rating=3))
    folder.rename(tmp_path / "elsewhere")
    folder.write_text("a file where the folder was")
    panel = open_panel()
    assert 'role="alert"' in panel.message.value
    assert "should lie in a folder, but a file is in its place." in panel.message.value
    assert panel.figures.value == "", "nobody knows whether there is feedback"
