"""What is said of an answer is stored with it, once, as it was typed."""

import pytest
from PIL.PngImagePlugin import PngInfo

from imgcap.feedback.pictures import PictureFolder
from imgcap.images import open_picture
from imgcap.inference import ClassifyOptions
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.feedback import FeedbackPanel
from imgcap.widgets.feedback_form import FIRST_RATING, SAVED
from imgcap.widgets.state import AppState
from tests.fake_answers import commit_of
from tests.fakes import HeldEngine
from tests.feedback_page import PAYLOADS, SlowStore, send, stored
from tests.pages import bring, picture_file, wait_until
from tests.picture_files import encode, quarters


@pytest.fixture
def panel(state: AppState) -> FeedbackPanel:
    return FeedbackPanel(state)


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
