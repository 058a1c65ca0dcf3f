import threading

import pytest
from PIL.PngImagePlugin import PngInfo

from imgcap.feedback import FeedbackError, FeedbackRecord, open_store
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import MAX_COMMENT
from imgcap.images import open_picture
from imgcap.inference import ClassifyOptions
from imgcap.settings import Settings
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.feedback import FeedbackPanel
from imgcap.widgets.feedback_form import AGAIN, FIRST_RATING, SAVED
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine, commit_of
from tests.feedback_servers import PASSWORD, Server
from tests.pages import bring, picture_file, wait_until
from tests.picture_files import encode, quarters

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
    assert record.classifier_revision == commit_of("fake-classifier")
    assert record.captioner_revision == commit_of("fake-captioner")
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


def test_the_same_rating_of_another_picture_or_answer_is_stored(
    state: AppState, panel: FeedbackPanel
) -> None:
    for name in ("a.png", "b.png"):
        bring(state, name)
        send(state, panel)
    state.labels = ("another", "question")
    send(state, panel)
    assert [(record.rating, record.picture_name) for record in stored(state)] == [
        (FIRST_RATING, "b.png"),
        (FIRST_RATING, "b.png"),
        (FIRST_RATING, "a.png"),
    ]


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


def test_an_answer_is_confirmed_at_one_click(
    state: AppState, panel: FeedbackPanel, engine: HeldEngine, analyst: Analyst
) -> None:
    assert analyst
    state.labels = ("cat", "dog")
    with engine.held():
        bring(state, "a.png")
        form = panel.form
        assert form.right_label.right.disabled, "there is no answer yet"
        assert form.right_caption.right.disabled
    wait_until(lambda: not form.right_caption.right.disabled)
    assert state.description is not None
    best = state.description.predictions[0].label
    form.right_label.right.value = True
    assert form.label.value == best, "the visitor sees what will be stored"
    form.right_caption.right.value = True
    send(state, panel)
    [record] = stored(state)
    assert record.corrected_label == record.label == best
    assert record.corrected_caption == record.caption == state.description.caption
    assert not form.right_label.right.value
    assert not form.right_caption.right.value
    assert (form.label.value, form.caption.value) == ("", "")


@pytest.mark.usefixtures("analyst")
def test_the_box_and_the_field_of_an_answer_agree(state: AppState, panel: FeedbackPanel) -> None:
    state.labels = ("cat", "dog")
    bring(state, "a.png")
    right, field = panel.form.right_label.right, panel.form.label
    wait_until(lambda: not right.disabled)
    assert state.description is not None
    best, worse = (prediction.label for prediction in state.description.predictions)
    field.value = best
    assert right.value, "whoever types the answer confirms it"
    field.value = worse
    assert not right.value
    right.value = True
    assert field.value == best
    right.value = False
    assert field.value == ""


@pytest.mark.usefixtures("analyst")
def test_a_confirmation_does_not_pass_to_another_answer_and_a_correction_stays(
    state: AppState, panel: FeedbackPanel
) -> None:
    bring(state, "a.png")
    form = panel.form
    wait_until(lambda: not form.right_label.right.disabled)
    form.right_label.right.value = True
    form.caption.value = "A dog sleeps."
    state.labels = ("one", "two")
    wait_until(lambda: form.label.value == "")
    assert not form.right_label.right.value
    wait_until(lambda: not form.right_label.right.disabled)
    form.right_label.right.value = True
    assert form.label.value in {"one", "two"}
    form.label.value = "three"
    state.labels = ("yet", "others")
    wait_until(lambda: not form.right_label.right.disabled)
    assert state.description is not None
    assert state.description.predictions[0].label in {"yet", "others"}
    assert form.label.value == "three"
    assert form.caption.value == "A dog sleeps."


def test_a_picture_is_kept_where_that_is_allowed_and_nowhere_else(
    state: AppState, panel: FeedbackPanel
) -> None:
    about = PngInfo()
    about.add_text("GPS", "52.5 N 13.4 E")
    original = encode(quarters(), "PNG", pnginfo=about)
    state.add(state.shelf.put(original, "home.png"))
    assert not panel.form.keep.value, "off by default"
    send(state, panel)
    assert not state.settings.pictures.exists()
    panel.form.keep.value = True
    send(state, panel)
    assert not panel.form.keep.value, "asked again each time"
    panel.form.comment.value = "no picture this time"
    send(state, panel)
    after, allowed, before = stored(state)
    assert (before.picture_file, after.picture_file) == ("", "")
    kept = PictureFolder(state.settings.pictures).open(allowed.picture_file)
    assert b"13.4" in original
    assert b"13.4" not in kept
    assert open_picture(kept, "kept").image.tobytes() == quarters().tobytes()
    panel.form.keep.value = True
    bring(state, "b.png")
    assert not panel.form.keep.value, "another picture, another question"


def test_without_a_picture_there_is_none_to_keep(state: AppState, panel: FeedbackPanel) -> None:
    assert panel.form.keep.layout.display == "none"
    bring(state, "a.png")
    assert panel.form.keep.layout.display is None


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


