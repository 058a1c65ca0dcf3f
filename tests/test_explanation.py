import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from benchmarks.explanation import curves, pointing, read
from imgcap.inference import (
    CancelledError,
    ClassifyOptions,
    EngineError,
    Relevance,
    open_engine,
)
from imgcap.inference.local import LocalEngine
from imgcap.inference.relevance import lay_over
from imgcap.labels import LabelError
from imgcap.settings import Settings
from tests.checkpoints import build_clip, build_siglip, pictures
from tests.conftest import BuildCheckpoint

DATA = Path(__file__).resolve().parent.parent / "data"
LABELS = ("cat", "dog", "a person riding a horse", "food")
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 30),
    "blue": (40, 40, 230),
    "yellow": (230, 220, 30),
}


@pytest.fixture(scope="module")
def embedded() -> LocalEngine:
    engine = open_engine(Settings())
    assert isinstance(engine, LocalEngine)
    return engine


def engine_for(folder: Path, role: str = "classifier", dtype: str = "float32") -> LocalEngine:
    engine = open_engine(Settings(**{role: str(folder)}, dtype=dtype, device="cpu"))
    assert isinstance(engine, LocalEngine)
    return engine


def sample(name: str) -> Image.Image:
    with Image.open(DATA / "samples" / f"{name}.jpg") as image:
        return image.convert("RGB")


def side_by_side(left: str, right: str) -> Image.Image:
    montage = Image.new("RGB", (640, 640))
    for at, name in ((0, left), (320, right)):
        montage.paste(sample(name).resize((320, 640)), (at, 0))
    return montage


def log_odds(engine: LocalEngine, image: Image.Image, labels: Sequence[str]) -> dict[str, float]:
    """Return each label's logit less the mean of the others', from its score."""
    [answer] = engine.classify([image], labels)
    logs = {one.label: math.log(one.score) for one in answer.predictions}
    total = sum(logs.values())
    return {label: log - (total - log) / (len(logs) - 1) for label, log in logs.items()}


@pytest.mark.parametrize("name", ["cat", "coffee"])
def test_the_cells_of_the_embedded_classifier_add_up_to_the_logit(
    embedded: LocalEngine, name: str
) -> None:
    expected = log_odds(embedded, sample(name), LABELS)
    for label in LABELS:
        relevance = embedded.explain_label(sample(name), label, LABELS)
        assert relevance.map.shape == (7, 7)
        assert relevance.map.sum() == pytest.approx(expected[label], rel=1e-4, abs=1e-4)
        assert relevance.box == (0, 0, 1, 1)


def test_what_speaks_for_one_of_two_labels_speaks_against_the_other(embedded: LocalEngine) -> None:
    image, labels = side_by_side("cat", "coffee"), ("cat", "cup of coffee")
    cat, cup = (embedded.explain_label(image, label, labels).map for label in labels)
    assert np.allclose(cat, -cup, atol=1e-4)
    assert cat[:, :3].sum() > 0 > cat[:, 4:].sum()


def test_an_independent_label_is_explained_against_a_prompt_that_names_nothing(
    embedded: LocalEngine,
) -> None:
    options = ClassifyOptions(independent=True)
    relevance = embedded.explain_label(sample("cat"), "cat", LABELS, options)
    [answer] = embedded.classify([sample("cat")], LABELS, options)
    [score] = [one.score for one in answer.predictions if one.label == "cat"]
    assert relevance.score == pytest.approx(score)
    assert relevance.map.sum() == pytest.approx(math.log(score / (1 - score)), rel=1e-3)


def test_a_label_without_rivals_is_explained_all_the_same(embedded: LocalEngine) -> None:
    relevance = embedded.explain_label(sample("cat"), " cat ", ["cat"])
    assert relevance.label == "cat"
    assert relevance.score == pytest.approx(1)
    assert np.abs(relevance.map).sum() > 0


