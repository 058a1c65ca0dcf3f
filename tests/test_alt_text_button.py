import io
from typing import Any

import pytest
from PIL import Image

from imgcap.edits import Turn
from imgcap.inference import Caption, Captions, Description
from imgcap.widgets.result import ResultPanel
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState
from tests.pages import bring, download, wait_until
from tests.picture_files import every_kind
from tests.wire import Wire


def captioned(shown: Shown, caption: str) -> Description:
    captions = Captions((Caption(caption, -0.1),), "y/blip", 12.0)
    return Description(shown.name, shown.id, shown.width, shown.height, captions=captions)


def show(state: AppState, shown: Shown, caption: str = "a cat") -> None:
    state.description = captioned(shown, caption)
    state.statuses = {state.selected: "done"}


def refusal(button: Any) -> str:
    """Press the button and return the sentence that the page shows beside it."""
    wire = Wire(button)
    wire.hears({"type": "make", "id": "1"})
    wait_until(lambda: wire.said, "it is refused")
    assert wire.said[-1]["type"] == "failed", wire.said[-1]
    return wire.said[-1]["sentence"]


@pytest.fixture
def panel(state: AppState) -> ResultPanel:
    return ResultPanel(state)


def test_the_caption_on_screen_is_written_into_the_file(
    state: AppState, panel: ResultPanel
) -> None:
    cat, dog = bring(state, "cat.png", "dog.png")
    show(state, dog, "a <b>dog</b>")
    copy = Image.open(io.BytesIO(download(panel.alt_text)))
    assert copy.getexif()[0x010E] == "a <b>dog</b>"
    assert copy.tobytes() == Image.open(io.BytesIO(state.shelf.read(dog.id))).tobytes()
    assert (panel.alt_text.file_name, panel.alt_text.mime) == ("dog.png", "image/png")
    state.selected = cat.id
    show(state, cat)
    assert Image.open(io.BytesIO(download(panel.alt_text))).getexif()[0x010E] == "a cat"


def test_it_is_offered_only_where_there_is_a_caption(state: AppState, panel: ResultPanel) -> None:
    assert panel.alt_text.layout.display == "none"
    assert "no caption" in refusal(panel.alt_text)
    [cat] = bring(state, "cat.png")
    show(state, cat)
    assert panel.alt_text.layout.display is None
    state.description = Description(cat.name, cat.id, cat.width, cat.height)
    assert panel.alt_text.layout.display == "none"


def test_a_gif_is_refused_in_a_sentence(state: AppState, panel: ResultPanel) -> None:
    shown = state.shelf.put(every_kind()["GIF"], "film.gif")
    state.add(shown)
    show(state, shown)
    assert refusal(panel.alt_text).startswith("“film.gif” is a GIF")
    assert state.error == ""


def test_the_caption_of_an_edited_picture_is_not_written_into_the_original(
    state: AppState, panel: ResultPanel
) -> None:
    [cat] = bring(state, "cat.png")
    state.edit(cat.id, (Turn(1),), pytest.fail)
    wait_until(lambda: state.picture.edits, "the edit is done")
    show(state, state.picture)
    assert "edited picture" in refusal(panel.alt_text)
    state.edit(cat.id, (), pytest.fail)
    wait_until(lambda: not state.picture.edits, "the edit is undone")
    show(state, state.picture)
    assert Image.open(io.BytesIO(download(panel.alt_text))).getexif()[0x010E] == "a cat"
