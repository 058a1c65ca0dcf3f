"""What the analyst makes of errors, and how its work is tried again."""

import pytest

from imgcap.inference import ModelError
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until
from tests.questions import is_done, steps


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
