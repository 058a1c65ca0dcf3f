"""The analyst answers each picture once, anew where the question changed, and ends well."""

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from imgcap.images import open_picture
from imgcap.inference import CaptionOptions, ClassifyOptions, ModelError
from imgcap.settings import Settings
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.outcomes import KEPT_OUTCOMES
from imgcap.widgets.state import AppState
from tests.fake_answers import captioned, scored
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until
from tests.questions import fits, is_done, steps


@pytest.mark.usefixtures("analyst")
def test_a_picture_is_answered(state: AppState) -> None:
    [cat] = bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    description = state.description
    assert description is not None
    assert (description.name, description.sha256) == ("cat.png", cat.id)
    assert (description.width, description.height) == (cat.width, cat.height)
    assert description.predictions == scored(cat.id, state.labels)
    assert description.caption == captioned(cat.id, state.caption_options)
    assert state.working == ""
    assert state.error == ""


def test_labels_are_shown_before_the_caption_is_there(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    engine.problems["caption"] = ModelError("No caption today.")
    [cat] = bring(state, "cat.png")
    wait_until(lambda: state.statuses[cat.id] == "No caption today.")
    assert state.description == analyst.description(cat.id)
    assert state.description is not None
    assert state.description.predictions
    assert state.description.captions is None


@pytest.mark.usefixtures("analyst")
def test_memory_is_given_back_once_when_nothing_follows(
    state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed: list[bool] = []
    monkeypatch.setattr("imgcap.widgets.analyst.trim", lambda: trimmed.append(is_done(state)))
    monkeypatch.setattr("imgcap.widgets.analyst._IDLE", 0.05)
    bring(state, "a.png")
    wait_until(lambda: bool(trimmed))
    state.labels = ("sea", "sand")
    wait_until(lambda: len(trimmed) > 1)
    time.sleep(0.3)
    assert trimmed == [True, True]


def test_every_picture_keeps_its_result_and_nothing_is_computed_twice(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    brought = bring(state, "a.png", "b.png", "c.png")
    wait_until(lambda: is_done(state))
    for shown in brought:
        state.selected = shown.id
        assert state.description is not None, "what is known is shown at once"
        assert fits(state, state.description)
        assert analyst.description(shown.id) == state.description
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    assert Counter(steps(engine.done)) == Counter(
        (step, shown.name) for shown in brought for step in ("classify", "caption")
    )


@pytest.mark.usefixtures("analyst")
def test_a_question_is_answered_anew_only_where_it_changed(
    state: AppState, engine: HeldEngine
) -> None:
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    before = state.labels

    def asked() -> list[tuple[str, str]]:
        wait_until(lambda: is_done(state))
        new, engine.done = steps(engine.done), []
        return new

    asked()
    state.labels = ("one", "two")
    assert asked() == [("classify", "a.png")]
    state.classify_options = ClassifyOptions(independent=True)
    assert asked() == [("classify", "a.png")]
    state.caption_options = CaptionOptions(num_beams=2)
    assert asked() == [("caption", "a.png")]
    state.top = 2
    state.classify_options = ClassifyOptions()
    state.labels = before
    state.caption_options = CaptionOptions()
    assert asked() == [], "earlier answers are known"
    assert state.description is not None
    assert fits(state, state.description)


@pytest.mark.usefixtures("analyst")
def test_answers_to_old_questions_do_not_pile_up(state: AppState, engine: HeldEngine) -> None:
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    questions = [(f"thing {n}", "other") for n in range(3 * KEPT_OUTCOMES)]

    def ask(labels: tuple[str, ...]) -> None:
        state.labels = labels
        wait_until(lambda: is_done(state))

    for labels in questions:
        ask(labels)
    assert [step for step, *_ in engine.done].count("caption") == 1, "what is wanted stays"
    engine.done.clear()
    for labels in questions[1 - KEPT_OUTCOMES :]:
        ask(labels)
    assert engine.done == [], "recent ones are known"
    ask(questions[0])
    assert steps(engine.done) == [("classify", "a.png")], "the first is long forgotten"


@pytest.mark.usefixtures("analyst")
def test_answers_go_with_their_picture(state: AppState, engine: HeldEngine) -> None:
    first, _ = bring(state, "a.png", "b.png")
    wait_until(lambda: is_done(state))
    engine.done.clear()
    state.remove(first.id)
    bring(state, "a.png")
    wait_until(lambda: is_done(state) and len(state.statuses) == 2)
    assert steps(engine.done) == [("classify", "a.png"), ("caption", "a.png")]


def test_a_closed_analyst_leaves_no_thread(state: AppState, engine: HeldEngine) -> None:
    analyst = Analyst(state)
    with engine.held():
        bring(state, "a.png")
        wait_until(lambda: engine.begun)
        analyst.close()
    assert not any(thread.name == "imgcap-analyst" for thread in threading.enumerate())


def test_the_embedded_models_answer_and_cancel(page_settings: Settings) -> None:
    state = AppState(page_settings)
    analyst = Analyst(state)
    try:
        for name in ("cat.jpg", "coffee.jpg"):
            file = Path(page_settings.data, "samples", name)
            state.add(state.shelf.put(file.read_bytes(), name))
        wait_until(lambda: state.working)
        analyst.cancel()
        wait_until(lambda: not state.working)
        analyst.retry()
        wait_until(lambda: is_done(state))
        cat = analyst.description(state.pictures[0].id)
        assert cat is not None
        assert cat.predictions[0].label == "a photo of a cat"
        assert {"cat", "kitten"} & set(cat.caption.split())
        expected = state.engine.classify(
            [open_picture(file.read_bytes(), "coffee.jpg")], state.labels
        )
        assert state.description is not None
        assert state.description.name == "coffee.jpg"
        assert state.description.predictions == expected[0].predictions
        assert {event.stage for event in state.models.values()} == {"ready"}
    finally:
        analyst.close()
        state.shelf.close()
