"""A caption's words on the page, while it is being written."""

import pytest

from imgcap.inference import CaptionOptions
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.outcomes import Job
from imgcap.widgets.result import ResultPanel
from imgcap.widgets.stage import Stage
from imgcap.widgets.state import AppState
from imgcap.widgets.written import PAUSE_S, Written
from tests.fake_answers import captioned
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until
from tests.questions import is_done

BEGINNING = "a <b>cat</b> on"


@pytest.fixture
def stage(state: AppState, analyst: Analyst) -> Stage:  # noqa: ARG001  # works
    return ResultPanel(state).stage


def test_words_are_shown_beside_the_labels_until_the_caption_is_there(
    state: AppState, engine: HeldEngine, stage: Stage
) -> None:
    with engine.held():
        bring(state, "cat.png")
        wait_until(lambda: engine.begun)
        engine.saying = "a"
        engine.pass_one()
        wait_until(lambda: stage.words == "a")
        assert "<table" in stage.answers, "the labels do not wait for the caption"
        assert "Writing a caption" in stage.answers, "as a screen reader says it"
        assert stage.scene.description.captions is None
        before = stage.answers
        engine.saying = BEGINNING
        wait_until(lambda: stage.words == BEGINNING)
        assert stage.answers == before, "only the words travel"
    wait_until(lambda: is_done(state))
    assert stage.words == ""
    assert captioned(state.selected, state.caption_options) in stage.answers
    assert "imgcap-writing" not in stage.answers


def test_labels_do_not_wait_for_a_captioner_that_loads(
    state: AppState, engine: HeldEngine, stage: Stage
) -> None:
    engine.load("classifier")
    with engine.held("load"):
        bring(state, "cat.png")
        wait_until(lambda: "<table" in stage.answers)
        wait_until(lambda: state.models["captioner"].stage == "load")
        assert "Writing a caption" in stage.answers
    wait_until(lambda: is_done(state))


def test_words_are_those_of_the_picture_on_screen(
    state: AppState, engine: HeldEngine, stage: Stage
) -> None:
    [first] = bring(state, "a.png")
    wait_until(lambda: is_done(state))
    with engine.held():
        bring(state, "b.png")
        engine.pass_one()
        engine.saying = BEGINNING
        wait_until(lambda: stage.words == BEGINNING)
        with state.lock:
            state.selected = first.id
            assert (stage.words, state.writing) == ("", "")


def test_after_cancel_there_is_no_half_caption(
    state: AppState, engine: HeldEngine, analyst: Analyst, stage: Stage
) -> None:
    with engine.held():
        bring(state, "a.png")
        engine.pass_one()
        engine.saying = BEGINNING
        wait_until(lambda: stage.words)
        analyst.cancel()
        wait_until(lambda: not state.working)
        assert stage.words == ""
        assert "imgcap-writing" not in stage.answers
        assert state.description is not None
        assert state.description.captions is None
        engine.saying = ""
        analyst.retry()
        wait_until(lambda: state.working)
        assert stage.words == "", "it begins anew"
    wait_until(lambda: is_done(state))


def test_an_old_caption_stays_until_the_new_one_is_whole(
    state: AppState, engine: HeldEngine, stage: Stage
) -> None:
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    with engine.held():
        engine.saying = BEGINNING
        state.caption_options = CaptionOptions(num_beams=1)
        wait_until(lambda: state.writing == BEGINNING)
        assert stage.words == ""
        assert "by 3 beams" in stage.answers


def test_words_come_a_few_times_a_second() -> None:
    now = 0.0
    written = Written(lambda: now)
    job = Job("caption", "a model", "a picture")
    told = []
    for number in range(101):
        now = number / 100
        if written.take(job, f"{number} words"):
            told.append(written.of(job))
    assert told[:2] == ["0 words", "10 words"]
    assert 9 <= len(told) <= 1 / PAUSE_S + 1
