import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from imgcap.images import open_picture
from imgcap.inference import (
    CancelledError,
    CaptionOptions,
    Classification,
    ClassifyOptions,
    Engine,
    EngineError,
    open_engine,
)
from imgcap.inference.local import LocalEngine
from imgcap.settings import Settings
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint

LABELS = ("cat", "dog", "nature")


def tiny_engine(checkpoint: BuildCheckpoint) -> Engine:
    return open_engine(
        Settings(classifier=str(checkpoint("clip")), captioner=str(checkpoint("blip")))
    )


def test_importing_and_opening_the_engine_loads_no_model_library() -> None:
    program = """
import sys
from imgcap.inference import open_engine
from imgcap.inference.checkpoints import REGISTRY, is_present
from imgcap.settings import Settings
engine = open_engine(Settings())
assert engine.models["captioner"].stage == "waiting"
[is_present(entry.id, entry.role, Settings()) for entry in REGISTRY]
heavy = {"torch", "transformers", "huggingface_hub", "tokenizers"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)  # ours


def test_an_engine_that_there_is_not() -> None:
    with pytest.raises(EngineError, match=r"no engine “telepathy”"):
        open_engine(Settings(engine="telepathy"))


def test_a_description_has_all_that_was_asked_for(checkpoint: BuildCheckpoint) -> None:
    engine = tiny_engine(checkpoint)
    [image] = pictures(1)
    file = Path(checkpoint("clip")).parent / "picture.png"
    image.save(file)
    picture = open_picture(file.read_bytes(), "picture.png")
    told: list[Classification] = []

    description = engine.describe(picture, LABELS, on_classified=told.append)

    assert told == [description.classification]
    assert (description.name, description.sha256) == ("picture.png", picture.sha256)
    assert (description.width, description.height) == image.size
    assert [p.label for p in description.predictions] != []
    assert description.predictions == engine.classify([image], LABELS)[0].predictions
    assert description.summary.endswith(".")
    assert description.caption == engine.caption([image])[0].best.text

    record = json.loads(json.dumps(description.as_dict(top=2)))
    assert list(record) == ["file", "caption", "predictions", "summary", "models", "ms"]
    assert record["file"] == "picture.png"
    assert record["caption"] == description.caption
    assert [list(entry) for entry in record["predictions"]] == [["label", "score"]] * 2
    assert set(record["models"]) == {"classifier", "captioner"}
    assert set(record["ms"]) == {"classify", "caption"}
    assert all(ms > 0 for ms in record["ms"].values())


def test_only_what_was_asked_for_is_loaded(checkpoint: BuildCheckpoint) -> None:
    engine = tiny_engine(checkpoint)
    description = engine.describe(pictures(1)[0], LABELS, with_caption=False)
    assert description.captions is None
    assert description.as_dict()["caption"] is None
    assert engine.models["captioner"].stage == "waiting"

    engine = tiny_engine(checkpoint)
    description = engine.describe(
        pictures(1)[0], caption_options=CaptionOptions(num_beams=1, max_new_tokens=3)
    )
    assert description.caption
    assert (description.summary, description.predictions) == ("", ())
    assert engine.models["classifier"].stage == "waiting"


def test_options_reach_the_models(checkpoint: BuildCheckpoint) -> None:
    description = tiny_engine(checkpoint).describe(
        pictures(1)[0],
        LABELS,
        CaptionOptions(num_beams=2, num_captions=2, max_new_tokens=4, prefix="a photo of"),
        ClassifyOptions(independent=True),
    )
    assert description.classification is not None
    assert description.classification.independent
    assert description.captions is not None
    assert len(description.captions.captions) == 2
    assert description.caption.startswith("a photo of")


def test_models_compute_one_at_a_time(checkpoint: BuildCheckpoint) -> None:
    engine = tiny_engine(checkpoint)
    assert isinstance(engine, LocalEngine)
    engine.load()
    inside: list[int] = []
    crowds: list[int] = []

    def enter(*_: object) -> None:
        inside.append(1)
        crowds.append(len(inside))
        time.sleep(0.01)

    for loader in engine._loaders.values():
        tower = loader.get().model.vision_model
        tower.register_forward_pre_hook(enter)
        tower.register_forward_hook(lambda *_: inside.clear())
    options = CaptionOptions(num_beams=1, max_new_tokens=3)
    threads = [
        threading.Thread(target=engine.describe, args=(image, LABELS, options))
        for image in pictures(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crowds == [1] * 10


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_pictures_of_any_mode_are_taken(checkpoint: BuildCheckpoint, mode: str) -> None:
    [result] = tiny_engine(checkpoint).classify([Image.new(mode, (30, 20))], LABELS)
    assert len(result.predictions) == 3


def test_a_closed_engine_takes_up_its_work_again(checkpoint: BuildCheckpoint) -> None:
    engine = tiny_engine(checkpoint)
    [image] = pictures(1)
    before = engine.describe(image, LABELS)
    engine.close()
    assert {event.stage for event in engine.models.values()} == {"waiting"}
    after = engine.describe(image, LABELS)
    assert after.predictions == before.predictions
    assert after.caption == before.caption
    engine.close()
    engine.close()


@pytest.mark.parametrize("captioner", ["blip", "git", "grid_captioner"])
def test_answering_writes_nothing_to_the_terminal(
    checkpoint: BuildCheckpoint, captioner: str
) -> None:
    program = f"""