def test_maps_delete_and_insert_better_than_chance_and_point_at_the_right_half(
    embedded: LocalEngine,
) -> None:
    shown, labels = read(DATA / "samples", 8)
    found = curves(embedded, shown, labels, rivals_each=1)
    deletion, insertion = found["explained"].mean(0)
    for rival in ("random", "smooth random"):
        assert deletion < found[rival].mean(0)[0]
        assert insertion > found[rival].mean(0)[1]
    rates = pointing(embedded, shown[1:5], labels, neighbours=2)  # all pairs
    assert rates["label"] > 0.7
    assert rates["word"] > 0.55


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
    answers = torch.arange(192) % len(names)
    painted = [paint(rng, side, cells, [names[answer]])[0] for answer in answers]
    inputs = processor(images=painted, return_tensors="pt")["pixel_values"]
    model.text_model.requires_grad_(requires_grad=False)
    optimiser = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), 2e-3)
    for _ in range(120):
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


@pytest.mark.parametrize(
    ("label", "labels", "kind", "sentence"),
    [
        ("bird", LABELS, EngineError, "“bird” is not among the candidate labels."),
        ("cat", (), LabelError, "There is no label"),
        ("", LABELS, LabelError, "is empty"),
    ],
)
def test_labels_that_cannot_be_explained_are_refused_in_a_sentence(
    embedded: LocalEngine,
    label: str,
    labels: Sequence[str],
    kind: type[Exception],
    sentence: str,
) -> None:
    with pytest.raises(kind, match=sentence):
        embedded.explain_label(sample("cat"), label, labels)


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
    assert all(0 <= share <= 1 for share in found.place_shares)
    assert len(found.place_shares) == len(found.concept_shares) == len(found.words)
    assert len(found.concepts) == (3 if kind == "grid_captioner" else 0)
    for places, concepts in zip(found.place_shares, found.concept_shares, strict=True):
        assert places + sum(concepts) <= 1 + 1e-5


@pytest.mark.parametrize("kind", ["embedded", "blip"])
def test_a_word_is_explained_by_what_stands_before_it_alone(
    checkpoint: BuildCheckpoint, embedded: LocalEngine, kind: str
) -> None:
    engine = embedded if kind == "embedded" else engine_for(checkpoint(kind), "captioner")
    one = engine.explain_caption(sample("cat"), "a dog runs in the snow")
    other = engine.explain_caption(sample("cat"), "a dog sleeps")
    assert np.allclose(one.maps[:2], other.maps[:2], atol=1e-5)
    assert not np.allclose(one.maps[2], other.maps[2], atol=1e-5)


def test_a_word_that_was_copied_names_its_concept(embedded: LocalEngine) -> None:
    found = embedded.explain_caption(sample("cat"), "a cat")
    shares = dict(zip(found.concepts, found.concept_shares[1], strict=True))
    assert "cat" in max(shares, key=lambda name: shares[name])
    assert max(shares.values()) > 0.5


def test_a_word_that_was_copied_lies_where_its_concept_is(embedded: LocalEngine) -> None:
    image, labels = sample("coffee"), ("cup of coffee", "cat", "building", "car")
    label = embedded.explain_label(image, "cup of coffee", labels).map
    _, cup = embedded.explain_caption(image, "a cup").maps
    assert np.corrcoef(label.ravel(), cup.ravel())[0, 1] > 0.6
    rows, columns = np.unravel_index(int(cup.argmax()), cup.shape)
    assert 1 <= rows <= 5
    assert 1 <= columns <= 5


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


def test_explaining_can_be_cancelled(embedded: LocalEngine) -> None:
    embedded.load()
    with pytest.raises(CancelledError):
        embedded.explain_label(sample("cat"), "cat", LABELS, cancel=lambda: True)
    with pytest.raises(CancelledError):
        embedded.explain_caption(sample("cat"), "a cat", cancel=lambda: True)
