"""Where the answers of the embedded models come from."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.explanation import curves, pointing, read
from imgcap.inference import CancelledError, ClassifyOptions, EngineError, open_engine
from imgcap.inference.local import LocalEngine
from imgcap.labels import LabelError
from imgcap.settings import Settings
from tests.checkpoints import engine_for
from tests.conftest import BuildCheckpoint

DATA = Path(__file__).resolve().parent.parent / "data"
LABELS = ("cat", "dog", "a person riding a horse", "food")


@pytest.fixture(scope="module")
def embedded() -> LocalEngine:
    engine = open_engine(Settings())
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
    embedded: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.curves.STEPS", 4)  # each is a picture to classify
    shown, labels = read(DATA / "samples", 8)
    found = curves(embedded, shown, labels, rivals_each=1)
    deletion, insertion = found["explained"].mean(0)
    for rival in ("random", "smooth random"):
        assert deletion < found[rival].mean(0)[0]
        assert insertion > found[rival].mean(0)[1]
    rates = pointing(embedded, shown[1:5], labels, neighbours=2)  # all pairs
    assert rates["label"] > 0.7
    assert rates["word"] > 0.55


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


def test_explaining_can_be_cancelled(embedded: LocalEngine) -> None:
    embedded.load()
    with pytest.raises(CancelledError):
        embedded.explain_label(sample("cat"), "cat", LABELS, cancel=lambda: True)
    with pytest.raises(CancelledError):
        embedded.explain_caption(sample("cat"), "a cat", cancel=lambda: True)