def test_the_picture_on_screen_is_kept_though_it_is_removed_meanwhile(
    state: AppState, panel: FeedbackPanel
) -> None:
    state.store = store = SlowStore(state.settings.feedback.removeprefix("csv:"))
    [shown] = bring(state, "a.png")
    panel.form.keep.value = True
    panel.form.submit.click()
    state.remove(shown.id)
    store.go.set()
    wait_until(lambda: state.saved)
    [record] = stored(state)
    kept = PictureFolder(state.settings.pictures).open(record.picture_file)
    both = (open_picture(data, "a.png").image.tobytes() for data in (kept, picture_file("a.png")))
    assert next(both) == next(both)


def test_feedback_before_any_answer_names_the_picture(
    state: AppState, panel: FeedbackPanel
) -> None:
    [shown] = bring(state, "a.png")
    send(state, panel)
    [record] = stored(state)
    assert (record.picture_name, record.picture_sha256) == ("a.png", shown.id)
    assert (record.picture_width, record.picture_height) == (shown.width, shown.height)
    assert record.predictions == ()


def test_every_picture_has_a_draft_of_its_own(state: AppState, panel: FeedbackPanel) -> None:
    first, _ = bring(state, "a.png", "b.png")
    state.selected = first.id
    panel.form.comment.value = "of a"
    panel.form.rating.value = 5
    bring(state, "c.png")
    assert (panel.form.comment.value, panel.form.rating.value) == ("", FIRST_RATING)
    assert "Not sent yet: what you wrote about a.png." in panel.drafts.value
    panel.form.comment.value = "of c"
    send(state, panel)
    state.selected = first.id
    assert (panel.form.comment.value, panel.form.rating.value) == ("of a", 5)
    assert panel.drafts.value == ""
    send(state, panel)
    assert [(each.picture_name, each.comment, each.rating) for each in stored(state)] == [
        ("a.png", "of a", 5),
        ("c.png", "of c", FIRST_RATING),
    ]


def test_what_the_page_tells_late_belongs_to_the_picture_it_was_meant_for(
    state: AppState, panel: FeedbackPanel
) -> None:
    bring(state, "a.png")
    seen = panel.form
    bring(state, "b.png")
    seen.comment.value = "of a, and told late"
    assert "about a.png" in panel.drafts.value
    seen.submit.click()
    wait_until(lambda: state.saved)
    assert [(each.picture_name, each.comment) for each in stored(state)] == [
        ("a.png", "of a, and told late")
    ]
    assert panel.drafts.value == ""


def test_an_error_is_told_though_another_picture_is_on_screen(
    state: AppState, panel: FeedbackPanel
) -> None:
    [first] = bring(state, "a.png")
    panel.form.comment.value = "of a"
    (state.settings.log.parent / "feedback.csv").mkdir()
    with state.lock:  # until the page shows another picture
        panel.form.submit.click()
        bring(state, "b.png")
    wait_until(lambda: state.error)
    assert state.error.startswith("Your feedback about a.png was not saved yet: ")
    assert panel.form.message.value == ""
    state.selected = first.id
    assert AGAIN in panel.form.message.value
    assert panel.form.comment.value == "of a"


def test_what_was_begun_without_a_picture_can_be_finished(
    state: AppState, panel: FeedbackPanel
) -> None:
    panel.form.comment.value = "A fine page."
    bring(state, "a.png")
    assert panel.form.comment.value == ""
    assert "what you wrote without a picture" in panel.drafts.value
    assert panel.turn.layout.display is None
    panel.turn.click()
    assert panel.form.comment.value == "A fine page."
    bring(state, "b.png")
    assert "b.png" in panel.heading.value, "a picture that comes is what feedback is about"
    panel.turn.click()
    send(state, panel)
    [record] = stored(state)
    assert (record.comment, record.picture_name) == ("A fine page.", "")
    panel.turn.click()
    assert "b.png" in panel.heading.value
    assert panel.turn.layout.display == "none", "nothing is left to be finished"


def test_a_removed_picture_takes_its_form_along_unless_something_is_written(
    state: AppState, panel: FeedbackPanel
) -> None:
    first, second = bring(state, "a.png"), bring(state, "b.png")
    untouched = panel.form
    state.remove(second[0].id)
    assert untouched.comm is None, "it is closed"
    panel.form.comment.value = "of a"
    state.remove(first[0].id)
    assert panel.form.comment.value == ""
    assert "about a.png" in panel.drafts.value
    bring(state, "a.png")
    assert panel.form.comment.value == "of a"


def test_a_hostile_name_is_shown_as_it_is(state: AppState, panel: FeedbackPanel) -> None:
    bring(state, "<img src=x onerror=alert(1)>.png")
    panel.form.comment.value = "unsent"
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in panel.heading.value
    bring(state, "b.png")
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in panel.drafts.value
    assert "<img" not in panel.heading.value + panel.drafts.value


def test_thanks_are_said_for_what_was_saved_only(state: AppState, panel: FeedbackPanel) -> None:
    panel.form.comment.value = "once"
    send(state, panel)
    assert SAVED in panel.form.message.value
    panel.form.comment.value = "twice"
    assert panel.form.message.value == ""
