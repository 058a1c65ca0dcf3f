import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from imgcap.inference import ModelError
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.gallery.finder import Finder
from imgcap.widgets.gallery.panel import EVERY_LABEL, GalleryPanel
from imgcap.widgets.state import AppState
from tests.fake_answers import captioned, embedded, scored
from tests.fakes import HeldEngine
from tests.pages import bring, download, wait_until
from tests.wire import Wire

NAMES = [f"{letter}.png" for letter in "gfedcba"]


def texts(found: Finder | GalleryPanel, kind: str) -> list[str]:
    assert isinstance(found, GalleryPanel)
    assert found.grid is not None
    return [found.grid._cards[key][kind] for key in found.grid.order]  # type: ignore[literal-required]


@pytest.fixture
def panel(state: AppState, analyst: Analyst) -> Iterator[GalleryPanel]:
    """The open gallery of seven described pictures."""
    panel = GalleryPanel(state, analyst)
    bring(state, *NAMES)
    panel.fold.button.is_open = True
    wait_until(lambda: "7 of 7 done" in panel.count.value)
    yield panel
    state.closed = True


def test_one_picture_is_no_gallery_and_nothing_is_made_before_it_is_opened(
    state: AppState, analyst: Analyst
) -> None:
    panel = GalleryPanel(state, analyst)
    assert panel.layout.display == "none"
    bring(state, "a.png")
    assert panel.layout.display == "none"
    bring(state, "b.png")
    assert panel.layout.display is None
    assert panel.grid is None
    state.remove(state.pictures[0].id)
    assert panel.layout.display == "none"


def test_every_picture_has_its_card(panel: GalleryPanel, state: AppState) -> None:
    assert texts(panel, "name") == NAMES
    assert texts(panel, "status") == ["done"] * 7
    assert texts(panel, "caption") == [
        captioned(shown.id, state.caption_options) for shown in state.pictures
    ]
    best = [scored(shown.id, state.labels)[0] for shown in state.pictures]
    assert all(
        text.startswith(f"{each.label} · ")
        for text, each in zip(texts(panel, "label"), best, strict=True)
    )


def test_filter_and_order(panel: GalleryPanel, state: AppState) -> None:
    best = {shown.name: scored(shown.id, state.labels)[0] for shown in state.pictures}
    panel.sort.value = "name"
    assert texts(panel, "name") == sorted(NAMES)
    panel.sort.value = "sure"
    assert texts(panel, "name") == sorted(NAMES, key=lambda name: -best[name].score)
    panel.sort.value = "unsure"
    assert texts(panel, "name") == sorted(NAMES, key=lambda name: best[name].score)
    panel.sort.value = "arrival"
    counts = {value: name for name, value in panel.label.options}
    for label in {each.label for each in best.values()}:
        panel.label.value = label
        fitting = [name for name in NAMES if best[name].label == label]
        assert texts(panel, "name") == fitting
        assert counts[label] == f"{label} ({len(fitting)})"
    state.labels = ("something else",)
    wait_until(lambda: ("something else (7)", "something else") in panel.label.options)
    assert panel.label.value == EVERY_LABEL
    assert texts(panel, "name") == NAMES


def test_search_shows_the_nearest_first(panel: GalleryPanel, state: AppState) -> None:
    panel.phrase.value = "a dog"
    wait_until(lambda: all(texts(panel, "match")))
    [wish] = embedded(["a dog"])
    near = {p.name: float(embedded([p.id])[0] @ wish) for p in state.pictures}
    assert texts(panel, "name") == sorted(NAMES, key=lambda name: -near[name])
    assert texts(panel, "match") == [f"{near[name]:.3f}" for name in texts(panel, "name")]
    wait_until(lambda: "7 pictures, nearest to “a dog” first" in panel.found.value)
    assert "cosine" not in panel.found.value
    assert "cosine similarity" in panel.found.tooltip
    assert panel.sort.disabled
    bring(state, "new.png")
    wait_until(lambda: len(texts(panel, "match")) == 8 and all(texts(panel, "match")))
    panel.clear.click()
    assert (panel.phrase.value, panel.found.value) == ("", "")
    assert texts(panel, "name") == [*NAMES, "new.png"]
    assert not any(texts(panel, "match"))


def test_pictures_are_embedded_once_for_all_searches(
    panel: GalleryPanel, engine: HeldEngine
) -> None:
    for phrase in ("a dog", "a cat", "a dog"):
        panel.phrase.value = phrase
        wait_until(lambda: all(texts(panel, "match")) and not panel.finder.is_busy)
    assert [step for step, _, _ in engine.done].count("embed") == 7


