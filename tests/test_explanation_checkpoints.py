"""Where the answers of CLIP, SigLIP, BLIP and others come from, on tiny checkpoints."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from imgcap.inference import EngineError, Relevance
from imgcap.inference.relevance import lay_over
from tests.checkpoints import build_clip, build_siglip, engine_for, pictures
from tests.conftest import BuildCheckpoint

LABELS = ("cat", "dog", "a person riding a horse", "food")
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 30),
    "blue": (40, 40, 230),
    "yellow": (230, 220, 30),
}


def train_on_colours(folder: Path, side: int, cells: int) -> None:
    """Teach a tiny checkpoint to tell in which colour one cell of a grey picture is painted."""
    model = transformers.AutoModelForZeroShotImageClassification.from_pretrained(folder)
    processor = transformers.AutoProcessor.from_pretrained(folder, backend="pil")
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    names = list(COLOURS)
    padding = {"max_length": 64} if model.config.model_type == "siglip" else {}
    texts = processor(
        text=[f"a photo of a {name}" for name in names],
        padding="max_length" if padding else True,
        return_tensors="pt",
        **padding,
    )
    with torch.no_grad():
        named = model.get_text_features(**texts).pooler_output
    named = torch.nn.functional.normalize(named - named.mean(0), dim=-1)
    answers = torch.arange(96) % len(names)
    painted = [paint(rng, side, cells, [names[answer]])[0] for answer in answers]
    inputs = processor(images=painted, return_tensors="pt")["pixel_values"]
    model.text_model.requires_grad_(requires_grad=False)
    optimiser = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), 2e-3)
    for _ in range(60):
        batch = torch.randint(0, len(answers), (24,))
        seen = model.get_image_features(pixel_values=inputs[batch]).pooler_output
        logits = 10 * torch.nn.functional.normalize(seen, dim=-1) @ named.T
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits, answers[batch]).backward()
        optimiser.step()
    model.save_pretrained(folder)


def paint(
    rng: np.random.Generator, side: int, cells: int, names: Sequence[str]
) -> tuple[Image.Image, dict[str, tuple[int, int]]]:
    """Return a grey picture with a cell in each colour, and the row and column of each."""
    pixels, size = rng.integers(90, 150, (side, side, 3)).astype(np.uint8), side // cells
    places = {}
    for name, place in zip(names, rng.permutation(cells**2), strict=False):
        row, column = divmod(int(place), cells)
        pixels[row * size :, column * size :][:size, :size] = COLOURS[name]
        places[name] = (row, column)
    return Image.fromarray(pixels), places


@pytest.mark.parametrize(
    ("build", "side", "cells", "least"), [(build_clip, 224, 7, 0.3), (build_siglip, 32, 2, 0.6)]
)
def test_transformer_attribution_finds_the_cell_that_was_learned(
    build: Any, side: int, cells: int, least: float, tmp_path: Path
) -> None:
    folder = build(tmp_path / "model")
    train_on_colours(folder, side, cells)
    engine, rng = engine_for(folder), np.random.default_rng(1)
    hits = []
    for _ in range(20):
        pair = [str(name) for name in rng.permutation(list(COLOURS))[:2]]
        image, places = paint(rng, side, cells, pair)
        for name in pair:
            found = engine.explain_label(image, name, list(COLOURS))
            peak = np.unravel_index(int(found.map.argmax()), found.map.shape)
            hits.append(tuple(map(int, peak)) == places[name])
    assert np.mean(hits) > least  # by chance one of the cells: 0.02 and 0.25


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2", "metaclip2"])
def test_explaining_a_transformer_leaves_it_and_its_scores_as_they_were(
    checkpoint: BuildCheckpoint, kind: str, dtype: str
) -> None:
    engine = engine_for(checkpoint(kind), dtype=dtype)
    [image] = pictures(1)
    before = engine.classify([image], LABELS)[0].predictions
    vision = engine._loaders["classifier"].get().model.vision_model
    attention = vision.config._attn_implementation
    found = {label: engine.explain_label(image, label, LABELS) for label in LABELS}
    assert vision.config._attn_implementation == attention
    assert all(parameter.grad is None for parameter in vision.parameters())
    for one in before:
        relevance = found[one.label]
        assert relevance.score == pytest.approx(one.score, abs=1e-5 if dtype == "float32" else 0.02)
        assert np.isfinite(relevance.map).all()
        assert relevance.map.min() >= 0
        assert relevance.map.dtype == np.float32
    engine._classifier = None  # so that nothing is remembered
    after = engine.classify([image], LABELS)[0].predictions
    assert [one.score for one in after] == pytest.approx([one.score for one in before], abs=1e-6)


def test_a_grid_of_the_pictures_own_shape_is_followed(checkpoint: BuildCheckpoint) -> None:
    wide = Image.new("RGB", (400, 100), "red")
    rows, columns = engine_for(checkpoint("siglip2")).explain_label(wide, "cat", LABELS).map.shape
    assert columns > 2 * rows


def test_a_map_lies_where_the_processor_cut_the_picture(checkpoint: BuildCheckpoint) -> None:
    engine = engine_for(checkpoint("clip"))
    wide = engine.explain_label(Image.new("RGB", (400, 100)), "cat", LABELS)
    assert wide.box == pytest.approx((0.375, 0, 0.625, 1), abs=0.01)
    tall = engine.explain_label(Image.new("RGB", (100, 200)), "cat", LABELS)
    assert tall.box == pytest.approx((0, 0.25, 1, 0.75), abs=0.01)


def test_a_map_is_laid_over_the_part_that_was_seen() -> None:
    grid = np.array([[1, 2], [3, 4]], np.float32)
    laid = lay_over(grid, (0.25, 0, 0.75, 1), 40, 20)
    assert laid.shape == (20, 40)
    assert not laid[:, :10].any()
    assert not laid[:, 30:].any()
    assert (laid[0, 10], laid[0, 29], laid[19, 10], laid[19, 29]) == (1, 2, 3, 4)
    beyond = lay_over(grid, (0, -0.5, 1, 1.5), 20, 20)
    assert beyond[0, 0] == pytest.approx(1, abs=0.1)
    assert beyond[19, 0] == pytest.approx(3, abs=0.1)


def test_threads_that_explain_and_classify_do_not_disturb_each_other(
    checkpoint: BuildCheckpoint,
) -> None:
    engine, images = engine_for(checkpoint("clip")), pictures(5)

    def explain(image: Image.Image) -> Relevance:
        return engine.explain_label(image, "cat", LABELS)

    expected = [explain(image).map for image in images]
    with ThreadPoolExecutor(6) as pool:
        maps = [pool.submit(explain, image) for image in images]
        scores = [pool.submit(engine.classify, [image], LABELS) for image in images]
        assert all(len(score.result()) == 1 for score in scores)
        for one, other in zip(maps, expected, strict=True):
            assert np.allclose(one.result().map, other, atol=1e-6)


@pytest.mark.parametrize("kind", ["grid_captioner", "blip"])
def test_every_word_of_a_caption_has_a_map(checkpoint: BuildCheckpoint, kind: str) -> None:
    engine = engine_for(checkpoint(kind), "captioner")
    [image] = pictures(1)
    caption = "Two  chihuahuas, playing\nfrisbee. 🐈"
    found = engine.explain_caption(image, caption)
    assert found.words[:4] == ("Two", "chihuahuas,", "playing", "frisbee.")
    assert found.maps.shape[0] == len(found.words)
    assert found.maps.dtype == np.float32
    assert found.maps.min() >= 0
    assert found.maps.sum((1, 2)) == pytest.approx(1, abs=1e-5)
    assert all(0 <= share <= 1 + 1e-5 for share in found.place_shares)
    assert len(found.place_shares) == len(found.concept_shares) == len(found.words)
    assert len(found.concepts) == (3 if kind == "grid_captioner" else 0)
    for places, concepts in zip(found.place_shares, found.concept_shares, strict=True):
        assert places + sum(concepts) <= 1 + 1e-5


@pytest.mark.parametrize(
    ("kind", "caption", "sentence"),
    [
        ("grid_captioner", " \n", "There are no words in the caption to explain."),
        ("grid_captioner", "word " * 80, "The caption is too long"),
        ("git", "a cat", "cannot be explained"),
    ],
)
def test_captions_that_cannot_be_explained_are_refused_in_a_sentence(
    checkpoint: BuildCheckpoint, kind: str, caption: str, sentence: str
) -> None:
    engine = engine_for(checkpoint(kind), "captioner")
    with pytest.raises(EngineError, match=sentence):
        engine.explain_caption(pictures(1)[0], caption)
