"""The panel that prepares a picture: every tool, the way back, and what is said."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from imgcap.edits import AutoContrast, Brightness, Contrast, Crop, Edit, Flip, Resize, Rotate, Turn
from imgcap.edits.boxes import shaped
from imgcap.widgets import PreparePanel
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState
from tests.pages import bring, wait_until
from tests.wire import Wire

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def panel(state: AppState) -> PreparePanel:
    panel = PreparePanel(state)
    panel.fold.button.is_open = True
    return panel


@pytest.fixture
def shown(state: AppState, panel: PreparePanel) -> Shown:
    del panel
    [shown] = bring(state, f"{SCRIPT}.png")
    return shown


def settle(state: AppState, panel: PreparePanel) -> tuple[Edit, ...]:
    """Wait until the page shows what was done; return it."""
    wait_until(lambda: state.picture.edits == panel.history.present)
    return state.picture.edits


@pytest.mark.usefixtures("shown")
def test_a_slider_that_moves_on_meanwhile_is_not_set_back(
    state: AppState, panel: PreparePanel
) -> None:
    panel.turn.angle.value = 1.0
    settle(state, panel)
    with state.lock:
        moving = Thread(target=panel.turn.angle.set_trait, args=("value", 3.0))
        moving.start()
        wait_until(lambda: panel.turn.angle.value == 3.0)
        bring(state, "b.png", select=False)
    moving.join()
    assert settle(state, panel) == (Rotate(3.0),)


def test_nothing_is_built_before_the_panel_is_opened(state: AppState) -> None:
    panel = PreparePanel(state)
    bring(state, "a.png")
    assert panel.fold.body.children == ()
    panel.fold.button.is_open = True
    assert panel.tools.layout.display is None
    assert panel.crop.box.size == (48, 32)


def test_without_a_picture_it_says_what_it_is_for(state: AppState, panel: PreparePanel) -> None:
    assert panel.tools.layout.display == "none"
    assert "Bring a picture first" in panel.empty.value
    bring(state, "a.png")
    assert panel.tools.layout.display is None
    assert panel.empty.layout.display == "none"


@pytest.mark.parametrize(
    ("act", "edits"),
    [
        (lambda p: p.turn.buttons["Turn left"].click(), [Turn(3)]),
        (lambda p: p.turn.buttons["Turn right"].click(), [Turn(1)]),
        (lambda p: p.turn.buttons["Mirror"].click(), [Flip("horizontal")]),
        (lambda p: p.turn.buttons["Flip"].click(), [Flip("vertical")]),
        (lambda p: p.turn.angle.set_trait("value", 12.5), [Rotate(12.5)]),
        (lambda p: p.tone.sliders[Brightness].set_trait("value", 150), [Brightness(1.5)]),
        (lambda p: p.tone.sliders[Contrast].set_trait("value", 50), [Contrast(0.5)]),
        (lambda p: p.tone.automatic.click(), [AutoContrast()]),
        (lambda p: p.resize.button.click(), [Resize(48, 32, "fit")]),
    ],
)
@pytest.mark.usefixtures("shown")
def test_every_tool_edits_the_picture_and_can_be_undone(
    state: AppState, panel: PreparePanel, act: Callable[[PreparePanel], Any], edits: list[Edit]
) -> None:
    assert panel.undo.disabled
    act(panel)
    assert settle(state, panel) == tuple(edits)
    assert f"<li>{edits[0].words}</li>" in panel.done.value
    panel.undo.click()
    assert settle(state, panel) == ()
    assert "as it came" in panel.done.value
    assert (panel.turn.angle.value, panel.tone.sliders[Brightness].value) == (0, 100)
    panel.redo.click()
    assert settle(state, panel) == tuple(edits)
    panel.reset.click()
    assert settle(state, panel) == ()
    assert panel.reset.disabled


@pytest.mark.usefixtures("shown")
def test_the_box_and_its_numbers_are_one(state: AppState, panel: PreparePanel) -> None:
    crop = panel.crop
    assert [number.value for number in crop.numbers] == [0, 0, 48, 32]
    assert crop.button.disabled, "all of it is marked"
    crop.box.set_state({"box": [8, 4, 20, 10]})  # as the page sends it
    assert [number.value for number in crop.numbers] == [8, 4, 20, 10]
    crop.numbers[2].value = 30
    assert crop.box.box == (8, 4, 30, 10)
    crop.numbers[0].value = 40
    assert crop.box.box == (40, 4, 8, 10), "there is no more room"
    crop.button.click()
    assert settle(state, panel) == (Crop(40, 4, 8, 10),)
    assert crop.box.box == (0, 0, 8, 10)
    assert crop.box.size == (8, 10)


@pytest.mark.parametrize("box", [[-1, 0, 5, 5], [0, 0, 49, 5], [0, 0, 0, 5], ["x"], None])
@pytest.mark.usefixtures("shown")
def test_a_page_cannot_mark_what_is_not_there(panel: PreparePanel, box: object) -> None:
    panel.crop.box.set_state({"box": box, "size": [900, 900]})
    assert panel.crop.box.box == (0, 0, 48, 32)


@pytest.mark.usefixtures("shown")
def test_a_shape_is_kept_by_box_and_numbers(state: AppState, panel: PreparePanel) -> None:
    crop = panel.crop
    crop.ratio.value = "Square"
    assert crop.box.box == (8, 0, 32, 32)
    crop.numbers[2].value = 20
    assert crop.box.box[2:] == (20, 20)
    crop.numbers[3].value = 10
    assert crop.box.box[2:] == (10, 10)
    assert [number.value for number in crop.numbers][2:] == [10, 10]
    crop.ratio.value = "As it is"
    assert crop.box.ratio == 1.5
    wire = Wire(crop.box)
    wire.hears({"type": "enter"})
    [edit] = settle(state, panel)
    assert isinstance(edit, Crop)
    assert abs(edit.width / edit.height - 1.5) < 0.2


@pytest.mark.parametrize("ratio", [0.01, 0.75, 1, 16 / 9, 90])
def test_a_shaped_box_is_inside_and_of_that_shape(ratio: float) -> None:
    left, top, width, height = shaped((10, 20, 300, 200), ratio, (400, 300))
    assert left >= 10
    assert top >= 20
    assert left + width <= 310
    assert top + height <= 220
    assert abs(width - height * ratio) <= 1 + ratio


@pytest.mark.usefixtures("shown")
def test_keys_undo_and_redo(state: AppState, panel: PreparePanel) -> None:
    wire = Wire(panel.shortcuts)
    panel.turn.buttons["Turn left"].click()
    settle(state, panel)
    wire.hears({"type": "undo"})
    assert settle(state, panel) == ()
    wire.hears({"type": "redo"})
    assert settle(state, panel) == (Turn(3),)


def test_each_picture_has_its_own_way_back(state: AppState, panel: PreparePanel) -> None:
    first, second = bring(state, "a.png", "b.png")
    panel.tone.sliders[Brightness].value = 150
    settle(state, panel)
    state.selected = first.id
    assert panel.tone.sliders[Brightness].value == 100
    assert panel.undo.disabled
    panel.turn.buttons["Turn left"].click()
    settle(state, panel)
    state.selected = second.id
    assert panel.tone.sliders[Brightness].value == 150
    assert state.edits == {first.id: (Turn(3),), second.id: (Brightness(1.5),)}
    panel.undo.click()
    assert settle(state, panel) == ()
    assert state.edits[first.id] == (Turn(3),)


@pytest.mark.usefixtures("shown")
def test_what_cannot_be_done_is_said_and_leaves_all_as_it_was(
    state: AppState, panel: PreparePanel
) -> None:
    panel.turn.buttons["Turn left"].click()
    settle(state, panel)
    panel.resize.width.value = panel.resize.height.value = 60_000
    panel.resize.how.value = "stretch"
    panel.resize.button.click()
    wait_until(lambda: 'role="alert"' in panel.message.value)
    assert "The picture would have 60,000 x 60,000 pixels" in panel.message.value
    assert settle(state, panel) == (Turn(3),)
    assert panel.redo.disabled
    panel.undo.click()
    assert settle(state, panel) == ()


def test_what_it_was_before_is_shown_and_never_cropped(
    state: AppState, panel: PreparePanel, shown: Shown
) -> None:
    assert panel.before.disabled, "there is no before"
    panel.turn.buttons["Turn left"].click()
    settle(state, panel)
    after = panel.crop.box.picture
    panel.before.value = True
    wait_until(lambda: panel.crop.box.picture == shown.preview)
    assert panel.crop.box.is_plain
    assert panel.crop.box.size == (48, 32)
    panel.crop.numbers[2].value = 10
    panel.crop.crop()
    assert settle(state, panel) == (Turn(3),)
    panel.before.value = False
    assert (panel.crop.box.picture, panel.crop.box.is_plain) == (after, False)
    panel.before.value = True
    panel.turn.buttons["Turn left"].click()
    settle(state, panel)
    wait_until(lambda: not panel.before.value)
    assert not panel.crop.box.is_plain