def test_a_search_that_fails_is_one_sentence_and_can_be_tried_again(
    panel: GalleryPanel, engine: HeldEngine
) -> None:
    engine.problems["embed"] = ModelError("The model had a bad day.")
    panel.phrase.value = "a dog"
    wait_until(lambda: "The model had a bad day." in panel.found.value)
    engine.problems.clear()
    panel.search.click()
    wait_until(lambda: all(texts(panel, "match")))


def test_the_choice_of_labels_keeps_still_while_answers_come(
    state: AppState, analyst: Analyst, engine: HeldEngine
) -> None:
    panel = GalleryPanel(state, analyst)
    panel.fold.button.is_open = True
    state.labels = ("teapot",)
    bring(state, *NAMES)
    wait_until(lambda: panel.label.options == (("All", EVERY_LABEL), ("teapot (7)", "teapot")))
    with engine.held():
        bring(state, "new.png")
        wait_until(lambda: panel.label.options == (("All", EVERY_LABEL), ("teapot", "teapot")))
        panel.label.value = "teapot"
    wait_until(lambda: panel.label.options[1:] == (("teapot (8)", "teapot"),))
    assert panel.label.value == "teapot"
    state.closed = True


def test_a_picture_that_fails_says_why(
    panel: GalleryPanel, state: AppState, engine: HeldEngine
) -> None:
    engine.problems["caption new.png"] = ModelError("The model had <b>a bad day</b>.")
    bring(state, "new.png")
    wait_until(lambda: "7 of 8 done, 1 failed" in panel.count.value)
    assert texts(panel, "status") == ["done"] * 7 + ["failed"]
    assert texts(panel, "problem") == [""] * 7 + ["The model had <b>a bad day</b>."]
    assert panel.resume.layout.display is None
    engine.problems.clear()
    panel.resume.click()
    wait_until(lambda: texts(panel, "problem") == [""] * 8)


def test_cancel_and_go_on(state: AppState, analyst: Analyst, engine: HeldEngine) -> None:
    panel = GalleryPanel(state, analyst)
    panel.fold.button.is_open = True
    with engine.held():
        bring(state, *NAMES)
        wait_until(lambda: "0 of 7 done" in panel.count.value)
        assert panel.cancel.description == "Cancel", "as the status line says"
        panel.cancel.click()
        wait_until(lambda: panel.resume.layout.display is None)
        assert panel.cancel.layout.display == "none"
        assert "0 of 7 done, cancelled" in panel.count.value
    panel.resume.click()
    wait_until(lambda: "7 of 7 done" in panel.count.value)
    assert panel.resume.layout.display == "none"
    state.closed = True


def test_cards_travel_when_they_change_and_thumbnails_when_asked_for(
    panel: GalleryPanel, state: AppState
) -> None:
    assert panel.grid is not None
    wire = Wire(panel.grid)
    wire.hears({"type": "hello"})
    assert set(wire.said[-1]["cards"]) == {shown.id for shown in state.pictures}
    first = state.pictures[0]
    wire.hears({"type": "thumbnails", "ids": [first.id, "unknown", 7]})
    assert wire.said[-1] == {"type": "thumbnail", "id": first.id, "version": first.version}
    assert bytes(wire.buffers[-1][0]) == first.thumbnail
    before = len(wire.said)
    panel.sort.value = "name"
    assert len(wire.said) == before
    state.remove(first.id)
    wait_until(lambda: {"type": "gone", "ids": [first.id]} in wire.said)
    wire.hears({"type": "open", "id": state.pictures[2].id})
    assert state.selected == state.pictures[2].id
    wire.hears({"type": "open", "id": first.id})
    assert state.selected == state.pictures[2].id


def test_names_stand_as_people_count(state: AppState, analyst: Analyst) -> None:
    panel = GalleryPanel(state, analyst)
    names = ["Cat 2.png", "cat 10.png", "cat 010b.png", "cat 99999999999999999999.png", "dog.png"]
    bring(state, *reversed(names))
    panel.sort.value = "name"
    panel.fold.button.is_open = True
    assert texts(panel, "name") == names
    state.closed = True


def test_the_table_holds_every_picture(panel: GalleryPanel, state: AppState) -> None:
    buttons: Any = panel.fold.body.children[-1].children
    contents = {button.label: download(button) for button in buttons}
    lines = [json.loads(line) for line in contents["JSON lines"].splitlines()]
    assert [line["file"] for line in lines] == NAMES
    assert [line["sha256"] for line in lines] == [shown.id for shown in state.pictures]
    rows = list(csv.DictReader(io.StringIO(contents["CSV"].decode("utf-8-sig"))))
    assert [row["caption"] for row in rows] == texts(panel, "caption")
    assert contents["Parquet"].startswith(b"PAR1")
