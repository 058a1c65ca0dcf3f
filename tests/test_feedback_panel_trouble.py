"""Feedback that cannot be saved stays in the form, says why, and is stored once."""

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import MAX_COMMENT
from imgcap.settings import Settings
from imgcap.widgets.feedback import FeedbackPanel
from imgcap.widgets.feedback_form import AGAIN, SAVED
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.feedback_page import PAYLOADS, send, stored
from tests.feedback_servers import PASSWORD, Server
from tests.pages import bring, wait_until


@pytest.fixture
def panel(state: AppState) -> FeedbackPanel:
    return FeedbackPanel(state)


def test_a_store_that_fails_keeps_the_form_and_the_next_press_stores_one(
    state: AppState, panel: FeedbackPanel
) -> None:
    path = state.settings.log.parent / "feedback.csv"
    path.mkdir()  # nothing can be written there, not even by root
    panel.form.rating.value = 4
    for name, text in PAYLOADS.items():
        getattr(panel.form, name).value = text
    panel.form.submit.click()
    wait_until(lambda: not panel.form.submit.disabled)
    assert "is no file that feedback could be kept in" in panel.form.message.value
    assert AGAIN in panel.form.message.value
    assert 'role="alert"' in panel.form.message.value
    assert state.saved == 0
    assert panel.form.rating.value == 4
    assert {name: getattr(panel.form, name).value for name in PAYLOADS} == PAYLOADS
    path.rmdir()
    send(state, panel)
    assert SAVED in panel.form.message.value
    [record] = stored(state)
    assert (record.rating, record.comment) == (4, PAYLOADS["comment"])


def lose_answers(patch: pytest.MonkeyPatch) -> None:
    """Let the store write what it is given, and its answer get lost on the way."""
    append = CsvStore.append

    def write_and_fail(store: CsvStore, record: FeedbackRecord) -> None:
        append(store, record)
        raise FeedbackError("The disk did not answer.")

    patch.setattr(CsvStore, "append", write_and_fail)


def send_in_vain(panel: FeedbackPanel, sentence: str) -> None:
    panel.form.submit.click()
    wait_until(lambda: not panel.form.submit.disabled)
    assert sentence in panel.form.message.value
    assert AGAIN in panel.form.message.value


@pytest.mark.usefixtures("analyst")
def test_a_record_that_was_written_before_its_error_is_sent_again_as_it_was(
    state: AppState, panel: FeedbackPanel
) -> None:
    [shown] = bring(state, "cat.png")
    wait_until(lambda: state.statuses[shown.id] == "done")
    panel.form.comment.value = "once"
    panel.form.keep.value = True
    with pytest.MonkeyPatch.context() as patch:
        lose_answers(patch)
        send_in_vain(panel, "The disk did not answer.")
        [written] = stored(state)
        panel.form.comment.value = "never sent"
        panel.form.comment.value = "once"
        send_in_vain(panel, "The disk did not answer.")
    send(state, panel)
    assert stored(state) == [written]


def test_what_is_changed_after_an_error_is_not_taken_for_what_was_written(
    state: AppState, panel: FeedbackPanel
) -> None:
    panel.form.comment.value = "It is a dog."
    with pytest.MonkeyPatch.context() as patch:
        lose_answers(patch)
        send_in_vain(panel, "The disk did not answer.")
    panel.form.comment.value = "It is a fox."
    send(state, panel)
    after, before = stored(state)
    assert (before.comment, after.comment) == ("It is a dog.", "It is a fox.")
    assert after.id != before.id
    assert after.time > before.time


def test_a_server_that_goes_away_leaves_the_form_and_stores_once(
    page_settings: Settings, engine: HeldEngine, postgresql: Server
) -> None:
    url = postgresql.url(postgresql.new_database())
    state = AppState(page_settings.model_copy(update={"feedback": url}), engine)
    panel = FeedbackPanel(state)
    panel.form.comment.value = "while all is well"
    send(state, panel)
    panel.form.rating.value = 5
    for name, text in PAYLOADS.items():
        getattr(panel.form, name).value = text
    postgresql.kill()
    try:
        for _ in range(2):
            send_in_vain(panel, "database")
            assert PASSWORD not in panel.form.message.value
            assert panel.form.comment.value == PAYLOADS["comment"]
    finally:
        postgresql.start()
    send(state, panel)
    assert panel.form.comment.value == ""
    assert [record.comment for record in stored(state)] == [
        PAYLOADS["comment"],
        "while all is well",
    ]
    state.close()


def test_too_long_a_comment_is_a_sentence(state: AppState, panel: FeedbackPanel) -> None:
    panel.form.comment.value = "x" * (MAX_COMMENT + 1)
    panel.form.submit.click()
    assert (
        "The comment has 1,048,577 characters; 1,048,576 is the most." in panel.form.message.value
    )
    assert len(panel.form.comment.value) == MAX_COMMENT + 1
    panel.form.comment.value = "x" * MAX_COMMENT
    send(state, panel)
    [record] = stored(state)
    assert len(record.comment) == MAX_COMMENT


def test_an_unexpected_error_is_a_sentence_and_logged(
    state: AppState, panel: FeedbackPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(CsvStore, "append", stumble)
    panel.form.submit.click()
    wait_until(lambda: "unexpected" in panel.form.message.value)
    assert "RuntimeError: a bug" in state.settings.log.read_text()
    assert not panel.form.submit.disabled


def test_a_picture_that_cannot_be_kept_is_a_sentence_and_stores_nothing_yet(
    state: AppState, panel: FeedbackPanel
) -> None:
    state.settings.pictures.write_text("a file where the folder should be")
    [shown] = bring(state, "a.png")
    panel.form.comment.value = "keep it"
    panel.form.keep.value = True
    send_in_vain(panel, "The picture could not be kept")
    assert stored(state) == []
    assert (panel.form.comment.value, panel.form.keep.value) == ("keep it", True)
    state.settings.pictures.unlink()
    send(state, panel)
    [record] = stored(state)
    assert record.picture_sha256 == shown.id
    assert record.picture_file in PictureFolder(state.settings.pictures)
