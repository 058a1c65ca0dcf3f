"""The slow ways to learn, begun from the page and done by the real process on tiny checkpoints."""

from collections.abc import Iterator

import pytest
from PIL import Image

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import open_engine
from imgcap.inference.adapter import AdapterCard
from imgcap.learning.background import Method
from imgcap.settings import Settings
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.learning.panel import LearningPanel
from imgcap.widgets.learning.words import NOT_BETTER
from imgcap.widgets.state import AppState
from tests.conftest import BuildCheckpoint
from tests.learning_feedback import white
from tests.learning_page import opened_panel, press, settled
from tests.pages import wait_until
from tests.picture_files import encode
from tests.test_learning_tower import patterns

LABELS = ("red", "blue", "none")
EACH = 6


@pytest.fixture
def page_settings(page_settings: Settings, checkpoint: BuildCheckpoint) -> Settings:
    """Choose tiny random checkpoints, which learn in seconds."""
    chosen = {"classifier": "clip", "captioner": "blip"}
    names = {role: str(checkpoint(kind)) for role, kind in chosen.items()}
    return page_settings.model_copy(update={**names, "dtype": "float32"})


@pytest.fixture
def state(page_settings: Settings) -> Iterator[AppState]:
    """Return a page that answers by those checkpoints."""
    state = AppState(page_settings, open_engine(page_settings))
    state.labels = LABELS
    analyst = Analyst(state)
    yield state
    analyst.close()
    state.close()


def teach(panel: LearningPanel, method: Method) -> AdapterCard:
    """Learn in a way, as a person does; return the card that the panel looks at then."""
    learner = panel.learner
    learner.method.value = method
    assert "It takes minutes." in learner.hint.value
    assert not learner.learn.disabled
    learner.learn.click()
    assert learner.cancel.layout.display is None
    wait_until(lambda: learner.cancel.layout.display == "none", "it has ended")
    assert "Done: see below" in learner.message.value, learner.message.value
    settled(panel)
    wait_until(lambda: panel.list.card, "it is looked at")
    card = panel.list.card
    assert card
    return card


def told(state: AppState) -> tuple[list[tuple[str, float]], str]:
    """Return every label with its exact score, and the caption, once all is known."""
    wait_until(lambda: list(state.statuses.values()) == ["done"] and state.description)
    found = state.description
    assert found
    return [(each.label, each.score) for each in found.predictions], found.caption


def bring(state: AppState, image: Image.Image) -> tuple[list[tuple[str, float]], str]:
    """Put a picture on the page and return what is said of it."""
    state.add(state.shelf.put(encode(image, "PNG"), "new.png"))
    return told(state)


def test_the_picture_tower_is_taught_from_the_page_tried_and_left_again(
    state: AppState, page_settings: Settings
) -> None:
    folder = PictureFolder(page_settings.pictures)
    images = patterns(EACH)
    for place, (image, answer) in enumerate(
        zip(images, state.engine.classify(images, LABELS), strict=True)
    ):
        state.store.append(
            FeedbackRecord(
                rating=3,
                labels=LABELS,
                predictions=answer.predictions,
                corrected_label=LABELS[place % 2],
                picture_file=folder.keep(encode(image, "PNG")),
                classifier=answer.model,
                classifier_revision=answer.revision,
            )
        )
    before = bring(state, patterns(1, seed=700)[0])
    panel = opened_panel(state)
    card = teach(panel, "lora")
    assert (card.kind, card.role, len(card.records)) == ("lora", "classifier", 2 * EACH)
    assert "All judged pictures" in panel.list.measured.value
    press(panel, "begin")
    wait_until(lambda: told(state)[0] != before[0])
    assert state.description
    assert state.description.revisions["classifier"] == f"+{card.id}"
    assert told(state)[0][0][0] == "red"
    press(panel, "stop")
    wait_until(lambda: told(state) == before, "the same scores again, to the bit")


@pytest.mark.long
def test_captions_are_taught_from_the_page_tried_and_left_again(
    state: AppState, page_settings: Settings
) -> None:
    folder = PictureFolder(page_settings.pictures)
    images = [white(seed) for seed in range(4)]
    for image, answer in zip(images, state.engine.caption(images), strict=True):
        kept = folder.keep(encode(image, "PNG"))
        state.store.append(
            FeedbackRecord(
                rating=2,
                caption=answer.best.text,
                corrected_caption=f"{answer.best.text} on a sunny day",
                picture_file=kept,
                picture_sha256=kept,
                captioner=answer.model,
            )
        )
    before = bring(state, white(9))
    panel = opened_panel(state)
    assert "4 corrected captions wait to be learned from" in panel.learner.count.value
    card = teach(panel, "captions")
    assert (card.kind, card.role, len(card.records)) == ("lora", "captioner", 4)
    assert "CIDEr" in panel.list.measured.value
    assert panel.actions.adopt.disabled, "of four captions"
    press(panel, "begin")
    assert f"on this page only. {NOT_BETTER}" in panel.answers.value
    revisions = lambda: state.description and state.description.revisions  # noqa: E731
    wait_until(lambda: (revisions() or {}).get("captioner") == f"+{card.id}")
    press(panel, "stop")
    wait_until(lambda: told(state) == before)
