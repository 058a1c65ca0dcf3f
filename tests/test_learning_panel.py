from collections.abc import Iterator

import pytest
from jupyter_client.session import json_packer

from imgcap.inference.adapter import CARD
from imgcap.inference.adopted import read_adopted
from imgcap.learning.registry import adopt, delete, kept_adapters
from imgcap.settings import Settings
from imgcap.widgets.learning import watch
from imgcap.widgets.learning.panel import LearningPanel
from imgcap.widgets.learning.words import NO_ADAPTER, NOT_BETTER, NOT_USED, spoken
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.kept_probes import kept_probe
from tests.learning_feedback import LABELS, NAME
from tests.learning_page import (
    SCRIPT,
    OpenPanel,
    judged,
    made_adapter,
    opened_panel,
    press,
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


def test_an_adapter_is_looked_at_adopted_and_taken_back(
    open_panel: OpenPanel, state: AppState, page_settings: Settings
) -> None:
    record = judged(page_settings, SCRIPT)
    changed = {"record": str(record.id), "before": LABELS[0], "after": SCRIPT, "right": SCRIPT}
    name = made_adapter(page_settings, changed=(changed,))
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
    open_panel: OpenPanel, state: AppState, page_settings: Settings
) -> None:
    name = made_adapter(page_settings, passed=False)
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
    open_panel: OpenPanel, state: AppState, page_settings: Settings
) -> None:
    name = made_adapter(page_settings)
    panel = open_panel()
    settled(panel)
    press(panel, "begin")
    delete(page_settings.adapters, name, page_settings.calibration)
    wait_until(lambda: "without anything learned" in panel.answers.value)
    assert state.engine.trying == {}


@pytest.mark.usefixtures("analyst")
def test_an_adapter_that_should_have_answered_and_did_not_is_told(
    open_panel: OpenPanel, state: AppState, page_settings: Settings
) -> None:
    made_adapter(page_settings)
    panel = open_panel()
    settled(panel)
    press(panel, "adopt")
    assert NOT_USED not in panel.answers.value, "as long as nothing was asked"
    bring(state, "cat.png")  # about which the engine says what the checkpoint says alone
    wait_until(lambda: NOT_USED in panel.answers.value)


def test_what_another_page_deleted_meanwhile_is_one_sentence(
    open_panel: OpenPanel, page_settings: Settings
) -> None:
    name = made_adapter(page_settings)
    panel = open_panel()
    settled(panel)
    for path in (page_settings.adapters / name).iterdir():
        path.unlink()
    press(panel, "begin")
    assert f"There is no adapter “{name}”." in panel.actions.message.value


@pytest.mark.usefixtures("analyst")
@pytest.mark.parametrize("also_before", [False, True])
@pytest.mark.parametrize("is_gone", [False, True])
def test_an_adopted_adapter_that_cannot_be_read_can_be_taken_back(
    open_panel: OpenPanel,
    state: AppState,
    page_settings: Settings,
    *,
    is_gone: bool,
    also_before: bool,
) -> None:
    bring(state, "cat.png")
    wait_until(lambda: list(state.statuses.values()) == ["done"])
    folder = page_settings.adapters
    before = kept_probe(folder, NAME).id if also_before else ""
    lost = kept_probe(folder, NAME).id
    for name in filter(None, (before, lost)):
        adopt(folder, name)
    card = folder / lost / CARD
    if is_gone:
        card.unlink()
    else:
        card.write_bytes(b"damaged")
    panel = open_panel()
    settled(panel)
    actions = panel.actions
    assert f"What {NAME} should answer with is damaged or gone" in actions.lost.value
    without = f"Labels come without what was learned {spoken(lost)}"
    wait_until(lambda: without in panel.answers.value)
    assert NOT_USED not in panel.answers.value, "of captions, which nothing was learned of"
    assert actions.rollback.layout.display == "none"
    assert ("is damaged or of a newer version" in panel.list.problems.value) != is_gone
    press(panel, "recover")
    assert read_adopted(folder).by(NAME) == before
    assert (actions.lost.value, actions.recover.layout.display) == ("", "none")
    assert "is taken back, in every open page" in actions.message.value
    wait_until(lambda: ("answers in every page" in panel.list.table.value) == also_before)


@pytest.mark.usefixtures("analyst")
def test_answers_are_asked_anew_when_another_adapter_answers(
    open_panel: OpenPanel, state: AppState, engine: HeldEngine, page_settings: Settings
) -> None:
    made_adapter(page_settings)
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
