import threading

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord, open_store
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.record import MAX_COMMENT
from imgcap.inference import ClassifyOptions
from imgcap.widgets.feedback import FeedbackPanel
from imgcap.widgets.feedback_form import AGAIN, FIRST_RATING, SAVED
from imgcap.widgets.state import AppState
from tests.pages import bring, wait_until

PAYLOADS = {
    "comment": "<script>alert(1)</script>\n =1+1, \"quoted\" 'so' \\u{0} 🦉 ",
    "label": " </style><img src=x onerror=alert(1)>",
    "caption": 'a cat & a "dog"; <b>bold</b> ',
}


class SlowStore(CsvStore):
    """A file whose disk is so slow that a test can look while a record is written."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.go = threading.Event()

    def append(self, record: FeedbackRecord) -> None:
        self.go.wait()
        super().append(record)


@pytest.fixture
def panel(state: AppState) -> FeedbackPanel:
    return FeedbackPanel(state)


def stored(state: AppState) -> list[FeedbackRecord]:
    """What another program finds in the store, newest first."""
    return open_store(state.settings).read()


def send(state: AppState, panel: FeedbackPanel) -> None:
    before = state.saved
    panel.form.submit.click()
    wait_until(lambda: state.saved == before + 1 and not panel.form.submit.disabled)


def test_feedback_without_a_picture(state: AppState, panel: FeedbackPanel) -> None:
    panel.form.comment.value = "A fine page."
    panel.form.rating.value = 5
    send(state, panel)
    [record] = stored(state)
    assert (record.rating, record.comment) == (5, "A fine page.")
    assert (record.picture_name, record.predictions, record.caption) == ("", (), "")
    assert record.session == state.session


@pytest.mark.usefixtures("analyst")
def test_a_record_holds_the_question_the_result_and_what_was_said(
    state: AppState, panel: FeedbackPanel
) -> None:
    state.labels = ("zebra", "cat", "<script>")
    state.classify_options = ClassifyOptions(("a drawing of {}", "{}"), independent=True)
    [cat] = bring(state, "cat.png")
    wait_until(lambda: state.statuses[cat.id] == "done")
    for name, text in PAYLOADS.items():
        getattr(panel.form, name).value = text
    panel.form.rating.value = 1
    send(state, panel)
    [record] = stored(state)
    description = state.description
    assert description is not None
    assert record.rating == 1
    assert record.comment == PAYLOADS["comment"], "exactly as typed"
    assert record.corrected_label == PAYLOADS["label"]
    assert record.corrected_caption == PAYLOADS["caption"]
    assert record.labels == ("zebra", "cat", "<script>"), "in the order they were asked"
    assert record.templates == ("a drawing of {}", "{}")
    assert record.independent
    assert record.predictions == description.predictions
    assert record.caption == description.caption
    assert (record.classifier, record.captioner) == ("fake-classifier", "fake-captioner")
    assert (record.classify_ms, record.caption_ms) == (1.0, 2.0)
    assert (record.picture_name, record.picture_sha256) == ("cat.png", cat.id)
    assert (record.picture_width, record.picture_height) == (cat.width, cat.height)
    assert record.session == state.session


def test_the_form_clears_only_after_the_record_is_safe(
    state: AppState, panel: FeedbackPanel
) -> None:
    state.store = store = SlowStore(state.settings.feedback.removeprefix("csv:"))
    panel.form.rating.value = 5
    for name, text in PAYLOADS.items():
        getattr(panel.form, name).value = text
    panel.form.submit.click()
    assert panel.form.submit.disabled
    assert "Saving …" in panel.form.message.value
    assert panel.form.comment.value == PAYLOADS["comment"]
    assert state.saved == 0
    panel.form.caption.value = "written meanwhile"
    store.go.set()
    wait_until(lambda: state.saved)
    assert len(stored(state)) == 1
    assert SAVED in panel.form.message.value
    assert (panel.form.rating.value, panel.form.comment.value, panel.form.label.value) == (
        FIRST_RATING,
        "",
        "",
    )
    assert panel.form.caption.value == "written meanwhile"
    assert not panel.form.submit.disabled


def test_pressing_twice_stores_once(state: AppState, panel: FeedbackPanel) -> None:
    state.store = store = SlowStore(state.settings.feedback.removeprefix("csv:"))
    panel.form.comment.value = "once"
    panel.form.submit.click()
    panel.form.submit.click()  # while it is saved
    store.go.set()
    wait_until(lambda: state.saved == 1)
    panel.form.submit.click()  # the second half of a slow double click
    assert not panel.form.submit.disabled
    assert SAVED in panel.form.message.value
    assert [record.comment for record in stored(state)] == ["once"]
    panel.form.comment.value = "twice"
    send(state, panel)
    assert [record.comment for record in stored(state)] == ["twice", "once"]
    panel.form.comment.value = "twice"
    send(state, panel)
    assert len(stored(state)) == 3, "the same words may be said again"


def test_the_same_rating_of_another_picture_is_stored(
    state: AppState, panel: FeedbackPanel
) -> None:
    for name in ("a.png", "b.png"):
        bring(state, name)
        send(state, panel)
    assert [record.rating for record in stored(state)] == [FIRST_RATING] * 2


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


def test_a_record_that_was_written_before_its_error_is_stored_once(
    state: AppState, panel: FeedbackPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = CsvStore.append

    def write_and_fail(store: CsvStore, record: FeedbackRecord) -> None:
        append(store, record)
        raise FeedbackError("The disk did not answer.")

    panel.form.comment.value = "once"
    with monkeypatch.context() as patch:
        patch.setattr(CsvStore, "append", write_and_fail)
        panel.form.submit.click()
        wait_until(lambda: "The disk did not answer." in panel.form.message.value)
    send(state, panel)
    assert [record.comment for record in stored(state)] == ["once"]


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


def test_the_labels_in_use_are_offered_and_others_can_be_typed(
    state: AppState, panel: FeedbackPanel
) -> None:
    assert panel.form.label.options == state.labels
    state.labels = ("one", "<b>two</b>")
    assert panel.form.label.options == ("one", "<b>two</b>")
    panel.form.label.value = "three"
    panel.form.caption.value = "   "
    send(state, panel)
    [record] = stored(state)
    assert (record.corrected_label, record.corrected_caption) == ("three", "")
