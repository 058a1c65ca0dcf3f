import json
from collections.abc import Sequence
from typing import Any

import pytest

from imgcap.widgets.shelf import Shelf, Shown
from imgcap.widgets.state import AppState
from imgcap.widgets.upload import UploadPanel, strip_status
from tests.pages import bring, picture_file, wait_until
from tests.wire import Wire

PAYLOAD = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def panel(state: AppState) -> UploadPanel:
    return UploadPanel(state)


def names(state: AppState) -> list[str]:
    return [shown.name for shown in state.pictures]


class Visitor:
    """Sends files as the browser does, and hears what became of them."""

    def __init__(self, panel: UploadPanel) -> None:
        self._wire = Wire(panel.zone)

    def send(self, data: bytes, name: str, *, first: bool = True) -> dict[str, Any]:
        """Send a file and return the last word on it."""
        key = str(len(self._wire.said))
        offer = {"type": "offer", "id": key, "name": name, "size": len(data), "first": first}
        self._wire.hears(offer)
        self._wire.hears({"type": "chunk", "id": key, "offset": 0}, data)
        wait_until(lambda: self._wire.said[-1]["type"] in ("done", "refused"))
        return self._wire.said[-1]

    def bring(self, *names: str, second: str = "") -> list[str]:
        """Send what a person brings at once; return the sentences about what was refused.

        A name that ends in `.txt` is of no picture. `second` is the file of another person's page
        that arrives between the first two.
        """
        taken, refused = False, []
        for place, name in enumerate(names):
            if place == 1 and second:
                self.bring(second)
            data = b"no picture" if name.endswith(".txt") else picture_file(name)
            answer = self.send(data, name, first=not taken)
            taken = taken or answer["type"] == "done"
            if answer["type"] == "refused":
                refused.append(answer["sentence"])
        return refused


def test_an_uploaded_file_comes_on_screen_and_into_the_strip(
    state: AppState, panel: UploadPanel
) -> None:
    assert panel.strip.layout.display == panel.heading.layout.display == "none"
    assert Visitor(panel).send(picture_file("cat"), PAYLOAD)["type"] == "done"
    assert names(state) == [PAYLOAD], "shown as text, never as markup"
    [item] = panel.strip.items
    assert (item["id"], item["name"]) == (state.selected, PAYLOAD)
    assert panel.strip.selected == state.selected
    assert panel.strip.layout.display is panel.heading.layout.display is None
    assert panel.heading.value == "<h3>Your pictures · 1</h3>"


def test_the_first_good_file_of_those_brought_together_comes_on_screen(
    state: AppState, panel: UploadPanel
) -> None:
    visitor = Visitor(panel)
    [refused] = visitor.bring("letter.txt", "a.png", "b.png", "c.png")
    assert refused == "“letter.txt” is not a JPEG, PNG, WebP or GIF picture."
    assert names(state) == ["a.png", "b.png", "c.png"]
    assert state.picture is not None
    assert state.picture.name == "a.png"
    visitor.bring("d.png", "e.png")
    assert state.picture.name == "d.png"
    visitor.bring("b.png")
    assert state.picture.name == "b.png"
    assert names(state) == [f"{letter}.png" for letter in "abcde"], "the same file is one picture"
    answers = [visitor.send(picture_file(f"{letter}.png"), f"{letter}.png") for letter in "ef"]
    assert [answer["known"] for answer in answers] == [True, False], "the page says so"


def test_what_two_pages_bring_at_once_is_told_apart(state: AppState, panel: UploadPanel) -> None:
    Visitor(panel).bring("a.png", "b.png", second="c.png")
    assert names(state) == ["a.png", "c.png", "b.png"]
    assert state.picture is not None
    assert state.picture.name == "c.png", "the last batch that began, and no later file of another"


def test_a_refused_file_leaves_nothing_behind(state: AppState, panel: UploadPanel) -> None:
    answer = Visitor(panel).send(b"no picture", PAYLOAD)
    assert answer["sentence"] == f"“{PAYLOAD}” is not a JPEG, PNG, WebP or GIF picture."
    assert names(state) == []
    assert (state.selected, state.error) == ("", "")
    assert state.settings.log.read_text() == ""


def test_a_bug_while_decoding_is_a_sentence_and_the_next_file_is_taken(
    state: AppState, panel: UploadPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> Shown:
        raise RuntimeError("a bug")

    visitor = Visitor(panel)
    with monkeypatch.context() as patch:
        patch.setattr(state.shelf, "put", stumble)
        answer = visitor.send(picture_file("a"), "a.png")
    assert answer["sentence"] == "“a.png” could not be used because of an unexpected error."
    assert "RuntimeError: a bug" in state.settings.log.read_text()
    assert visitor.bring("b.png") == []
    assert names(state) == ["b.png"]


def test_a_sample_that_cannot_be_used_says_so(
    state: AppState, panel: UploadPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = state.settings.model_copy(update={"max_pixels": 100})
    monkeypatch.setattr(state, "shelf", Shelf(strict))
    panel.samples.set_state({"selected": "cat.jpg"})
    wait_until(lambda: state.error)
    assert "“cat.jpg” is too large" in state.error


def test_samples_are_clicked_one_after_the_other(state: AppState, panel: UploadPanel) -> None:
    assert [item["name"] for item in panel.samples.items][:2] == ["astronaut", "cat"]
    for name in ("cat.jpg", "coffee.jpg", "cat.jpg"):
        panel.samples.set_state({"selected": name})
        wait_until(lambda name=name: state.picture and state.picture.name == name)
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


class Traffic(Wire):
    """A browser that shows the strip, and counts what it is sent."""

    def __init__(self, panel: UploadPanel) -> None:
        super().__init__(panel.strip)
        self.thumbnails: list[bytes] = []
        self.other_bytes = 0
        self._asked: set[str] = set()
        self.hears({"type": "hello"})

    def send(self, data: dict[str, Any], buffers: Sequence[Any] | None = None) -> None:
        super().send(data, buffers)
        if buffers:
            self.thumbnails += map(bytes, buffers)
            return
        self.other_bytes += len(json.dumps(data))
        rows = data["content"]["rows"] if data["method"] == "custom" else []
        missing = {row["src"] for _, row in rows} - self._asked
        if missing:
            self._asked |= missing
            self.hears({"type": "thumbnails", "digests": [*missing]})


def test_a_thumbnail_travels_once_and_a_status_is_a_small_message(
    state: AppState, panel: UploadPanel
) -> None:
    traffic = Traffic(panel)
    brought = bring(state, *(f"{number}.png" for number in range(50)), select=False)
    different = {shown.thumbnail for shown in brought}
    assert sorted(traffic.thumbnails) == sorted(different)
    assert traffic.other_bytes < 50 * 400, "a picture that comes says nothing of the others"
    for status in ("waiting", "working", "done"):
        for shown in brought:
            before = traffic.other_bytes
            state.statuses = {**state.statuses, shown.id: status}
            assert traffic.other_bytes - before < 400
    state.remove(brought[-1].id)
    assert len(traffic.thumbnails) == len(different)
    assert traffic.said[-1] == {"type": "rows", "rows": [], "count": 49, "whole": False}


def test_a_view_that_opens_later_is_told_all(state: AppState, panel: UploadPanel) -> None:
    one, two = bring(state, "a.png", "b.png")
    state.statuses = {one.id: "done"}
    [answer] = Traffic(panel).said[:1]
    assert (answer["whole"], answer["count"]) == (True, 2)
    assert [(place, row["id"], row["status"]) for place, row in answer["rows"]] == [
        (0, one.id, "done"),
        (1, two.id, "waiting"),
    ]
