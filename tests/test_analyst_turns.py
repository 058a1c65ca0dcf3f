"""Whose turn it is: pictures that wait, are chosen, go, or are answered together."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from imgcap.edits import Edit
from imgcap.images import Picture
from imgcap.inference import CaptionOptions
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.state import AppState
from tests.fake_answers import captioned, scored
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until
from tests.questions import is_done, steps


@pytest.mark.usefixtures("analyst")
def test_the_picture_on_screen_is_answered_first(state: AppState, engine: HeldEngine) -> None:
    with engine.held():
        bring(state, "a.png")
        bring(state, "b.png", "c.png", select=False)
        wait_until(lambda: engine.begun)
        state.selected = state.pictures[2].id
        wait_until(lambda: engine.begun[-1][1] == "c.png")
    wait_until(lambda: is_done(state))
    assert [name for _, name in steps(engine.done)][:2] == ["c.png", "c.png"]


@pytest.mark.usefixtures("analyst")
def test_choosing_another_picture_preempts(state: AppState, engine: HeldEngine) -> None:
    first, second = bring(state, "a.png", "b.png")
    wait_until(lambda: is_done(state))
    state.selected = first.id
    with engine.held():
        state.labels = ("one", "two")
        wait_until(lambda: engine.begun[-1][1] == "a.png")
        state.selected = second.id
        wait_until(lambda: engine.begun[-1][1] == "b.png", "though nothing was answered")
        assert state.working == "Comparing b.png with the labels"
        assert state.statuses == {first.id: "waiting", second.id: "working"}
        assert state.description is not None
        assert state.description.classification is None, "the labels' answer is another's"
    wait_until(lambda: is_done(state))


def test_cancel_stops_at_once_and_keeps_what_there_is(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    first, second = bring(state, "a.png", "b.png")
    wait_until(lambda: is_done(state))
    answered = state.description
    with engine.held():
        state.caption_options = CaptionOptions(num_beams=1)
        wait_until(lambda: state.working)
        analyst.cancel()
        wait_until(lambda: not state.working, "the step was broken off while it was held")
    begun = len(engine.begun)
    assert state.statuses == {first.id: "waiting", second.id: "waiting"}
    assert state.description is not None
    assert answered is not None
    assert state.description.classification == answered.classification
    bring(state, "c.png", select=False)
    assert state.paused, "a picture that arrives in the background changes no one's mind"
    assert len(engine.begun) == begun
    analyst.retry()
    wait_until(lambda: is_done(state))
    assert not state.paused


@pytest.mark.parametrize("change", ["selected", "labels", "caption_options"])
def test_a_new_wish_ends_a_pause(
    state: AppState, engine: HeldEngine, analyst: Analyst, change: str
) -> None:
    with engine.held():
        first, _ = bring(state, "a.png", "b.png")
        wait_until(lambda: engine.begun)
        analyst.cancel()
        wait_until(lambda: not state.working)
    wishes = {
        "selected": first.id,
        "labels": ("one", "two"),
        "caption_options": CaptionOptions(num_beams=1),
    }
    setattr(state, change, wishes[change])
    wait_until(lambda: is_done(state))


@pytest.mark.usefixtures("analyst")
def test_labels_that_came_are_kept_when_another_caption_is_wanted(
    state: AppState, engine: HeldEngine
) -> None:
    with engine.held():
        [cat] = bring(state, "cat.png")
        engine.pass_one()
        wait_until(lambda: state.description is not None)
        assert state.description.predictions == scored(cat.id, state.labels)
        assert state.description.captions is None
        assert state.working == "Writing a caption for cat.png"
        state.caption_options = CaptionOptions(num_beams=1)
        wait_until(lambda: engine.broken_off)
    wait_until(lambda: is_done(state))
    assert steps(engine.done) == [("classify", "cat.png"), ("caption", "cat.png")]
    assert state.description.caption == captioned(cat.id, state.caption_options)


@pytest.mark.usefixtures("analyst")
def test_a_picture_brought_while_models_load_is_answered(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    with engine.held("load"):
        analyst.warm_up()
        wait_until(lambda: state.models["classifier"].stage == "load")
        [cat] = bring(state, "cat.png")
        assert state.statuses == {cat.id: "waiting"}
        assert engine.begun == []
    wait_until(lambda: is_done(state))
    assert {event.stage for event in state.models.values()} == {"ready"}


def test_a_waiting_picture_gets_its_labels_before_the_other_model_is_loaded(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    order: list[str] = []
    state.observe(
        lambda _: order.extend(
            f"{event.role} {event.stage}"
            for event in state.models.values()
            if event.stage == "load"
        ),
        "models",
    )
    state.observe(lambda change: change["new"] and order.append("answer"), "description")
    with engine.held("load"):
        analyst.warm_up()
        wait_until(lambda: order == ["classifier load"])
        bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    assert order[:3] == ["classifier load", "answer", "captioner load"]


@pytest.mark.usefixtures("analyst")
def test_a_picture_can_go_while_it_is_worked_on(state: AppState, engine: HeldEngine) -> None:
    with engine.held():
        [cat] = bring(state, "cat.png")
        wait_until(lambda: engine.begun)
        state.remove(cat.id)
        wait_until(lambda: engine.broken_off, "work that nobody wants")
        assert state.working == ""
        assert state.description is None
        assert state.statuses == {}
    assert engine.done == []
    bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    assert state.error == ""


@pytest.mark.usefixtures("analyst")
def test_a_picture_that_goes_before_it_is_opened_is_no_error(
    state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go, opening = threading.Event(), threading.Event(), state.shelf.open

    def slow(picture_id: str, edits: tuple[Edit, ...] = ()) -> Picture:
        asked.set()
        go.wait()
        return opening(picture_id, edits)

    monkeypatch.setattr(state.shelf, "open", slow)
    [cat] = bring(state, "cat.png")
    asked.wait()
    state.remove(cat.id)
    go.set()
    bring(state, "dog.png")
    wait_until(lambda: is_done(state))
    bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    assert state.error == ""


def batches(engine: HeldEngine, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Note which pictures the engine is asked about together."""
    noted: list[tuple[str, list[str]]] = []
    for step, answer in (("classify", engine.classify), ("caption", engine.caption)):

        def watched(
            pictures: list[Picture],
            *arguments: Any,
            step: str = step,
            real: Callable[..., Any] = answer,
            **options: Any,
        ) -> Any:
            noted.append((step, [picture.name for picture in pictures]))
            return real(pictures, *arguments, **options)

        monkeypatch.setattr(engine, step, watched)
    return noted


