import numpy as np
import pytest

from imgcap.inference import CancelledError
from imgcap.labels import prompts
from tests.checkpoints import engine_for, pictures
from tests.conftest import BuildCheckpoint

KINDS = ["clip", "siglip", "siglip2", "align", "metaclip2"]
LABELS = ("cat", "dog", "a person riding a horse")


@pytest.mark.parametrize("kind", KINDS)
def test_similarity_to_prompts_ranks_labels_as_classifying_does(
    checkpoint: BuildCheckpoint, kind: str
) -> None:
    engine = engine_for(checkpoint(kind))
    vectors = engine.embed(pictures(3))
    texts = engine.embed_texts([prompts(label)[0] for label in LABELS])
    for matrix in (vectors, texts):
        assert matrix.dtype == np.float32
        assert np.linalg.norm(matrix, axis=1) == pytest.approx(1, abs=1e-5)
    for row, answer in zip(vectors @ texts.T, engine.classify(pictures(3), LABELS), strict=True):
        ranked = [LABELS[index] for index in np.argsort(-row)]
        assert ranked == [prediction.label for prediction in answer.predictions]


@pytest.mark.parametrize("kind", ["clip", "siglip", "align"])
def test_no_pictures_and_no_texts_still_multiply(checkpoint: BuildCheckpoint, kind: str) -> None:
    engine = engine_for(checkpoint(kind))
    assert (engine.embed([]) @ engine.embed_texts(["cat"]).T).shape == (0, 1)
    assert (engine.embed(pictures(2)) @ engine.embed_texts([]).T).shape == (2, 0)


def test_texts_are_embedded_as_they_are(checkpoint: BuildCheckpoint) -> None:
    engine = engine_for(checkpoint("clip"))
    plain, photo, again, odd = engine.embed_texts(["cat", "a photo of a cat", "cat", "🐈 " * 500])
    assert np.array_equal(plain, again)
    assert not np.allclose(plain, photo)
    assert np.isfinite(odd).all()


def test_a_picture_is_embedded_once_and_progress_is_told(checkpoint: BuildCheckpoint) -> None:
    engine = engine_for(checkpoint("clip"))
    engine.load("classifier")
    seen: list[int] = []
    engine._loaders["classifier"].get().model.vision_model.register_forward_hook(
        lambda *parts: seen.append(len(parts[2].pooler_output))
    )
    told: list[tuple[int, int]] = []
    images = pictures(5) * 2
    first = engine.embed(images, progress=lambda *counts: told.append(counts))
    assert told == [(8, 10), (10, 10)]
    assert np.array_equal(engine.embed(images), first)
    engine.classify(images, LABELS)
    assert sum(seen) == 5


def test_embedding_can_be_cancelled_between_batches(checkpoint: BuildCheckpoint) -> None:
    engine = engine_for(checkpoint("clip"))
    engine.load("classifier")
    told: list[int] = []
    with pytest.raises(CancelledError):
        engine.embed(
            pictures(5) * 4,
            cancel=lambda: bool(told),
            progress=lambda done, _: told.append(done),
        )
    assert told == [8]
