from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from imgcap.inference import Caption, CaptionOptions, Captions, ModelError
from imgcap.settings import Settings
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.captions import (
    CANCELLED,
    LOOKING,
    NO_LONGER,
    NO_OTHER,
    NO_SHORTER,
    ONLY_ONE,
    CaptionsPanel,
)
from imgcap.widgets.result import ResultPanel, result_json
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until

SCRIPT = "<script>alert(1)</script> a cat"
TEXTS = ("a cat", "a small cat", SCRIPT, "a cat on a mat in a house")


class WordyEngine(HeldEngine):
    """Knows several captions, and heeds their lengths in words."""

    texts: tuple[str, ...] = TEXTS

    def caption(
        self,
        pictures: Sequence[Any],
        options: CaptionOptions | None = None,
        **hooks: Any,
    ) -> list[Captions]:
        options = options or CaptionOptions()
        least, most = options.min_new_tokens, options.max_new_tokens
        known = [
            Caption(text, -0.1 * (place + 1), len(text.split()))
            for place, text in enumerate(self.texts)
            if least <= len(text.split()) < most
        ]
        cut = Caption("a cut", -0.9, most, finished=False)
        written = super().caption(pictures, options, **hooks)
        found = tuple([*known, cut][: options.num_captions])
        return [replace(each, captions=found) for each in written]


@pytest.fixture
def engine() -> WordyEngine:
    return WordyEngine()


@pytest.fixture
def panel(state: AppState, analyst: Analyst) -> Iterator[CaptionsPanel]:  # noqa: ARG001  # works
    panel = CaptionsPanel(state)
    bring(state, "a.png")
    settle(panel)
    yield panel
    state.closed = True


def settle(panel: CaptionsPanel) -> None:
    wait_until(lambda: not panel.another.disabled, "the caption is there and nothing is sought")


def caption(state: AppState) -> str:
    return state.description.caption if state.description else ""


def press(panel: CaptionsPanel, button: Any) -> None:
    button.click()
    settle(panel)


def unfold(panel: CaptionsPanel) -> None:
    panel.fold.button.set_state({"is_open": True})
    settle(panel)


def listed(panel: CaptionsPanel) -> list[str]:
    return [cells[0] for cells in panel.table.rows]


def test_another_gives_every_caption_once_and_then_says_that_there_is_none(
    state: AppState, panel: CaptionsPanel
) -> None:
    shown = [caption(state)]
    for _ in TEXTS[1:]:
        press(panel, panel.another)
        shown.append(caption(state))
        assert panel.message.value == ""
    assert sorted(shown) == sorted(TEXTS)
    press(panel, panel.another)
    assert NO_OTHER.format(4) in panel.message.value
    assert caption(state) == shown[-1]


def test_the_only_caption_stays_and_is_said_to_be_the_only_one(
    state: AppState, engine: WordyEngine
) -> None:
    engine.texts = ("a cat",)
    analyst = Analyst(state)
    panel = CaptionsPanel(state)
    bring(state, "a.png")
    settle(panel)
    press(panel, panel.another)
    assert ONLY_ONE in panel.message.value
    assert caption(state) == "a cat"
    analyst.close()


def test_longer_and_shorter_go_until_there_is_nothing_longer_or_shorter(
    state: AppState, panel: CaptionsPanel
) -> None:
    press(panel, panel.longer)
    assert caption(state) in {SCRIPT, TEXTS[3]}
    press(panel, panel.longer)
    press(panel, panel.longer)
    assert caption(state) == TEXTS[3]
    assert NO_LONGER in panel.message.value
    lengths = [len(caption(state))]
    while NO_SHORTER not in panel.message.value:
        press(panel, panel.shorter)
        lengths.append(len(caption(state)))
    assert lengths[:-1] == sorted(set(lengths), reverse=True)
    assert caption(state) == "a cat"


