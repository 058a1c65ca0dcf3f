from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape

import pytest

from imgcap.inference import ClassifyOptions, ModelError
from imgcap.inference.calibration import Calibration
from imgcap.labels import ENSEMBLE_TEMPLATES
from imgcap.learning.confidence.calibrate import keep_calibration
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.confidence import AVERAGED, CANCELLED, NO_PICTURE, ConfidencePanel
from imgcap.widgets.question import QuestionPanel
from imgcap.widgets.state import AppState
from tests.fake_answers import commit_of
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def panel(state: AppState, analyst: Analyst) -> Iterator[ConfidencePanel]:  # noqa: ARG001  # works
    yield ConfidencePanel(state)
    state.closed = True


def unfold(panel: ConfidencePanel) -> None:
    panel.fold.button.set_state({"is_open": True})


def settle(panel: ConfidencePanel) -> None:
    wait_until(lambda: panel.table.value, "the prompts are compared")
    assert panel.again.layout.display == panel.cancel.layout.display == "none"


def asked(engine: HeldEngine) -> list[tuple[str, ...]]:
    return [question[1].templates for step, _, question in engine.done if step == "classify"]


def is_done(state: AppState) -> bool:
    return set(state.statuses.values()) == {"done"}


def test_nothing_is_asked_before_the_fold_is_opened(
    state: AppState, panel: ConfidencePanel, engine: HeldEngine
) -> None:
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    assert asked(engine) == [state.classify_options.templates]
    unfold(panel)
    settle(panel)
    assert asked(engine)[1:] == [*((each,) for each in ENSEMBLE_TEMPLATES), ENSEMBLE_TEMPLATES]


def test_every_prompt_has_a_row_and_the_one_in_use_is_marked(
    state: AppState, panel: ConfidencePanel
) -> None:
    state.classify_options = ClassifyOptions(templates=(f"{SCRIPT} {{}}",))
    state.labels = (SCRIPT, "cat", "dog", "cow")
    bring(state, "a.png")
    unfold(panel)
    settle(panel)
    shown = panel.table.value
    assert "<script" not in shown
    rows = shown.split("<tr>")[2:]
    names = [unescape(row.split(">")[1].split("<")[0]).strip() for row in rows]
    assert names == [f"{SCRIPT} {{}}", *ENSEMBLE_TEMPLATES, AVERAGED]
    assert ["in use" in row for row in rows] == [True, *[False] * 6]
    assert [row.count("<li>") for row in rows] == [3] * 7
    state.classify_options = ClassifyOptions(templates=ENSEMBLE_TEMPLATES)
    wait_until(lambda: panel.table.value.count("in use") == 1 and SCRIPT not in panel.table.value)
    settle(panel)
    assert "in use" in panel.table.value.split("<tr>")[-1]


def test_without_a_picture_it_says_what_to_do(panel: ConfidencePanel) -> None:
    unfold(panel)
    assert NO_PICTURE in panel.message.value
    assert "nothing was learned" in panel.calibration.value


def test_a_comparison_can_be_cancelled_and_taken_up(
    state: AppState, panel: ConfidencePanel, engine: HeldEngine
) -> None:
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    with engine.held():
        unfold(panel)
        wait_until(lambda: len(engine.begun) > 2)
        panel.cancel.click()
        assert CANCELLED in panel.message.value
        wait_until(lambda: engine.broken_off)
    assert panel.table.value == ""
    panel.again.click()
    settle(panel)
    assert AVERAGED in panel.table.value
    assert panel.message.value == ""


def test_a_failure_is_a_sentence(
    state: AppState, panel: ConfidencePanel, engine: HeldEngine
) -> None:
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    engine.problems["classify"] = ModelError("It <b>fell over</b>.")
    unfold(panel)
    wait_until(lambda: "alert" in panel.message.value)
    assert "&lt;b&gt;" in panel.message.value


def test_the_threshold_is_chosen_kept_by_other_options_and_given_back(
    state: AppState, panel: ConfidencePanel
) -> None:
    question = QuestionPanel(state)
    bring(state, "a.png")
    unfold(panel)
    assert panel.threshold.value == 0.1
    assert panel.learned.disabled
    assert state.classify_options.none_threshold is None
    panel.threshold.value = 0.35
    assert state.classify_options.none_threshold == 0.35
    question.independent.value = True
    assert state.classify_options == ClassifyOptions(independent=True, none_threshold=0.35)
    assert panel.threshold.value == 0.35
    panel.learned.click()
    assert state.classify_options.none_threshold is None
    assert panel.threshold.value == 0.1


def test_what_was_learned_is_said_and_is_the_default(
    state: AppState, panel: ConfidencePanel
) -> None:
    keep_calibration(
        state.settings.calibration,
        Calibration(
            checkpoint="fake-classifier",
            revision=commit_of("fake-classifier"),
            temperature=1.5,
            none_threshold=0.3,
            judged=57,
            time=datetime(2026, 5, 1, tzinfo=UTC),
        ),
    )
    bring(state, "a.png")
    wait_until(lambda: is_done(state))
    unfold(panel)
    assert "57 judged labels taught" in panel.calibration.value
    assert "temperature of 1.50" in panel.calibration.value
    assert panel.threshold.value == 0.3
    assert state.classify_options.none_threshold is None
