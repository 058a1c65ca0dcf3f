import json
import sys

import pytest
from PIL import Image

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import open_engine
from imgcap.inference.adapter import LORA, LORA_FILES, WEIGHTS
from imgcap.inference.local import LocalEngine
from imgcap.settings import Settings
from tests.conftest import BuildCheckpoint
from tests.learn_cli import run
from tests.picture_files import encode
from tests.test_learning_tower import patterns

EACH = 12


@pytest.fixture(autouse=True)
def tiny(checkpoint: BuildCheckpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands answer by a tiny checkpoint."""
    monkeypatch.setenv("IMGCAP_CLASSIFIER", str(checkpoint("clip")))
    monkeypatch.setenv("IMGCAP_DTYPE", "float32")


def give_feedback(settings: Settings, images: list[Image.Image] | None = None) -> None:
    """Say in turns that patterns are red and blue, of which the random model knows nothing."""
    folder = PictureFolder(settings.pictures)
    images = images or patterns(EACH)
    answers = open_engine(settings).classify(images, ("red", "blue", "none"))
    records = [
        FeedbackRecord(
            rating=3,
            labels=("red", "blue", "none"),
            predictions=answer.predictions,
            corrected_label=("red", "blue")[place % 2],
            picture_file=folder.keep(encode(image, "PNG")),
            classifier=answer.model,
            classifier_revision=answer.revision,
        )
        for place, (image, answer) in enumerate(zip(images, answers, strict=True))
    ]
    open_store(settings).extend(records)


def test_a_tower_is_taught_kept_and_answers_when_it_is_tried(settings: Settings) -> None:
    give_feedback(settings)
    card = json.loads(run("fit", "--method", "lora", "--json"))
    assert (card["kind"], card["role"], len(card["records"])) == ("lora", "classifier", 2 * EACH)
    assert card["figures"]["everything"]["after"]["accuracy"] > 0.9
    place = settings.adapters / card["id"]
    assert all((place / LORA / name).is_file() for name in LORA_FILES)
    assert (place / WEIGHTS).is_file()
    engine = open_engine(settings)
    assert isinstance(engine, LocalEngine)
    new = patterns(4, seed=700)
    before = engine.classify(new, ("red", "blue", "none"))
    engine.trying["classifier"] = card["id"]
    after = engine.classify(new, ("red", "blue", "none"))
    assert {answer.revision for answer in after} == {f"+{card['id']}"}
    assert [each.predictions[0].label for each in after] == ["red", "blue"] * 4
    del engine.trying["classifier"]
    again = engine.classify(new, ("red", "blue", "none"))
    assert [each.predictions for each in again] == [each.predictions for each in before]
    assert "no judged picture yet" in run("evaluate", card["id"], status=1)
    give_feedback(settings, images=new)
    found = json.loads(run("evaluate", card["id"], "--json"))["everything"]
    assert found["pictures"] == len(new), "and none that it learned from"
    assert found["after"]["accuracy"] == 1
    settings.adapters.joinpath(card["id"], LORA, LORA_FILES[1]).write_bytes(b"damaged")
    said = " ".join(run("evaluate", card["id"], status=1).split())
    assert f"The adapter “{card['id']}” cannot be used." in said


def test_without_peft_it_says_what_is_needed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_feedback(settings)
    monkeypatch.setitem(sys.modules, "peft", None)
    said = run("fit", "--method", "lora", status=1)
    assert "needs the extra learn: pip install 'imgcap[learn]'" in " ".join(said.split())
    assert not list(settings.adapters.glob("lora-*"))


@pytest.mark.usefixtures("settings")
def test_without_feedback_there_is_nothing_to_teach() -> None:
    said = run("fit", "--method", "lora", status=1)
    assert "no label was confirmed or corrected" in " ".join(said.split())
