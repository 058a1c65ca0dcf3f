"""What the page shows is always of the picture on screen and of its question."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from imgcap.inference import CaptionOptions, Description, ModelError
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.state import AppState
from tests.fake_answers import captioned
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until
from tests.questions import Seen, fits, is_done, watch


def test_switching_shows_all_of_the_new_at_once(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    seen: list[Seen] = []
    watch(state, seen)
    first, second = brought = bring(state, "a.png", "b.png")
    wait_until(lambda: is_done(state))
    seen.clear()
    state.selected = first.id
    assert len(seen) == 1, "one message"
    assert captioned(first.id, state.caption_options) in seen[0].answers
    assert "Writing" not in seen[0].answers
    with engine.held():
        [third] = bring(state, "c.png")
        wait_until(lambda: state.statuses[third.id] == "working")
        assert "imgcap-pending" in seen[-1].answers
        assert "by 3 beams" not in seen[-1].answers
    wait_until(lambda: is_done(state))
    state.remove(third.id)
    state.selected = second.id
    assert all(moment.fits([*brought, third]) for moment in seen)
    assert analyst.description(third.id) is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda state: state.set_trait("labels", ("one", "two")),
        lambda state: state.set_trait("caption_options", CaptionOptions(num_beams=1)),
        lambda state: state.set_trait("engine", HeldEngine("other", "another")),
    ],
    ids=["labels", "caption", "models"],
)
@pytest.mark.usefixtures("analyst")
def test_another_question_leaves_the_old_answer_until_there_is_a_new_one(
    state: AppState, engine: HeldEngine, ask: Callable[[AppState], object]
) -> None:
    seen: list[Seen] = []
    watch(state, seen)
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    seen.clear()
    with engine.held():
        ask(state)
        assert "data-old" in seen[0].answers
        assert 'aria-busy="true"' in seen[0].answers
    wait_until(lambda: is_done(state))
    for moment in seen:
        assert "imgcap-pending" not in moment.answers, "nothing is missing at any moment"
        assert all(part in moment.answers for part in ("This picture", "<table", "beam"))
        old, busy = ("data-old" in moment.answers, 'aria-busy="true"' in moment.answers)
        assert busy or not old
    assert "data-old" not in seen[-1].answers
    assert 'aria-busy="true"' not in seen[-1].answers


def test_an_old_answer_goes_when_no_new_one_comes(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    seen: list[Seen] = []
    watch(state, seen)
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    engine.problems["classify"] = ModelError("No labels today.")
    state.labels = ("one", "two")
    wait_until(lambda: "No labels today." in seen[-1].answers)
    assert "<table" not in seen[-1].answers
    engine.problems.clear()
    analyst.retry()
    wait_until(lambda: is_done(state))
    with engine.held():
        state.caption_options = CaptionOptions(num_beams=1)
        wait_until(lambda: state.working)
        analyst.cancel()
        wait_until(lambda: "Cancelled" in seen[-1].answers)
    assert "by 3 beams" not in seen[-1].answers
    assert "<table" in seen[-1].answers, "the labels were not asked anew"


def test_what_observers_see_is_one_state(state: AppState, engine: HeldEngine) -> None:
    analyst = Analyst(state)
    mixed: list[object] = []

    def look(_: object) -> None:
        known = state.description
        parts = (known.classification, known.captions) if known else (None, None)
        if (state.statuses.get(state.selected) == "done") != (None not in parts):
            mixed.append((state.description, state.statuses))

    state.observe(look, ["description", "statuses", "working"])
    bring(state, "a.png", "b.png")
    wait_until(lambda: is_done(state))
    state.labels = ("one", "two")
    wait_until(lambda: is_done(state))
    analyst.close()
    assert mixed == []
    assert engine.done


def fiddle(state: AppState, seed: int) -> None:
    """Change the picture on screen and the question, as a very nervous person would."""
    dice = random.Random(seed)  # noqa: S311  # no secret
    for _ in range(60):
        with state.lock:
            match dice.randrange(4):
                case 0:
                    lists = [("one", "two"), ("one", "three", "four"), ("five",)]
                    state.labels = dice.choice(lists)
                case 1:
                    state.caption_options = CaptionOptions(num_beams=dice.choice((1, 2)))
                case _:
                    state.selected = dice.choice(state.pictures).id
        time.sleep(dice.random() / 200)


@pytest.mark.usefixtures("analyst")
def test_no_result_is_ever_shown_for_another_picture_or_question(
    state: AppState, engine: HeldEngine
) -> None:
    brought = bring(state, *(f"{number}.png" for number in range(6)))
    mistakes: list[Description] = []
    shown: list[Description] = []

    def look(change: dict[str, Description | None]) -> None:
        description = change["new"]
        if description is not None:
            shown.append(description)
            if not fits(state, description):
                mistakes.append(description)

    state.observe(look, "description")
    pages: list[Seen] = []
    watch(state, pages)

    threads = [threading.Thread(target=fiddle, args=(state, seed)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: is_done(state))
    assert shown
    assert mistakes == []
    description = state.description
    assert description is not None
    assert fits(state, description)
    assert description.predictions
    assert description.caption
    assert pages
    for page in pages:
        assert page.fits(brought), page
    assert max(Counter(engine.done).values()) == 1, "nothing is answered twice"
    assert state.error == ""
