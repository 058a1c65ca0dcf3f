import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from imgcap.inference import CaptionOptions, open_engine
from imgcap.inference.adapter import LORA, AdapterError, read_adapter
from imgcap.inference.local import LocalEngine
from imgcap.learning.alone import open_alone
from imgcap.learning.registry import adopt, delete, rollback
from imgcap.settings import Settings
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint
from tests.low_rank import kept_low_rank

# Nobody is asked for the checkpoint that an adapter names.
pytestmark = [
    pytest.mark.filterwarnings("error:Unable to fetch remote file"),
    pytest.mark.filterwarnings("error:Could not find a config file"),
]

OPTIONS = CaptionOptions(max_new_tokens=8)
LABELS = ("cat", "dog", "bird")


@pytest.fixture
def tiny(tmp_path: Path, checkpoint: BuildCheckpoint) -> Settings:
    return Settings(
        classifier=str(checkpoint("clip")),
        captioner=str(checkpoint("blip")),
        adapters=tmp_path / "adapters",
        dtype="float32",
    )


def answers(engine: object, images: list[Image.Image]) -> tuple[object, object]:
    """Return the scores and captions without the time they took."""
    assert isinstance(engine, LocalEngine)
    scores = [(each.predictions, each.revision) for each in engine.classify(images, LABELS)]
    captions = [(each.captions, each.revision) for each in engine.caption(images, OPTIONS)]
    return scores, captions


def test_adopted_adapters_answer_and_after_a_rollback_all_is_as_before(
    tiny: Settings, tmp_path: Path
) -> None:
    settings = tiny.model_copy(update={"dtype": "bfloat16"})
    images = pictures(2)
    engine = open_engine(settings)
    before = answers(engine, images)
    sources = [settings.classifier, settings.captioner]
    files = [(Path(each) / "model.safetensors").read_bytes() for each in sources]
    reader = kept_low_rank(settings, "classifier", tmp_path / "made")
    writer = kept_low_rank(settings, "captioner", tmp_path / "made")
    for card in (reader, writer):
        adopt(settings.adapters, card.id)
    after = answers(engine, images)
    assert after == answers(open_engine(settings), images)
    for one, other, card in zip(before, after, (reader, writer), strict=True):
        assert [each for each, _ in one] != [each for each, _ in other]
        assert {revision for _, revision in other} == {f"+{card.id}"}
    for checkpoint, card in zip(sources, (reader, writer), strict=True):
        assert rollback(settings.adapters, checkpoint) == (card.id, "")
        delete(settings.adapters, card.id, settings.calibration)
    assert answers(engine, images) == before, "to the bit"
    assert [(Path(each) / "model.safetensors").read_bytes() for each in sources] == files


def test_the_embedded_captioner_writes_as_before_after_a_rollback(tmp_path: Path) -> None:
    settings = Settings(adapters=tmp_path / "adapters")
    engine = open_engine(settings)
    [before] = engine.caption(pictures(1))
    card = kept_low_rank(settings, "captioner", tmp_path / "made")
    adopt(settings.adapters, card.id)
    [after] = engine.caption(pictures(1))
    assert after.captions != before.captions
    assert after.revision == f"{before.revision}+{card.id}"
    description = engine.describe(pictures(1)[0])
    assert description.revisions["captioner"] == after.revision
    rollback(settings.adapters, card.checkpoint)
    [again] = engine.caption(pictures(1))
    assert (again.captions, again.revision) == (before.captions, before.revision)


def test_a_merged_model_computes_what_peft_computes(tiny: Settings, tmp_path: Path) -> None:
    import peft

    from imgcap.inference.loading import Loader

    card = kept_low_rank(tiny, "classifier", tmp_path / "made")
    plain = Loader("classifier", tiny, lambda _: None).get()
    folder = tiny.adapters / card.id / LORA
    expected = peft.PeftModel.from_pretrained(plain.model, str(folder))
    adopt(tiny.adapters, card.id)
    merged = Loader("classifier", tiny, lambda _: None).get()
    pixels = plain.processor(images=pictures(2), return_tensors="pt")
    with torch.inference_mode():
        ours = merged.model.get_image_features(**pixels).pooler_output
        theirs = expected.base_model.model.get_image_features(**pixels).pooler_output
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_one_engine_tries_an_adapter_that_no_other_has(tiny: Settings, tmp_path: Path) -> None:
    adopted, tried = (kept_low_rank(tiny, "classifier", tmp_path / "made", seed) for seed in (1, 2))
    trying, other = open_engine(tiny), open_engine(tiny)
    assert isinstance(trying, LocalEngine)
    images = pictures(1)
    [plain] = trying.classify(images, LABELS)
    trying.trying["classifier"] = tried.id
    [answer] = trying.classify(images, LABELS)
    assert answer.adapter == tried.id
    assert answer.predictions != plain.predictions
    assert other.classify(images, LABELS)[0].predictions == plain.predictions
    adopt(tiny.adapters, adopted.id)
    assert trying.classify(images, LABELS)[0].adapter == tried.id
    assert other.classify(images, LABELS)[0].adapter == adopted.id
    trying.trying["classifier"] = ""
    assert trying.classify(images, LABELS)[0].predictions == plain.predictions
    del trying.trying["classifier"]
    assert trying.classify(images, LABELS)[0].adapter == adopted.id


def test_what_learns_sees_the_checkpoint_alone_whatever_was_adopted(
    tiny: Settings, tmp_path: Path
) -> None:
    plain = open_engine(tiny).embed(pictures(2))
    card = kept_low_rank(tiny, "classifier", tmp_path / "made")
    adopt(tiny.adapters, card.id)
    assert not np.array_equal(open_engine(tiny).embed(pictures(2)), plain)
    assert np.array_equal(open_alone(tiny).embed(pictures(2)), plain)


@pytest.mark.parametrize("damage", ["weights", "names", "missing"])
def test_what_is_damaged_is_told_once_and_the_checkpoint_answers(
    tiny: Settings, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    [plain] = open_engine(tiny).classify(pictures(1), LABELS)
    card = kept_low_rank(tiny, "classifier", tmp_path / "made")
    adopt(tiny.adapters, card.id)
    folder = tiny.adapters / card.id / LORA
    weights = folder / "adapter_model.safetensors"
    if damage == "weights":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "missing":
        weights.unlink()
    else:
        tensors = load_file(weights)
        tensors.pop(next(iter(tensors)))
        save_file(tensors, weights)
    engine = open_engine(tiny)
    with caplog.at_level(logging.WARNING, "imgcap"):
        for _ in range(2):
            [answer] = engine.classify(pictures(1), LABELS)
            assert (answer.predictions, answer.revision) == (plain.predictions, "")
    [told] = [each for each in caplog.records if "answers without it" in each.getMessage()]
    assert "\n" not in told.getMessage()


def test_files_that_could_run_code_are_not_read(tiny: Settings, tmp_path: Path) -> None:
    card = kept_low_rank(tiny, "classifier", tmp_path / "made")
    folder = tiny.adapters / card.id / LORA
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(AdapterError, match="lacks a part"):
        read_adapter(tiny.adapters, card.id)


def test_without_the_extra_the_checkpoint_answers_and_the_log_says_what_is_missing(
    tiny: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = kept_low_rank(tiny, "classifier", tmp_path / "made")
    adopt(tiny.adapters, card.id)
    monkeypatch.setitem(sys.modules, "peft", None)
    [answer] = open_engine(tiny).classify(pictures(1), LABELS)
    assert answer.revision == ""
    assert "needs the extra learn: pip install 'imgcap[learn]'" in caplog.text
    assert "Traceback" not in caplog.text