def test_where_nobody_waits_pictures_are_answered_together(
    state: AppState, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch, analyst: Analyst
) -> None:
    together = batches(engine, monkeypatch)
    names = [f"{number:02}.png" for number in range(20)]
    state.paused = True
    bring(state, *names, select=False)
    state.selected = state.pictures[5].id
    wait_until(lambda: is_done(state))
    assert together[:2] == [("classify", ["05.png"]), ("caption", ["05.png"])]
    others = [name for name in names if name != "05.png"]
    groups = [others[:8], others[8:16], others[16:]]
    assert together[2:] == [(step, group) for group in groups for step in ("classify", "caption")]
    for shown in state.pictures:
        description = analyst.description(shown.id)
        assert description is not None
        assert description.predictions == scored(shown.id, state.labels)
        assert description.caption == captioned(shown.id, state.caption_options)


def test_work_on_many_is_broken_off_for_the_picture_on_screen(
    state: AppState, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch, analyst: Analyst
) -> None:
    together = batches(engine, monkeypatch)
    with engine.held():
        bring(state, *(f"{number:02}.png" for number in range(20)), select=False)
        wait_until(lambda: together)
        state.selected = state.pictures[-1].id
        wait_until(lambda: engine.broken_off)
    wait_until(lambda: is_done(state))
    first = next(names for _, names in together if "19.png" in names)
    assert first == ["19.png"]
    assert Counter(steps(engine.done)).most_common(1)[0][1] == 1
    assert analyst.description(state.pictures[0].id) is not None
