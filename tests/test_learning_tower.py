import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from imgcap.inference.adapter import LORA_FILES
from imgcap.inference.embedder import normalise
from imgcap.inference.errors import CancelledError, EngineError
from imgcap.inference.folders import check_folder
from imgcap.inference.loaded import Loaded
from imgcap.inference.lora import with_adapter
from imgcap.inference.pixels import prepare
from imgcap.inference.pretrained import load
from imgcap.learning.labels.adapters import logits
from imgcap.learning.labels.examples import Examples, Vocabulary
from imgcap.learning.labels.gate import judge
from imgcap.learning.tower.fitting import TaughtTower, fit_tower
from imgcap.learning.tower.halfway import see
from imgcap.learning.tower.rounds import Lesson, taught
from imgcap.learning.tower.tail import Tail
from imgcap.settings import Settings
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint

KINDS = ("clip", "siglip", "siglip2", "metaclip2", "align")
EACH = 8
FOLDS = 3


def loaded(folder: Path) -> Loaded:
    settings = Settings(device="cpu", dtype="float32", runtime="torch")
    return load(folder.name, check_folder(folder, "classifier"), "classifier", settings)


@pytest.fixture(scope="module")
def tiny(checkpoint: BuildCheckpoint) -> Loaded:
    return loaded(checkpoint("clip"))


def pattern(seed: int, *, warm: bool) -> Image.Image:
    """A blurred pattern in red or blue, each of another form."""
    light = np.random.default_rng(seed).integers(60, 255, (6, 6, 1))
    colour = np.array((255, 60, 40) if warm else (40, 90, 255))
    small = Image.fromarray((light * colour / 255).astype(np.uint8))
    return small.resize((64, 64), Image.Resampling.BICUBIC)


def patterns(each: int, seed: int = 0) -> list[Image.Image]:
    """Return as many of each kind, in turns."""
    return [pattern(seed + place, warm=place % 2 == 0) for place in range(2 * each)]


def embed(of: Loaded, images: list[Image.Image]) -> torch.Tensor:
    with torch.no_grad():
        output = of.model.get_image_features(**prepare(of.processor, images))
    return normalise(output.pooler_output)


def judged(of: Loaded, images: list[Image.Image]) -> tuple[Examples, Vocabulary]:
    """Say that each kind of pattern should be called what the model calls the other one."""
    vectors = embed(of, images).numpy()
    count = len(images)
    right = np.arange(count) % 2
    centres = np.stack([vectors[right == 1].mean(0), vectors[right == 0].mean(0)])
    other = np.random.default_rng(0).normal(size=(1, centres.shape[1]))
    texts = np.concatenate([centres, other])
    texts = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    vocabulary = Vocabulary(("a zink", "a blorp", "a cloud"), texts, texts, 100.0)
    examples = Examples(
        vectors,
        right,
        np.ones((count, 3), bool),
        np.ones(count, bool),
        np.arange(count),
        np.arange(count) // 2 % FOLDS,
        np.array([uuid4() for _ in range(count)], object),
    )
    return examples, vocabulary


def teach(of: Loaded, folder: Path, each: int = EACH) -> tuple[TaughtTower, Vocabulary]:
    images = patterns(each)
    examples, vocabulary = judged(of, images)
    made = fit_tower(of.model, of.processor, images, examples, vocabulary, folder)
    return made, vocabulary