from PIL import Image
from imgcap.inference import CaptionOptions, open_engine
from imgcap.settings import Settings
settings = Settings(
    classifier={str(checkpoint("clip"))!r}, captioner={str(checkpoint(captioner))!r}
)
picture = Image.new("RGB", (50, 40), "orange")
for options in (CaptionOptions(), CaptionOptions(num_beams=1, min_new_tokens=5, prefix="a photo")):
    open_engine(settings).describe(picture, ["cat", "dog"], options)
"""
    done = subprocess.run(  # ours
        [sys.executable, "-c", program], check=True, timeout=120, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_an_engine_shares_the_models_that_another_has_loaded(checkpoint: BuildCheckpoint) -> None:
    before = tiny_engine(checkpoint)
    before.load()
    settings = Settings(classifier=str(checkpoint("clip")), captioner=str(checkpoint("git")))
    after = open_engine(settings, like=before)
    assert {role: event.stage for role, event in after.models.items()} == {
        "classifier": "ready",
        "captioner": "waiting",
    }
    assert isinstance(before, LocalEngine)
    assert isinstance(after, LocalEngine)
    shared = after._loaders["classifier"].get()
    assert shared is before._loaders["classifier"].get()
    before.close()
    assert after._loaders["classifier"].get() is shared
    assert after.describe(pictures(1)[0], LABELS).models["captioner"] == str(checkpoint("git"))


@pytest.mark.parametrize("other", [{"dtype": "float16"}, {"captioner": "embedded"}])
def test_nothing_is_shared_that_differs(checkpoint: BuildCheckpoint, other: dict[str, str]) -> None:
    before = tiny_engine(checkpoint)
    before.load("captioner")
    chosen = {"classifier": str(checkpoint("clip")), "captioner": str(checkpoint("blip"))}
    after = open_engine(Settings(**(chosen | other)), like=before)
    assert {event.stage for event in after.models.values()} == {"waiting"}


def test_a_cancelled_load_reads_no_model(checkpoint: BuildCheckpoint) -> None:
    engine = tiny_engine(checkpoint)
    with pytest.raises(CancelledError):
        engine.load(cancel=lambda: True)
    assert "ready" not in {event.stage for event in engine.models.values()}
    engine.load(cancel=lambda: False)
    assert {event.stage for event in engine.models.values()} == {"ready"}