def test_the_list_shows_both_scores_and_a_choice_goes_everywhere(
    state: AppState, panel: CaptionsPanel
) -> None:
    result = ResultPanel(state)
    unfold(panel)
    assert sorted(listed(panel)) == sorted(TEXTS)
    assert listed(panel)[panel.table.chosen] == caption(state) == "a cat"
    row = panel.table.rows[listed(panel).index("a small cat")]
    assert row[2] == "82\xa0%"
    both = [float(cells[3].replace("−", "-")) for cells in panel.table.rows]
    assert float(row[3].replace("−", "-")) == pytest.approx(-0.2 + 2 * float(row[1]), abs=0.02)
    assert both == sorted(both, reverse=True)
    panel.table.set_state({"chosen": listed(panel).index(SCRIPT)})
    wait_until(lambda: caption(state) == SCRIPT)
    assert listed(panel)[panel.table.chosen] == SCRIPT
    assert result.copy_caption.text == SCRIPT
    assert "&lt;script&gt;" in result.stage.answers
    assert "<script" not in result.stage.answers
    assert state.description is not None
    assert b"alert(1)" in result_json(state.description)
    panel.table.set_state({"chosen": listed(panel).index("a cat")})
    wait_until(lambda: caption(state) == "a cat")


def test_the_list_is_sought_when_it_is_first_looked_at_and_for_each_picture(
    state: AppState, panel: CaptionsPanel, engine: WordyEngine
) -> None:
    before = len(engine.begun)
    unfold(panel)
    assert len(engine.begun) > before
    bring(state, "b.png")
    wait_until(lambda: ("embed", "b.png", None) in engine.done)
    settle(panel)
    assert sorted(listed(panel)) == sorted(TEXTS)


def test_a_choice_is_for_one_picture_and_one_question(
    state: AppState, panel: CaptionsPanel
) -> None:
    first = state.selected
    press(panel, panel.another)
    chosen = caption(state)
    bring(state, "b.png")
    wait_until(lambda: caption(state) == "a cat")
    state.selected = first
    wait_until(lambda: caption(state) == chosen)
    before = state.caption_options
    state.caption_options = CaptionOptions(num_beams=2)
    wait_until(lambda: caption(state) == "a cat")
    state.caption_options = before
    wait_until(lambda: caption(state) == chosen)
    state.remove(first)
    assert first not in state.wordings


def test_a_search_can_be_cancelled_and_begun_again(
    state: AppState, panel: CaptionsPanel, engine: WordyEngine
) -> None:
    with engine.held():
        panel.another.click()
        assert LOOKING in panel.message.value
        assert panel.longer.disabled
        assert panel.cancel.layout.display is None
        panel.cancel.click()
        assert CANCELLED in panel.message.value
        assert panel.cancel.layout.display == "none"
        wait_until(lambda: engine.broken_off)
    settle(panel)
    assert caption(state) == "a cat"
    press(panel, panel.another)
    assert caption(state) != "a cat"


def test_what_is_found_for_a_picture_that_has_gone_is_dropped(
    state: AppState, panel: CaptionsPanel, engine: WordyEngine
) -> None:
    with engine.held():
        panel.another.click()
        state.remove(state.selected)
        wait_until(lambda: engine.broken_off)
    assert state.error == ""
    assert state.wordings == {}
    assert panel.message.value == ""
    assert panel.another.disabled


def test_a_failure_is_a_sentence_beside_the_buttons(
    state: AppState, panel: CaptionsPanel, engine: WordyEngine
) -> None:
    engine.problems["embed"] = ModelError("The classifier <b>fell over</b>.")
    press(panel, panel.another)
    assert 'role="alert"' in panel.message.value
    assert "&lt;b&gt;fell over" in panel.message.value
    assert caption(state) == "a cat"
    unfold(panel)
    assert 'role="alert"' in panel.message.value
    engine.problems.clear()
    press(panel, panel.another)
    assert caption(state) != "a cat"


def test_without_a_picture_there_is_nothing_to_press(page_settings: Settings) -> None:
    panel = CaptionsPanel(AppState(page_settings, HeldEngine()))
    assert all(each.disabled for each in (panel.shorter, panel.longer, panel.another))
    unfold_only = panel.fold.button
    unfold_only.set_state({"is_open": True})
    assert panel.table.rows == []
    assert panel.table.layout.display == "none"
