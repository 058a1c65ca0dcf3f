from collections.abc import Iterator
from uuid import uuid4

import psutil
import pytest

from imgcap.feedback import FeedbackRecord, Query
from imgcap.learning.background import ENDED
from imgcap.learning.registry import delete, kept_adapters
from imgcap.settings import Settings
from imgcap.widgets.learning import watch
from imgcap.widgets.learning.panel import ELSEWHERE, LearningPanel
from imgcap.widgets.learning.words import NO_ADAPTER, NOTHING
from imgcap.widgets.learning.work import CANCELLED
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.kept_probes import kept_probe
from tests.learning_feedback import INVENTED, LABELS, NAME
from tests.learning_page import (
    OpenPanel,
    judged,
    made_adapter,
    opened_panel,
    settled,
)
from tests.pages import bring, wait_until


@pytest.fixture
def engine() -> HeldEngine:
    return HeldEngine(classifier=NAME)


@pytest.fixture
def open_panel(state: AppState, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPanel]:
    """Return a function that opens the panel, on a page that looks often who answers."""
    monkeypatch.setattr(watch, "SECONDS", 0.02)
    yield lambda: opened_panel(state)
    state.closed = True


def test_a_closed_fold_costs_nothing(
    state: AppState, monkeypatch: pytest.MonkeyPatch, page_settings: Settings
) -> None:
    monkeypatch.setattr(state.store, "iterate", lambda *_: pytest.fail("it was counted"))
    made_adapter(page_settings)
    panel = LearningPanel(state)
    state.saved += 1
    assert panel.fold.body.children == ()
    assert panel.list.figure is None
    assert "without anything learned" in panel.answers.value
    state.closed = True


def test_without_feedback_it_says_what_to_do(open_panel: OpenPanel) -> None:
    panel = open_panel()
    assert NOTHING in panel.learner.count.value
    assert panel.learner.learn.disabled
    assert NO_ADAPTER in panel.list.table.value
    assert panel.list.choice.layout.display == "none"
    assert all(
        button.layout.display == "none"
        for button in (panel.actions.adopt, panel.actions.begin, panel.actions.rollback)
    )


def test_what_waits_is_counted_and_follows_what_the_page_saves(
    open_panel: OpenPanel, state: AppState, page_settings: Settings
) -> None:
    judged(page_settings, LABELS[0])
    judged(page_settings, "", keep=True)
    judged(page_settings, LABELS[1], keep=False)
    judged(page_settings, LABELS[1], independent=True)
    panel = open_panel()
    said = panel.learner.count
    assert "1 confirmed label waits to be learned from" in said.value
    assert "1 judged answer cannot be learned from, because no picture was kept" in said.value
    assert "something is learned from mistakes" in said.value
    assert panel.learner.learn.disabled
    judged(page_settings, INVENTED)
    state.saved += 1
    wait_until(lambda: "1 correction and 1 confirmed label wait" in said.value)
    assert not panel.learner.learn.disabled


@pytest.mark.usefixtures("analyst")
def test_the_page_answers_while_it_learns_and_both_ways_to_stop_that_are_told(
    open_panel: OpenPanel, state: AppState, page_settings: Settings
) -> None:
    judged(page_settings, INVENTED)
    panel = open_panel()
    learner = panel.learner
    learner.learn.click()
    assert learner.learn.disabled
    assert learner.cancel.layout.display is None
    assert "Loading the models" in learner.message.value
    bring(state, "meanwhile.png")
    wait_until(lambda: list(state.statuses.values()) == ["done"])
    assert learner.cancel.layout.display is None, "it still learns"
    learner.cancel.click()
    wait_until(lambda: CANCELLED in learner.message.value)
    assert learner.cancel.layout.display == "none"

    learner.learn.click()
    for child in psutil.Process().children():
        child.kill()
    wait_until(lambda: ENDED in learner.message.value)
    assert 'role="alert"' in learner.message.value
    assert not learner.learn.disabled
    assert kept_adapters(page_settings.adapters) == ([], [])


def test_corrected_captions_wait_for_a_way_of_their_own(
    open_panel: OpenPanel, page_settings: Settings
) -> None:
    fields = {"captioner": "fake-captioner", "caption": "a cat"}
    judged(page_settings, "", corrected_caption="A CAT.", **fields)
    judged(page_settings, "", corrected_caption="a tabby on a wall", **fields)
    panel = open_panel()
    assert "1 corrected caption waits to be learned from" in panel.learner.count.value
    assert panel.learner.learn.disabled, "labels are not taught by captions"
    panel.learner.method.value = "captions"
    assert not panel.learner.learn.disabled


def test_where_a_service_answers_it_says_where_to_learn(
    page_settings: Settings, engine: HeldEngine
) -> None:
    settings = page_settings.model_copy(update={"engine": "http://127.0.0.1:9"})
    state = AppState(settings, engine)
    panel = LearningPanel(state)
    assert [ELSEWHERE in child.value for child in panel.children] == [False, True]
    state.close()


def test_what_is_saved_is_counted_without_reading_all_again_and_what_is_deleted_no_more(
    open_panel: OpenPanel,
    state: AppState,
    page_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, *_ = [judged(page_settings, INVENTED) for _ in range(3)]
    name = kept_probe(page_settings.adapters, NAME, records=(first.id, uuid4())).id
    panel = open_panel()
    settled(panel)
    said = panel.learner.count
    assert "2 corrections wait" in said.value
    assert "1 was deleted since" in panel.list.table.value
    asked: list[Query | None] = []
    iterate = state.store.iterate

    def noted(query: Query | None = None) -> Iterator[FeedbackRecord]:
        asked.append(query)
        return iterate(query)

    monkeypatch.setattr(state.store, "iterate", noted)
    for number, right in enumerate((LABELS[0], INVENTED), start=1):
        judged(page_settings, right)
        state.saved += 1
        settled(panel)
        assert len(asked) == number
        assert all(query and query.since for query in asked), "not from the first record on"
    assert "3 corrections and 1 confirmed label wait" in said.value
    assert "1 was deleted since" in panel.list.table.value

    state.store.delete([first.id])
    judged(page_settings, LABELS[0])
    state.saved += 1
    settled(panel)
    assert "3 corrections and 2 confirmed labels wait" in said.value
    assert "2 were deleted since" in panel.list.table.value
    delete(page_settings.adapters, name, page_settings.calibration)
    state.saved += 1
    settled(panel)
    assert NO_ADAPTER in panel.list.table.value
