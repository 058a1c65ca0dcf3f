from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from imgcap.widgets import upload
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState
from imgcap.widgets.upload import MOST_REFUSALS, UploadPanel, strip_status
from tests.pages import bring, picture_file, wait_until
from tests.test_browser_widgets import Wire

PAYLOAD = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def panel(state: AppState) -> UploadPanel:
    return UploadPanel(state)


@contextmanager
def all_at_once(panel: UploadPanel) -> Iterator[None]:
    """Let files of the block arrive together, however long that takes."""
    with panel._state.lock:
        yield


def names(state: AppState) -> list[str]:
    return [shown.name for shown in state.pictures]


def upload_file(panel: UploadPanel, data: bytes, name: str) -> dict[str, Any]:
    """Send a file as the browser does."""
    wire = Wire(panel.zone)
    wire.hears({"type": "offer", "id": "1", "name": name, "size": len(data)})
    return wire.hears({"type": "chunk", "id": "1", "offset": 0}, data)


def test_an_uploaded_file_comes_on_screen_and_into_the_strip(
    state: AppState, panel: UploadPanel
) -> None:
    assert panel.strip.layout.display == "none"
    assert upload_file(panel, picture_file("cat"), PAYLOAD)["type"] == "done"
    wait_until(lambda: state.picture)
    assert names(state) == [PAYLOAD], "shown as text, never as markup"
    [item] = panel.strip.items
    assert (item["id"], item["name"]) == (state.selected, PAYLOAD)
    assert panel.strip.selected == state.selected
    assert panel.strip.layout.display is None


def test_files_wait_their_turn_and_the_first_comes_on_screen(
    state: AppState, panel: UploadPanel
) -> None:
    with all_at_once(panel):
        for name in ("a.png", "b.png", "c.png"):
            panel.take(picture_file(name), name)
    wait_until(lambda: len(state.pictures) == 3)
    assert names(state) == ["a.png", "b.png", "c.png"]
    assert state.picture is not None
    assert state.picture.name == "a.png"


def test_a_later_file_comes_on_screen_again(
    state: AppState, panel: UploadPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "TOGETHER", -1.0)
    for name in ("a.png", "b.png", "a.png"):
        panel.take(picture_file(name), name)
        wait_until(lambda: not panel._waiting)
        assert state.picture is not None
        assert state.picture.name == name
    assert names(state) == ["a.png", "b.png"], "the same file is one picture"


def test_refused_files_are_named_and_leave_nothing_behind(
    state: AppState, panel: UploadPanel
) -> None:
    with all_at_once(panel):
        panel.take(b"no picture", PAYLOAD)
        for number in range(MOST_REFUSALS):
            panel.take(b"no picture", f"{number}.txt")
        panel.take(picture_file("good"), "good.png")
    wait_until(lambda: state.picture)
    told = panel.message.value
    assert "&lt;img src=x onerror=alert(1)&gt;.png” is not a JPEG, PNG, WebP or GIF" in told
    assert "<img" not in told
    assert "“1.txt” is not" in told
    assert "1 more file was refused." in told
    assert names(state) == ["good.png"]
    folder = state.shelf.spool(b"").parent
    wait_until(lambda: {state.selected} <= {path.name for path in folder.iterdir()})
    assert len(list(folder.iterdir())) == 2, "the picture, and what this test has put there"
    assert state.error == ""
    assert state.settings.log.read_text() == ""


def test_the_refusals_of_before_are_forgotten(
    state: AppState, panel: UploadPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "TOGETHER", -1.0)
    panel.take(b"no picture", "a.txt")
    wait_until(lambda: panel.message.value)
    panel.take(picture_file("good"), "good.png")
    wait_until(lambda: state.picture)
    assert panel.message.value == ""


def test_a_bug_while_decoding_is_a_sentence_and_the_next_file_is_taken(
    state: AppState, panel: UploadPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> Shown:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(state.shelf, "put", stumble)
        panel.take(picture_file("a"), "a.png")
        wait_until(lambda: "unexpected" in panel.message.value)
    assert "RuntimeError: a bug" in state.settings.log.read_text()
    panel.take(picture_file("b"), "b.png")
    wait_until(lambda: names(state) == ["b.png"])


def test_samples_are_clicked_one_after_the_other(state: AppState, panel: UploadPanel) -> None:
    assert [item["name"] for item in panel.samples.items][:2] == ["astronaut", "cat"]
    for name in ("cat.jpg", "coffee.jpg", "cat.jpg"):
        panel.samples.set_state({"selected": name})
        wait_until(lambda: not panel._waiting)
        assert state.picture is not None
        assert state.picture.name == name, "a person who clicks wants to see it, however quickly"
    assert names(state) == ["cat.jpg", "coffee.jpg"]
    assert panel.samples.selected == ""


def test_a_thumbnail_is_selected_in_the_page_and_by_the_state(
    state: AppState, panel: UploadPanel
) -> None:
    first, second = bring(state, "a.png", "b.png")
    panel.strip.set_state({"selected": first.id})
    assert state.selected == first.id
    state.selected = second.id
    assert panel.strip.selected == second.id
    panel.strip.set_state({"selected": "no such picture"})
    assert state.selected == panel.strip.selected == second.id


def test_a_thumbnail_that_is_removed_is_gone(state: AppState, panel: UploadPanel) -> None:
    first, second = bring(state, "a.png", "b.png")
    Wire(panel.strip).hears({"type": "remove", "id": second.id})
    assert names(state) == ["a.png"]
    assert panel.strip.selected == first.id
    with pytest.raises(KeyError):
        state.shelf.open(second.id)
    Wire(panel.strip).hears({"type": "remove", "id": first.id})
    assert panel.strip.layout.display == "none"
    assert (state.selected, panel.strip.selected) == ("", "")


def test_thumbnails_say_how_far_they_are(state: AppState, panel: UploadPanel) -> None:
    first, second = bring(state, "a.png", "b.png")
    state.statuses = {first.id: "done", second.id: "It failed."}
    assert [item["status"] for item in panel.strip.items] == ["done", "failed"]
    assert [strip_status(status) for status in ("waiting", "working")] == ["waiting", "working"]
