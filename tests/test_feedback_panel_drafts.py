"""Each picture has its own form, whatever is on screen meanwhile."""

import pytest

from imgcap.widgets.feedback import FeedbackPanel
from imgcap.widgets.feedback_form import AGAIN, FIRST_RATING, SAVED
from imgcap.widgets.state import AppState
from tests.feedback_page import send, stored
from tests.pages import bring, wait_until


@pytest.fixture
def panel(state: AppState) -> FeedbackPanel:
    return FeedbackPanel(state)


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
