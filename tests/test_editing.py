"""What is done to a picture reaches the models, the answers, the feedback and the downloads."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from imgcap.edits import Brightness, Contrast, Crop, Edit, Rotate, Turn, apply, edits_from
from imgcap.feedback import open_store
from imgcap.images import open_picture
from imgcap.inference import Classification
from imgcap.widgets import Analyst, FeedbackPanel, PreviewPanel, ResultPanel
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.pages import bring, download, picture_file, wait_until

if TYPE_CHECKING:
    from PIL import Image


class SeeingEngine(HeldEngine):
    """Also remembers the pixels that it was asked to classify."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Image.Image] = []

    def classify(self, pictures: Sequence[Any], *asked: Any, **hooks: Any) -> list[Classification]:
        answers = super().classify(pictures, *asked, **hooks)
        self.seen += [picture.image for picture in pictures]
        return answers


@pytest.fixture
def engine() -> SeeingEngine:
    return SeeingEngine()


def edit(state: AppState, shown: Shown, *edits: Edit) -> None:
    """Edit a picture and wait until the page shows it so."""
    problems: list[str] = []
    state.edit(shown.id, edits, problems.append)
    wait_until(lambda: state.edits.get(shown.id) == edits or problems)
    assert problems == []


def is_done(state: AppState) -> bool:
    return set(state.statuses.values()) == {"done"}


@pytest.mark.usefixtures("analyst")
def test_what_the_models_saw_can_be_made_again_from_the_record(
    state: AppState, engine: SeeingEngine
) -> None:
    panel = FeedbackPanel(state)
    [shown] = bring(state, "cat.png")
    edit(state, shown, Rotate(12, "edge"), Crop(3, 4, 40, 30), Contrast(1.4), Turn(3))
    wait_until(lambda: is_done(state))
    panel.form.keep.value = True
    panel.form.submit.click()
    wait_until(lambda: state.saved == 1)

    [record] = open_store(state.settings).read()
    assert record.picture_sha256 == shown.id
    assert (record.picture_width, record.picture_height) == (30, 40)
    original = open_picture(picture_file("cat.png"), "cat.png").image
    again = apply(original, edits_from(record.edits))
    assert np.array_equal(np.asarray(again), np.asarray(engine.seen[-1]))


@pytest.mark.usefixtures("analyst")
def test_undo_brings_the_former_answer_without_the_models(
    state: AppState, engine: SeeingEngine
) -> None:
    [shown] = bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    before = state.description
    edit(state, shown, Turn(1))
    wait_until(lambda: is_done(state))
    assert state.description is not None
    assert (state.description.width, state.description.height) == (32, 48)
    asked = len(engine.begun)
    assert asked == 4, "both models, before and after"
    edit(state, shown)
    assert state.description == before, "at once"
    edit(state, shown, Turn(1))
    assert is_done(state)
    assert len(engine.begun) == asked


@pytest.mark.usefixtures("analyst")
def test_a_further_edit_supersedes_the_work_on_the_last(
    state: AppState, engine: SeeingEngine
) -> None:
    [shown] = bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    with engine.held():
        edit(state, shown, Turn(1))
        wait_until(lambda: len(engine.begun) == 3)
        edit(state, shown, Turn(2))
        wait_until(lambda: len(engine.begun) == 4)
    wait_until(lambda: is_done(state))
    assert engine.broken_off == 1
    assert np.array_equal(
        np.asarray(engine.seen[-1]), np.asarray(apply(state.shelf.open(shown.id).image, [Turn(2)]))
    )


def test_edits_are_of_one_picture_and_stay_with_it(state: AppState, analyst: Analyst) -> None:
    first, second = bring(state, "a.png", "b.png")
    edit(state, first, Turn(1))
    wait_until(lambda: is_done(state))
    state.selected = first.id
    assert state.picture is not None
    assert (state.picture.width, state.picture.height) == (32, 48)
    state.selected = second.id
    assert state.picture == second
    assert state.edits == {first.id: (Turn(1),)}
    description = analyst.description(first.id)
    assert description is not None
    assert description.width == 32
    state.remove(first.id)
    assert state.edits == {}


@pytest.mark.usefixtures("analyst")
def test_the_page_shows_what_was_described_and_never_another(
    state: AppState, engine: SeeingEngine
) -> None:
    preview, result = PreviewPanel(state), ResultPanel(state)
    [shown] = bring(state, "cat.png")
    wait_until(lambda: is_done(state))
    plain = preview.stage.picture, preview.stage.version
    said = result.stage.answers
    with engine.held():
        edit(state, shown, Turn(1))
        assert preview.stage.picture != plain[0]
        assert preview.stage.version != plain[1]
        assert "32 × 48 pixels" in preview.stage.preview
        assert "data-old" in result.stage.answers, "an answer to the picture as it was"
    wait_until(lambda: is_done(state))
    document = json.loads(download(result.json))
    assert document["edits"] == [{"edit": "turn", "quarters": 1}]
    assert (document["width"], document["height"]) == (32, 48)
    edit(state, shown)
    assert (preview.stage.picture, preview.stage.version) == plain
    assert result.stage.answers == said
    assert json.loads(download(result.json))["edits"] == []


def test_of_several_wishes_the_last_is_fulfilled(state: AppState) -> None:
    [shown] = bring(state, "cat.png")
    looks: list[tuple[Edit, ...]] = []
    state.observe(lambda change: looks.append(change["new"][shown.id]), "edits")
    problems: list[str] = []
    with state.lock:  # none can come to its end before all are known
        for factor in (1.1, 1.2, 1.3, 1.4):
            state.edit(shown.id, (Brightness(factor),), problems.append)
    wait_until(lambda: state.edits)
    assert looks == [(Brightness(1.4),)]
    assert problems == []


def test_an_edit_that_cannot_be_done_changes_nothing(state: AppState) -> None:
    [shown] = bring(state, "cat.png")
    problems: list[str] = []
    state.edit(shown.id, (Crop(0, 0, 100, 100),), problems.append)
    wait_until(lambda: problems)
    assert problems == ["The crop reaches beyond the picture, which has 48 x 32 pixels."]
    assert state.picture == shown
    assert state.edits == {}


def test_a_picture_that_is_removed_while_it_is_edited_is_gone(state: AppState) -> None:
    [shown] = bring(state, "cat.png")
    problems: list[str] = []
    with state.lock:
        state.edit(shown.id, (Turn(1),), problems.append)
        state.remove(shown.id)
    [other] = bring(state, "dog.png")
    edit(state, other, Turn(1))
    assert set(state.edits) == {other.id}
    assert problems == []
    assert state.error == ""
