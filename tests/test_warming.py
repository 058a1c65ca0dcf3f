"""What a page does for its first answers while nobody waits for any."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imgcap.inference import ClassifyOptions, ModelError
from imgcap.inference.local import LocalEngine
from imgcap.settings import Settings
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.state import AppState
from imgcap.widgets.warming import Warming
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until
from tests.picture_files import quarters
from tests.questions import is_done, steps

OpenPage = Callable[..., tuple[AppState, HeldEngine]]
BOTH = [("classify", ""), ("caption", "")]


@pytest.fixture
def page(page_settings: Settings) -> Iterator[OpenPage]:
    """Return a function that opens a page with other settings and an engine of its own."""
    opened: list[tuple[AppState, Analyst]] = []

    def open_page(**changes: Any) -> tuple[AppState, HeldEngine]:
        engine = HeldEngine()
        state = AppState(page_settings.model_copy(update=changes), engine)
        engine.listener = state.tell_model
        opened.append((state, Analyst(state)))
        opened[-1][1].warm_up()
        return state, engine

    yield open_page
    for state, analyst in opened:
        analyst.close()
        state.close()


def is_still(engine: HeldEngine) -> bool:
    """Whether nothing more is begun for a while."""
    count = len(engine.begun)
    threading.Event().wait(0.05)
    return len(engine.begun) == count


def test_each_model_answers_once_before_there_is_a_picture(page: OpenPage) -> None:
    state, engine = page()
    wait_until(lambda: steps(engine.done) == BOTH)
    assert {event.stage for event in state.models.values()} == {"ready"}
    assert engine.done[0][2] == (state.labels, state.classify_options), "the chosen question"
    assert is_still(engine)
    assert (state.working, state.writing, state.statuses, state.error) == ("", "", {}, "")
    [cat] = bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    assert is_still(engine), "what has answered is warm"
    assert steps(engine.done[2:]) == [("classify", cat.name), ("caption", cat.name)]


def test_the_labels_that_are_chosen_are_embedded_before_there_is_a_picture(page: OpenPage) -> None:
    state, engine = page()
    wait_until(lambda: steps(engine.done) == BOTH)
    state.labels = ("one", "two")
    wait_until(lambda: len(engine.done) == 3)
    assert engine.done[2] == ("classify", "", (("one", "two"), ClassifyOptions()))
    bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    engine.done.clear()
    state.labels = ("three", "four")
    wait_until(lambda: is_done(state) and engine.done)
    assert is_still(engine)
    assert steps(engine.done) == [("classify", "cat.png")], "where there is one, it is asked about"


def test_a_picture_does_not_wait_for_it(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    with engine.held():
        analyst.warm_up()
        wait_until(lambda: engine.begun)
        bring(state, "cat.png")
        wait_until(lambda: len(engine.begun) > 1, "though nothing was answered")
        assert steps(engine.begun) == [("classify", ""), ("classify", "cat.png")]
    wait_until(lambda: is_done(state))
    assert is_still(engine)
    assert steps(engine.done) == [("classify", "cat.png"), ("caption", "cat.png")]


def test_other_models_are_readied_as_well(page: OpenPage) -> None:
    state, engine = page()
    with engine.held():
        wait_until(lambda: engine.begun)
        state.engine = other = HeldEngine("other", "another", state.tell_model)
        wait_until(lambda: steps(other.done) == BOTH)
    assert engine.done == []
    assert state.error == ""


def test_a_page_that_closes_does_not_wait_for_it(state: AppState, engine: HeldEngine) -> None:
    analyst = Analyst(state)
    with engine.held():
        analyst.warm_up()
        wait_until(lambda: engine.begun)
        analyst.close()
    assert engine.broken_off == 1
    assert engine.done == []


def test_after_cancel_it_waits_for_the_next_wish(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    with engine.held():
        analyst.warm_up()
        wait_until(lambda: engine.begun)
        analyst.cancel()
        wait_until(lambda: engine.broken_off)
    assert is_still(engine)
    state.labels = ("one", "two")
    wait_until(lambda: steps(engine.done) == BOTH)


def test_what_fails_is_told_once_and_the_other_model_is_readied(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    engine.problems["classify"] = ModelError("Not today.")
    analyst.warm_up()
    wait_until(lambda: steps(engine.done) == BOTH[1:])
    assert state.error == "Not today."
    state.error = ""
    assert is_still(engine)
    assert state.error == ""


def test_it_can_be_switched_off(page: OpenPage) -> None:
    state, engine = page(warm_up=False)
    assert is_still(engine)
    assert {event.stage for event in state.models.values()} == {"waiting"}
    bring(state, "cat.png")
    wait_until(lambda: is_done(state))


def test_nothing_is_downloaded_for_it(page: OpenPage, empty_hub: Path) -> None:
    state, engine = page(captioner="Salesforce/blip-image-captioning-base")
    wait_until(lambda: steps(engine.done) == BOTH[:1])
    assert is_still(engine)
    assert state.models["captioner"].stage == "waiting"
    assert not empty_hub.exists()


def test_the_models_of_a_service_are_loaded_but_not_asked(page: OpenPage) -> None:
    state, engine = page(engine="http://127.0.0.1:9")
    wait_until(lambda: {event.stage for event in state.models.values()} == {"ready"})
    assert is_still(engine)
    assert engine.begun == []


def test_the_first_picture_then_embeds_no_label(page_settings: Settings) -> None:
    state = AppState(page_settings)
    engine = state.engine
    assert isinstance(engine, LocalEngine)
    warming = Warming(state)
    warming.begin()
    while role := warming.next():
        warming.run(role, engine, lambda: False, lambda: False)
    texts: list[object] = []
    model = engine._loaders["classifier"].get().model
    model.text_model.register_forward_hook(lambda *_: texts.append(1))
    engine.classify([quarters()], state.labels, state.classify_options)
    assert not texts
    engine.classify([quarters()], ["another label"])
    assert texts
    state.close()
