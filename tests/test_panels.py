"""The small panels: status, page, guide, and the elements that all are made of."""

import pytest

from imgcap.images import PictureError
from imgcap.inference import ModelError, ModelEvent
from imgcap.widgets import Analyst, Columns, Guide, Page, StatusPanel
from imgcap.widgets.elements import Card, Message
from imgcap.widgets.state import AppState
from imgcap.widgets.status import loading_sentence
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until

SCRIPT = "<script>alert(1)</script>"
HALF = "half \ud83d an emoji"


@pytest.fixture
def panel(state: AppState, analyst: Analyst) -> StatusPanel:
    return StatusPanel(state, analyst)


def shown(widget: object) -> bool:
    return widget.layout.display != "none"


def test_nothing_to_do(state: AppState, engine: HeldEngine, panel: StatusPanel) -> None:
    assert "The models load when they are first needed." in panel.line.value
    engine.load()
    assert "Ready." in panel.line.value
    assert not any(map(shown, (panel.progress, panel.cancel, panel.retry, panel.trouble)))
    assert state.error == ""


def test_loading_is_told_with_its_progress(state: AppState, panel: StatusPanel) -> None:
    download = ModelEvent("classifier", f"x/{SCRIPT}", "download", 150_000_000, 600_000_000)
    state.models = {**state.models, "classifier": download}
    assert "x/&lt;script&gt;" in panel.line.value
    assert ": 150 of 600 MB …" in panel.line.value
    assert "<script" not in panel.line.value
    assert 'value="0.250"' in panel.progress.value
    assert shown(panel.progress)
    assert shown(panel.cancel)
    state.models = {**state.models, "classifier": ModelEvent("classifier", "x/y", "load")}
    assert "Loading x/y …" in panel.line.value
    assert "value=" not in panel.progress.value, "nobody knows how long it takes"
    state.models = {**state.models, "classifier": ModelEvent("classifier", "x/y", "convert")}
    assert "Making x/y ready for this machine, once …" in panel.line.value
    assert shown(panel.cancel)


def test_work_is_told_and_can_be_cancelled_and_taken_up_again(
    state: AppState, engine: HeldEngine, panel: StatusPanel
) -> None:
    engine.load()
    with engine.held():
        bring(state, f"{SCRIPT}.png", "b.png")
        wait_until(lambda: state.working == "Comparing b.png with the labels")
        assert "Comparing b.png with the labels (1 of 2) …" in panel.line.value
        assert shown(panel.cancel)
        assert not shown(panel.retry)
        with state.lock:  # so that the step cannot end before one has looked
            panel.cancel.click()
            assert "Stopping after this step …" in panel.line.value
            assert not shown(panel.cancel)
        wait_until(lambda: not state.working)
        assert "Cancelled; what was answered so far is kept." in panel.line.value
        assert not shown(panel.cancel)
        assert shown(panel.retry)
        state.selected = state.pictures[0].id
        wait_until(lambda: state.working)
        assert "<script" not in panel.line.value
    wait_until(lambda: set(state.statuses.values()) == {"done"})
    assert "Ready." in panel.line.value
    assert 'value="1.000"' in panel.progress.value
    assert not shown(panel.retry)


def test_what_failed_can_be_tried_again(
    state: AppState, engine: HeldEngine, panel: StatusPanel
) -> None:
    engine.problems["bad"] = ModelError("No.")
    [bad] = bring(state, "bad.png")
    wait_until(lambda: state.statuses[bad.id] == "No.")
    wait_until(lambda: shown(panel.retry))
    engine.problems.clear()
    panel.retry.click()
    wait_until(lambda: state.statuses[bad.id] == "done")
    assert not shown(panel.retry)


def test_models_that_failed_can_be_tried_again_before_there_is_a_picture(
    state: AppState, engine: HeldEngine, analyst: Analyst, panel: StatusPanel
) -> None:
    engine.load_problems["classifier"] = ModelError(f"It is {SCRIPT}.")
    analyst.warm_up()
    wait_until(lambda: state.models["captioner"].stage == "ready")
    assert "Not every model answers." in panel.line.value
    assert "It is &lt;script&gt;" in panel.error.value
    assert shown(panel.retry)
    engine.load_problems.clear()
    panel.retry.click()
    wait_until(lambda: "Ready." in panel.line.value)
    assert not shown(panel.trouble)


def test_an_error_stays_until_it_is_dismissed(state: AppState, panel: StatusPanel) -> None:
    state.report(PictureError(f"“{SCRIPT}” is no picture. {HALF}"))
    assert "“&lt;script&gt;alert(1)&lt;/script&gt;” is no picture." in panel.error.value
    panel.error.value.encode()
    assert shown(panel.trouble)
    panel.dismiss.click()
    assert state.error == ""
    assert not shown(panel.trouble)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (ModelEvent("captioner", "x", "waiting"), ""),
        (ModelEvent("captioner", "x", "ready"), "x is ready."),
        (ModelEvent("captioner", "x", "failed", message="It is gone."), "It is gone."),
        (ModelEvent("captioner", "x", "download", 5_000_000), "Downloading x: 5 MB …"),
    ],
)
def test_every_loading_step_has_its_sentence(event: ModelEvent, sentence: str) -> None:
    assert loading_sentence(event) == sentence


def test_messages_are_text() -> None:
    message = Message()
    for say in (message.tell, message.warn):
        say(f"{SCRIPT} {HALF}")
        assert "&lt;script&gt;alert(1)&lt;/script&gt; half ? an emoji" in message.value
        say("")
        assert message.value == ""


def test_the_heading_of_a_card_is_text() -> None:
    card = Card("Salt & <b>pepper</b>")
    card.fill()
    assert card.children[0].value == "<h2>Salt &amp; &lt;b&gt;pepper&lt;/b&gt;</h2>"


def test_the_guide_has_six_steps_and_is_folded() -> None:
    guide = Guide()
    assert guide.body.children[0].value.count("<li>") == 6
    assert not guide.button.is_open


def test_the_page_tells_which_theme_the_visitor_prefers(state: AppState) -> None:
    page = Page(state, Columns())
    assert page.children[0].value.startswith("<style>")
    script = page.children[1]
    script.set_state({"dark": True})
    assert state.dark
