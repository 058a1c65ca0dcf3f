from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psutil
import pytest
from jupyter_client.session import json_packer

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference.adapter import Adapter, AdapterCard
from imgcap.inference.adopted import read_adopted
from imgcap.inference.label_weights import Weights
from imgcap.learning.background import ENDED
from imgcap.learning.labels.evaluation import cross_validate
from imgcap.learning.registry import delete, keep_adapter, kept_adapters, new_id
from imgcap.settings import Settings
from imgcap.widgets.learning import watch
from imgcap.widgets.learning.figures import compared, gain_of, measured
from imgcap.widgets.learning.panel import ELSEWHERE, LearningPanel
from imgcap.widgets.learning.words import NO_ADAPTER, NOT_BETTER, NOT_USED, NOTHING
from imgcap.widgets.learning.work import CANCELLED
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.learning_examples import examples, vocabulary
from tests.learning_feedback import INVENTED, LABELS, NAME
from tests.pages import bring, wait_until
from tests.picture_files import encode, quarters

SCRIPT = "<script>alert(1)</script>"
Open = Callable[[], LearningPanel]


@pytest.fixture
def engine() -> HeldEngine:
    return HeldEngine(classifier=NAME)


@pytest.fixture
def open_panel(state: AppState, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Return a function that builds the panel, opens its fold and waits until all is counted."""
    monkeypatch.setattr(watch, "SECONDS", 0.02)

    def build() -> LearningPanel:
        panel = LearningPanel(state)
        panel.fold.button.set_state({"is_open": True})
        wait_until(lambda: panel.learner.count.value, "what waits is counted")
        return panel

    yield build
    state.closed = True


def judged(settings: Settings, right: str, *, keep: bool = True, **fields: Any) -> FeedbackRecord:
    folder = PictureFolder(settings.pictures)
    record = FeedbackRecord(
        rating=2,
        labels=LABELS,
        predictions=[{"label": LABELS[0], "score": 0.9}],
        corrected_label=right,
        picture_name=f"{SCRIPT}.png",
        picture_file=folder.keep(encode(quarters(), "PNG")) if keep else "",
        classifier=NAME,
        **fields,
    )
    open_store(settings).append(record)
    return record


def make_adapter(
    settings: Settings, *, passed: bool = True, changed: tuple[dict[str, str], ...] = ()
) -> str:
    figures = cross_validate("probe", examples(6), vocabulary()).as_dict()
    weights = Weights(
        (SCRIPT,),
        np.zeros((1, 4), np.float32),
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int64),
    )
    card = AdapterCard(
        id=new_id("probe"),
        kind="probe",
        checkpoint=NAME,
        labels=weights.labels,
        records=tuple({each["record"] for each in changed}),
        passed=passed,
        sentence="Because it is so.",
        figures=figures | {"changed": list(changed)},
        time=datetime.now(UTC),
    )
    keep_adapter(settings.adapters, Adapter(card, weights))
    return card.id


def settled(panel: LearningPanel) -> None:
    wait_until(lambda: not (panel._busy or panel._wanted or panel.actions._busy))


def press(panel: LearningPanel, name: str) -> None:
    button = getattr(panel.actions, name)
    assert not button.disabled
    assert button.layout.display is None
    button.click()
    settled(panel)


def test_a_closed_fold_costs_nothing(
    state: AppState, monkeypatch: pytest.MonkeyPatch, page_settings: Settings
) -> None:
    monkeypatch.setattr(
        "imgcap.widgets.learning.panel.find", lambda _: pytest.fail("it was counted")
    )
    make_adapter(page_settings)
    panel = LearningPanel(state)
    state.saved += 1
    assert panel.fold.body.children == ()
    assert panel.list.figure is None
    assert "without anything learned" in panel.answers.value
    state.closed = True


def test_without_feedback_it_says_what_to_do(open_panel: Open) -> None:
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
    open_panel: Open, state: AppState, page_settings: Settings
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
    open_panel: Open, state: AppState, page_settings: Settings
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


def test_an_adapter_is_looked_at_adopted_and_taken_back(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    record = judged(page_settings, SCRIPT)
    changed = {"record": str(record.id), "before": LABELS[0], "after": SCRIPT, "right": SCRIPT}
    name = make_adapter(page_settings, changed=(changed,))
    panel = open_panel()
    settled(panel)
    assert "Nothing new: 1 judged answer was learned from already" in panel.learner.count.value
    assert "may be used" in panel.list.table.value
    assert "Of corrected labels" in panel.list.measured.value
    assert "McNemar" in panel.list.measured.value
    wait_until(lambda: "Answers that changed" in panel.list.changes.value)
    assert panel.list.changes.value.count("data:image/jpeg;base64,") == 1
    assert "right now" in panel.list.changes.value
    for part in (panel.list.changes, panel.list.table):
        assert "<script" not in part.value
        json_packer(part.get_state())
    assert panel.list.figure is not None
    json_packer(panel.list.figure.get_state())
    assert panel.actions.rollback.disabled

    other = AppState(page_settings, state.engine)
    other_panel = LearningPanel(other)
    press(panel, "adopt")
    assert read_adopted(page_settings.adapters).by(NAME) == name
    wait_until(lambda: "answers in every page" in panel.list.table.value)
    assert "Labels come with what was learned" in panel.answers.value
    told = "Labels come with what was learned"
    wait_until(lambda: told in other_panel.answers.value, "others notice")
    assert panel.actions.adopt.disabled
    assert panel.actions.delete.disabled
    press(panel, "rollback")
    wait_until(lambda: "may be used" in panel.list.table.value)
    assert "without anything learned" in panel.answers.value
    assert state.adapters["classifier"].number == 2
    wait_until(lambda: "without anything learned" in other_panel.answers.value)
    other.close()


def test_what_did_not_pass_can_be_tried_on_one_page_and_deleted(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    name = make_adapter(page_settings, passed=False)
    panel = open_panel()
    settled(panel)
    assert panel.actions.adopt.disabled
    assert "Because it is so." in panel.actions.reason.value
    press(panel, "begin")
    assert state.engine.trying == {"classifier": name}
    assert f"on this page only. {NOT_BETTER}" in panel.answers.value
    wait_until(lambda: "tried on this page" in panel.list.table.value)
    assert read_adopted(page_settings.adapters).by(NAME) == ""
    assert panel.actions.delete.disabled

    assert "not among the labels" in panel.list.lacking.value
    panel.list.ask.click()
    assert state.labels[-1] == SCRIPT
    assert panel.list.lacking.value == ""

    press(panel, "stop")
    assert state.engine.trying == {}
    assert "without anything learned" in panel.answers.value
    press(panel, "delete")
    assert kept_adapters(page_settings.adapters)[0], "not before it is said twice"
    press(panel, "keep")
    press(panel, "delete")
    press(panel, "really")
    assert kept_adapters(page_settings.adapters) == ([], [])
    wait_until(lambda: NO_ADAPTER in panel.list.table.value)


def test_a_trial_ends_when_another_page_deletes_the_adapter(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    name = make_adapter(page_settings)
    panel = open_panel()
    settled(panel)
    press(panel, "begin")
    delete(page_settings.adapters, name, page_settings.calibration)
    wait_until(lambda: "without anything learned" in panel.answers.value)
    assert state.engine.trying == {}


@pytest.mark.usefixtures("analyst")
def test_an_adapter_that_should_have_answered_and_did_not_is_told(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    make_adapter(page_settings)
    panel = open_panel()
    settled(panel)
    press(panel, "adopt")
    assert NOT_USED not in panel.answers.value, "as long as nothing was asked"
    bring(state, "cat.png")  # about which the engine says what the checkpoint says alone
    wait_until(lambda: NOT_USED in panel.answers.value)


def test_what_another_page_deleted_meanwhile_is_one_sentence(
    open_panel: Open, page_settings: Settings
) -> None:
    name = make_adapter(page_settings)
    panel = open_panel()
    settled(panel)
    for path in (page_settings.adapters / name).iterdir():
        path.unlink()
    press(panel, "begin")
    assert f"There is no adapter “{name}”." in panel.actions.message.value


def test_corrected_captions_wait_for_a_way_of_their_own(
    open_panel: Open, page_settings: Settings
) -> None:
    fields = {"captioner": "fake-captioner", "caption": "a cat"}
    judged(page_settings, "", corrected_caption="A CAT.", **fields)
    judged(page_settings, "", corrected_caption="a tabby on a wall", **fields)
    panel = open_panel()
    assert "1 corrected caption waits to be learned from" in panel.learner.count.value
    assert panel.learner.learn.disabled, "labels are not taught by captions"
    panel.learner.method.value = "captions"
    assert not panel.learner.learn.disabled


def test_figures_of_captions_are_told_and_damaged_ones_are_not() -> None:
    measures = {"cider": 0.5, "f1": 0.25}
    gain = {"mean": 0.1, "low": -0.2, "high": 0.4}
    part = {"pictures": 12, "before": measures, "after": measures, "gain": gain}
    figures = {"everything": part, "corrected": part, "untouched": None}
    assert "<td>0.50 → 0.50</td>" in measured(figures)
    assert gain_of(figures) == "CIDEr +0.10 (-0.20 to +0.40)"
    assert compared(figures) == []
    for damaged in ({}, {"everything": 3}, figures | {"everything": {"before": measures}}):
        assert (measured(damaged), gain_of(damaged), compared(damaged)) == ("", "", [])


def test_where_a_service_answers_it_says_where_to_learn(
    page_settings: Settings, engine: HeldEngine
) -> None:
    settings = page_settings.model_copy(update={"engine": "http://127.0.0.1:9"})
    state = AppState(settings, engine)
    panel = LearningPanel(state)
    assert [ELSEWHERE in child.value for child in panel.children] == [False, True]
    state.close()


@pytest.mark.usefixtures("analyst")
def test_answers_are_asked_anew_when_another_adapter_answers(
    open_panel: Open, state: AppState, engine: HeldEngine, page_settings: Settings
) -> None:
    make_adapter(page_settings)
    panel = open_panel()
    settled(panel)
    bring(state, "cat.png")
    wait_until(lambda: list(state.statuses.values()) == ["done"])
    for turn, button in enumerate(("begin", "stop", "adopt", "rollback"), start=2):
        press(panel, button)
        wait_until(lambda: steps(engine).count("classify") == turn, button)  # noqa: B023
        wait_until(lambda: list(state.statuses.values()) == ["done"])
    assert steps(engine).count("caption") == 1, "captions come from another model"


def steps(engine: HeldEngine) -> list[str]:
    return [step for step, *_ in engine.done]
