import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imgcap.edits import Edit
from imgcap.images import Picture, open_picture
from imgcap.inference import CaptionOptions, ClassifyOptions, Description, ModelError
from imgcap.settings import Settings
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.outcomes import KEPT_OUTCOMES
from imgcap.widgets.preview import PreviewPanel
from imgcap.widgets.result import ResultPanel
from imgcap.widgets.shelf import Shown
from imgcap.widgets.stage import Stage
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine, captioned, scored
from tests.pages import bring, wait_until


def fits(state: AppState, description: Description) -> bool:
    """Whether what is shown is the answer to the present question for the picture on screen."""
    shown = state.picture
    if shown is None or description.sha256 != shown.id or description.name != shown.name:
        return False
    classification, captions = description.classification, description.captions
    return (
        classification is None or classification.predictions == scored(shown.id, state.labels)
    ) and (captions is None or description.caption == captioned(shown.id, state.caption_options))


def is_done(state: AppState) -> bool:
    with state.lock:
        return bool(state.statuses) and set(state.statuses.values()) == {"done"}


def steps(calls: list[tuple[str, str, object]]) -> list[tuple[str, str]]:
    return [(step, name) for step, name, _ in calls]


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


@dataclass(frozen=True)
class Seen:
    """What the page was told to show at one moment."""

    picture: str
    preview: str
    alt: str
    answers: str

    def fits(self, pictures: list[Shown]) -> bool:
        """Whether all of it is about one picture."""
        owner = next(shown for shown in pictures if shown.id == self.picture)
        captions = re.findall("picture ([0-9a-f]{12}) by", self.alt + self.answers)
        return (
            f"<strong>{owner.name}</strong>" in self.preview
            and set(captions) <= {owner.id[:12]}
            and (bool(captions) or self.alt == owner.name)
        )


def watch(state: AppState, seen: list[Seen]) -> None:
    """Record all that the page is told to show, message by message."""
    PreviewPanel(state), ResultPanel(state)
    stage = Stage.of(state)
    send = stage.send_state

    def spy(key: object = None) -> None:
        send(key)
        if key and stage.picture_id:
            seen.append(Seen(stage.picture_id, stage.preview, stage.alt, stage.answers))

    stage.send_state = spy


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


@pytest.mark.usefixtures("analyst")
def test_an_expected_error_is_its_sentence_and_the_others_are_answered(
    state: AppState, engine: HeldEngine
) -> None:
    engine.problems["bad"] = ModelError("The model had a bad day.")
    bad, good = bring(state, "bad.png", "good.png")
    wait_until(lambda: state.statuses[good.id] == "done" and "day" in state.statuses[bad.id])
    assert state.statuses[bad.id] == "The model had a bad day.", "both steps said so, told once"
    assert not state.settings.log.read_text()
    state.selected = bad.id
    assert state.description is None


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


def test_of_those_that_are_answered_together_only_the_culprit_fails(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    engine.problems["caption 06.png"] = RuntimeError("a bug")
    bring(state, *(f"{number:02}.png" for number in range(12)))
    wait_until(lambda: not {"waiting", "working"} & set(state.statuses.values()))
    failed = [p.name for p in state.pictures if state.statuses[p.id] != "done"]
    assert failed == ["06.png"]
    engine.problems.clear()
    analyst.retry()
    wait_until(lambda: is_done(state))


def test_an_unexpected_error_is_logged_and_can_be_tried_again(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    engine.problems["classify bad"] = RuntimeError("<b>a bug</b>")
    bad, good = bring(state, "bad.png", "good.png")
    wait_until(lambda: state.statuses[good.id] == "done" and "unexpected" in state.statuses[bad.id])
    told = state.statuses[bad.id]
    assert "a bug" not in told
    assert state.settings.log.name in told
    logged = state.settings.log.read_text()
    assert "RuntimeError: <b>a bug</b>" in logged
    assert "Traceback" in logged
    engine.problems.clear()
    engine.done.clear()
    analyst.retry()
    wait_until(lambda: is_done(state))
    assert steps(engine.done) == [("classify", "bad.png")], "the caption was there already"


def test_models_that_fail_to_load_are_one_sentence_and_load_on_retry(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    engine.load_problems["classifier"] = ModelError("There is no such model here.")
    analyst.warm_up()
    wait_until(lambda: state.models["captioner"].stage == "ready", "the other one loads")
    assert state.models["classifier"].stage == "failed"
    assert state.error == "There is no such model here."
    [cat] = bring(state, "cat.png")
    wait_until(lambda: state.statuses[cat.id] == "There is no such model here.")
    assert state.description is not None
    assert state.description.caption
    engine.load_problems.clear()
    analyst.retry()
    assert state.error == ""
    wait_until(lambda: is_done(state))
    assert state.models["classifier"].stage == "ready"


def test_a_retry_loads_models_also_without_a_picture(
    state: AppState, engine: HeldEngine, analyst: Analyst
) -> None:
    engine.load_problems["captioner"] = ModelError("Not today.")
    analyst.warm_up()
    wait_until(lambda: state.error == "Not today.")
    engine.load_problems.clear()
    analyst.retry()
    wait_until(lambda: state.models["captioner"].stage == "ready")


def test_loading_can_be_cancelled(state: AppState, engine: HeldEngine, analyst: Analyst) -> None:
    with engine.held("load"):
        analyst.warm_up()
        wait_until(lambda: state.models["classifier"].stage == "load")
        analyst.cancel()
        wait_until(lambda: state.models["classifier"].stage == "failed")
    assert state.error == ""
    analyst.retry()
    wait_until(lambda: {event.stage for event in state.models.values()} == {"ready"})


@pytest.mark.usefixtures("analyst")
def test_the_thread_outlives_an_observer_that_raises(state: AppState) -> None:
    def stumble(_: object) -> None:
        raise RuntimeError("an observer's bug")

    state.observe(stumble, "working")
    bring(state, "a.png")
    wait_until(lambda: "unexpected" in state.error)
    state.unobserve(stumble, "working")
    [other] = bring(state, "b.png")
    wait_until(lambda: state.statuses.get(other.id) == "done")


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