def right_ones(
    of: Loaded, made: TaughtTower, vocabulary: Vocabulary, images: list[Image.Image]
) -> float:
    examples, _ = judged(of, images)
    found = logits(examples, vocabulary, made.weights)
    return float((found.argmax(1) == examples.right).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_blocks_make_of_what_was_noted_what_the_whole_tower_makes(
    kind: str, checkpoint: BuildCheckpoint
) -> None:
    of = loaded(checkpoint(kind))
    tail = Tail(of.model)
    inputs = prepare(of.processor, pictures(2))
    seen = tail.see(inputs)
    expected = embed(of, pictures(2))
    torch.testing.assert_close(seen.embeddings, expected)
    torch.testing.assert_close(tail.embed(seen), expected)
    torch.testing.assert_close(embed(of, pictures(2)), expected, msg="it is left as it was")
    with_blank = all(value == 0 for value in seen.inputs["pixel_values"].unique())
    assert with_blank, "else all pixels would stay in memory"


def test_other_models_are_refused_in_one_sentence(checkpoint: BuildCheckpoint) -> None:
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(checkpoint("git"))
    with pytest.raises(EngineError, match="no way to teach the picture tower of a model of type"):
        Tail(model)


@pytest.mark.parametrize("kind", ["clip", "align"])
def test_a_tower_comes_nearer_to_names_that_do_not_move(
    kind: str, checkpoint: BuildCheckpoint
) -> None:
    of = loaded(checkpoint(kind))
    images = patterns(EACH)
    examples, vocabulary = judged(of, images)
    confirmed = replace(examples, corrected=np.zeros(len(images), bool))
    halfway, _ = see(Tail(of.model), of.processor, images, len(images), lambda _: None)
    places, new = np.arange(len(images) - 4), np.arange(len(images) - 4, len(images))
    lesson = Lesson.of(halfway, confirmed, places, vocabulary)
    first = np.zeros_like(new)
    with torch.no_grad():
        before = float(lesson.loss(new, first, drift=0.0))
    with taught(lesson, places, places[:0], 2, lambda _: None), torch.no_grad():
        after = float(lesson.loss(new, first, drift=0.0))
        moved = 1 - (embed(of, images) * torch.from_numpy(examples.pictures)).sum(1).mean()
    assert after < 0.95 * before
    assert 0 < moved < 0.2, "and is held near its start"
    put_back = embed(of, images)
    torch.testing.assert_close(put_back, torch.from_numpy(examples.pictures), rtol=0, atol=1e-6)


def test_corrected_names_are_learned_and_found_in_new_pictures(
    tiny: Loaded, tmp_path: Path
) -> None:
    made, vocabulary = teach(tiny, tmp_path / "made")
    assert made.weights.labels == ("a zink", "a blorp")
    assert made.evaluation.everything.before.accuracy < 0.3
    assert made.evaluation.everything.after.accuracy > 0.9
    assert judge(made.evaluation).sentence
    new = patterns(10, seed=500)
    changed = replace(tiny, model=with_adapter(copy.deepcopy(tiny.model), tmp_path / "made"))
    assert right_ones(changed, made, vocabulary, new) > 0.9


def test_the_files_are_peft_s_and_change_nothing_but_the_picture_tower(
    tiny: Loaded, tmp_path: Path, checkpoint: BuildCheckpoint
) -> None:
    import peft

    examples, vocabulary = judged(tiny, images := patterns(EACH))
    confirmed = replace(examples, corrected=np.zeros(len(images), bool))
    before = {name: value.clone() for name, value in tiny.model.state_dict().items()}
    halfway, _ = see(Tail(tiny.model), tiny.processor, images, len(images), lambda _: None)
    everything = np.arange(len(images))
    lesson = Lesson.of(halfway, confirmed, everything, vocabulary)
    with taught(lesson, everything, everything[:0], 2, lambda _: None) as found:
        found.save(tmp_path)
    after = tiny.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(weight.requires_grad for weight in tiny.model.parameters())
    stored = load_file(tmp_path / LORA_FILES[1])
    assert stored
    assert all(".vision_model." in name for name in stored)
    assert str(checkpoint("clip")) not in (tmp_path / LORA_FILES[0]).read_text()
    merged = with_adapter(copy.deepcopy(tiny.model), tmp_path)
    loose = peft.PeftModel.from_pretrained(copy.deepcopy(tiny.model), str(tmp_path))
    pixels = prepare(tiny.processor, images)
    with torch.no_grad():
        seen = merged.get_image_features(**pixels).pooler_output
        torch.testing.assert_close(seen, loose.get_image_features(**pixels).pooler_output)
        assert not torch.allclose(normalise(seen), torch.from_numpy(examples.pictures), atol=1e-4)
    kept = merged.state_dict()
    others = [name for name in before if not name.startswith("vision_model.")]
    assert any(name.startswith("text_model.") for name in others)
    assert all(torch.equal(before[name], kept[name]) for name in others)


def test_taught_again_it_is_the_same(tiny: Loaded, tmp_path: Path) -> None:
    first, _ = teach(tiny, tmp_path / "first", each=4)
    second, _ = teach(tiny, tmp_path / "second", each=4)
    assert first.evaluation.everything == second.evaluation.everything
    one, other = (load_file(tmp_path / name / LORA_FILES[1]) for name in ("first", "second"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def stops_at(number: int) -> Callable[[], bool]:
    asked = iter(range(number))
    return lambda: next(asked, None) is None


@pytest.mark.parametrize("steps", [0, 5, 12])
def test_what_is_cancelled_leaves_nothing(steps: int, tiny: Loaded, tmp_path: Path) -> None:
    examples, vocabulary = judged(tiny, images := patterns(4))
    before = embed(tiny, images)
    with pytest.raises(CancelledError):
        fit_tower(
            *(tiny.model, tiny.processor, images, examples, vocabulary, tmp_path / "made"),
            cancel=stops_at(steps),
        )
    assert not list(tmp_path.iterdir())
    torch.testing.assert_close(embed(tiny, images), before, rtol=0, atol=1e-6)


def test_progress_goes_on_to_the_end(tiny: Loaded, tmp_path: Path) -> None:
    examples, vocabulary = judged(tiny, images := patterns(4))
    told: list[tuple[int, int]] = []
    fit_tower(
        *(tiny.model, tiny.processor, images, examples, vocabulary, tmp_path),
        progress=lambda done, total: told.append((done, total)),
    )
    counts = [done for done, _ in told]
    assert counts == sorted(counts)
    assert len(set(counts)) > 10
    assert {total for _, total in told} == {counts[-1]}


def test_pictures_that_are_gone_are_left_out(tiny: Loaded, tmp_path: Path) -> None:
    examples, vocabulary = judged(tiny, images := patterns(4))
    some = [None if place < 2 else image for place, image in enumerate(images)]
    made = fit_tower(tiny.model, tiny.processor, some, examples, vocabulary, tmp_path)
    assert made.examples.ids == examples.ids[2:]
    assert made.evaluation.everything.pictures == len(images) - 2
    with pytest.raises(ValueError, match="Nothing was corrected"):
        fit_tower(
            *(tiny.model, tiny.processor, [None] * len(images), examples, vocabulary, tmp_path)
        )


def test_a_single_picture_a_label_says_nothing_of_others_and_leaves_the_tower(
    tiny: Loaded, tmp_path: Path
) -> None:
    examples, vocabulary = judged(tiny, images := patterns(1))
    examples = replace(examples, folds=np.arange(2))
    made = fit_tower(tiny.model, tiny.processor, images, examples, vocabulary, tmp_path)
    assert made.epochs == 0
    same = with_adapter(copy.deepcopy(tiny.model), tmp_path)
    torch.testing.assert_close(
        embed(replace(tiny, model=same), images), torch.from_numpy(examples.pictures)
    )


@pytest.mark.long
def test_the_embedded_classifier_learns_names_that_it_does_not_know(tmp_path: Path) -> None:
    of = loaded(Path("data/models/imgcap-align-small"))
    made, vocabulary = teach(of, tmp_path / "made")
    assert made.evaluation.everything.after.accuracy > 0.9
    changed = replace(of, model=with_adapter(copy.deepcopy(of.model), tmp_path / "made"))
    assert right_ones(changed, made, vocabulary, patterns(5, seed=500)) > 0.9
