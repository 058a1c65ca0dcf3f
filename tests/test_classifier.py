from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from PIL import Image

from imgcap.inference import (
    CancelledError,
    Classification,
    ClassifyOptions,
    EngineError,
    open_engine,
)
from imgcap.inference.calibration import Calibration
from imgcap.inference.local import LocalEngine
from imgcap.labels import ENSEMBLE_TEMPLATES, LabelError, prompts
from imgcap.learning.confidence.calibrate import keep_calibration
from imgcap.settings import Settings
from tests.checkpoints import engine_for, pictures
from tests.conftest import BuildCheckpoint

KINDS = ["clip", "siglip", "siglip2", "align", "metaclip2"]
SIGMOID = {"siglip", "siglip2"}
LABELS = ("cat", "a photo of a dog", "a person riding a horse", "nature", "food")


def reference_logits(
    checkpoint: BuildCheckpoint, kind: str, images: Sequence[Image.Image], texts: Sequence[str]
) -> torch.Tensor:
    """Return the logits of one joint call, as transformers documents it."""
    folder = checkpoint(kind)
    model = transformers.AutoModelForZeroShotImageClassification.from_pretrained(folder)
    processor = transformers.AutoProcessor.from_pretrained(folder, backend="pil")
    padding: dict[str, Any] = {"padding": True, "truncation": True}
    if kind in SIGMOID:
        padding = {"padding": "max_length", "max_length": 64}
    inputs = processor(text=list(texts), images=list(images), return_tensors="pt", **padding)
    with torch.no_grad():
        logits: torch.Tensor = model(**inputs).logits_per_image
    return logits


def in_label_order(result: Classification, labels: Sequence[str]) -> list[float]:
    scores = {prediction.label: prediction.score for prediction in result.predictions}
    return [scores[label] for label in labels]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_equal_one_joint_call_of_transformers(
    checkpoint: BuildCheckpoint, kind: str
) -> None:
    images = pictures(3)
    expected = reference_logits(
        checkpoint, kind, images, [prompts(label)[0] for label in LABELS]
    ).softmax(dim=-1)
    results = engine_for(checkpoint(kind)).classify(images, LABELS)
    for result, row in zip(results, expected, strict=True):
        assert in_label_order(result, LABELS) == pytest.approx(row.tolist(), abs=1e-5)
        scores = [prediction.score for prediction in result.predictions]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1, abs=1e-6)
        assert result.ms > 0


@pytest.mark.parametrize("kind", ["siglip", "siglip2"])
def test_independent_scores_are_the_trained_sigmoid(checkpoint: BuildCheckpoint, kind: str) -> None:
    [image] = pictures(1)
    logits = reference_logits(checkpoint, kind, [image], [prompts(label)[0] for label in LABELS])
    [result] = engine_for(checkpoint(kind)).classify(
        [image], LABELS, ClassifyOptions(independent=True)
    )
    assert in_label_order(result, LABELS) == pytest.approx(logits.sigmoid()[0].tolist(), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_independent_score_does_not_depend_on_the_other_labels(
    checkpoint: BuildCheckpoint, kind: str
) -> None:
    [image] = pictures(1)
    engine = engine_for(checkpoint(kind))
    options = ClassifyOptions(independent=True)
    [alone] = engine.classify([image], ["cat"], options)
    [together] = engine.classify([image], LABELS, options)
    assert together.independent
    assert in_label_order(together, ["cat"]) == pytest.approx(in_label_order(alone, ["cat"]))
    assert all(0 < prediction.score < 1 for prediction in together.predictions)


def test_independent_scores_of_a_softmax_model_are_weighed_against_naming_nothing(
    checkpoint: BuildCheckpoint,
) -> None:
    [image] = pictures(1)
    [result] = engine_for(checkpoint("clip")).classify(
        [image], ["photo"], ClassifyOptions(templates=("a {}",), independent=True)
    )
    texts = ["a a photo", "a photo", "a picture", "a photo of something"]
    model = transformers.CLIPModel.from_pretrained(checkpoint("clip"))
    processor = transformers.AutoProcessor.from_pretrained(checkpoint("clip"), backend="pil")
    inputs = processor(text=texts, images=image, return_tensors="pt", padding=True)
    with torch.no_grad():
        output = model(**inputs)
    neutral = output.text_embeds[1:].mean(0)
    difference = output.image_embeds[0] @ (output.text_embeds[0] - neutral / neutral.norm())
    expected = (model.logit_scale.detach().exp() * difference).sigmoid()
    assert result.predictions[0].score == pytest.approx(float(expected), abs=1e-5)


def test_an_ensemble_is_the_mean_of_normalised_embeddings(checkpoint: BuildCheckpoint) -> None:
    [image] = pictures(1)
    engine = engine_for(checkpoint("clip"))
    [result] = engine.classify([image], LABELS, ClassifyOptions(templates=ENSEMBLE_TEMPLATES))
    model = transformers.CLIPModel.from_pretrained(checkpoint("clip"))
    processor = transformers.AutoProcessor.from_pretrained(checkpoint("clip"), backend="pil")
    rows = []
    for label in LABELS:
        texts = list(prompts(label, ENSEMBLE_TEMPLATES))
        inputs = processor(text=texts, images=image, return_tensors="pt", padding=True)
        with torch.no_grad():
            output = model(**inputs)
        mean = output.text_embeds.mean(0)
        rows.append(
            float(
                model.logit_scale.detach().exp() * (output.image_embeds[0] @ (mean / mean.norm()))
            )
        )
    expected = torch.tensor(rows).softmax(0).tolist()
    assert in_label_order(result, LABELS) == pytest.approx(expected, abs=1e-5)


class Calls:
    """Counts the rows that go through a tower of a loaded model."""

    def __init__(self, engine: LocalEngine, tower: str) -> None:
        engine.load("classifier")
        module = getattr(engine._loaders["classifier"].get().model, tower)
        self.rows = 0
        module.register_forward_hook(self._count, with_kwargs=True)

    def _count(self, _module: Any, _args: Any, kwargs: dict[str, Any], _output: Any) -> None:
        self.rows += len(kwargs.get("input_ids", kwargs.get("pixel_values")))


def test_each_label_is_encoded_once(checkpoint: BuildCheckpoint) -> None:
    engine = engine_for(checkpoint("clip"))
    calls = Calls(engine, "text_model")
    [image] = pictures(1)
    engine.classify([image], ["cat", "dog", "bird"])
    assert calls.rows == 3
    engine.classify([image], ["bird", "cat", "dog", "horse"])
    assert calls.rows == 4, "adding one label encodes one label"
    engine.classify([image], ["dog"])
    assert calls.rows == 4
    engine.classify([image], ["dog"], ClassifyOptions(templates=("a drawing of {}",)))
    assert calls.rows == 5, "another template is another text"


def test_a_picture_is_encoded_once_whatever_is_asked_about_it(checkpoint: BuildCheckpoint) -> None:
    engine = engine_for(checkpoint("clip"))
    calls = Calls(engine, "vision_model")
    first, second = pictures(2)
    engine.classify([first], ["cat", "dog"])
    engine.classify([first, second], ["cat", "bird"])
    engine.classify([second, first], ["cat"], ClassifyOptions(independent=True))
    assert calls.rows == 2
    mirrored = first.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    engine.classify([mirrored], ["cat", "dog"])
    assert calls.rows == 3, "an edited picture is another picture"


def test_the_same_picture_twice_in_a_batch(checkpoint: BuildCheckpoint) -> None:
    [image] = pictures(1)
    one, two = engine_for(checkpoint("clip")).classify([image, image], LABELS)
    assert one.predictions == two.predictions


def test_batches_give_what_single_pictures_give(checkpoint: BuildCheckpoint) -> None:
    images = pictures(5)
    steps: list[tuple[int, int]] = []
    batched = engine_for(checkpoint("clip")).classify(
        images,
        LABELS,
        ClassifyOptions(batch_size=2),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(2, 5), (4, 5), (5, 5)]
    single = engine_for(checkpoint("clip"))
    for image, result in zip(images, batched, strict=True):
        [alone] = single.classify([image], LABELS)
        assert in_label_order(result, LABELS) == pytest.approx(
            in_label_order(alone, LABELS), abs=1e-5
        )


@pytest.mark.parametrize("kind", KINDS)
def test_labels_longer_than_the_model_reads_are_cut(checkpoint: BuildCheckpoint, kind: str) -> None:
    long = " ".join(["zebra"] * 33)
    strange = "\U0001f40e <b>über</b> 馬"
    [result] = engine_for(checkpoint(kind)).classify(pictures(1), [long, strange, "cat"])
    assert len(result.predictions) == 3
    assert sum(prediction.score for prediction in result.predictions) == pytest.approx(1)


def test_cancelling_stops_between_batches(checkpoint: BuildCheckpoint) -> None:
    seen: list[int] = []
    with pytest.raises(CancelledError):
        engine_for(checkpoint("clip")).classify(
            pictures(5),
            LABELS,
            ClassifyOptions(batch_size=1),
            progress=lambda done, _: seen.append(done),
            cancel=lambda: len(seen) >= 2,
        )
    assert seen == [1, 2]


def test_bad_questions_are_refused_before_a_model_is_loaded(checkpoint: BuildCheckpoint) -> None:
    engine = engine_for(checkpoint("clip"))
    for labels in ([], ["cat", "Cat "], [""], ["x" * 201]):
        with pytest.raises(LabelError):
            engine.classify(pictures(1), labels)
    with pytest.raises(LabelError, match=r"has no \{\}"):
        engine.classify(pictures(1), ["cat"], ClassifyOptions(templates=("a photo",)))
    with pytest.raises(EngineError):
        ClassifyOptions(templates=())
    assert engine.models["classifier"].stage == "waiting"
    assert engine.classify([], ["cat"]) == []


def test_bfloat16_ranks_as_float32_does(checkpoint: BuildCheckpoint) -> None:
    [image] = pictures(1)
    [exact] = engine_for(checkpoint("clip")).classify([image], LABELS)
    [rounded] = engine_for(checkpoint("clip"), dtype="bfloat16").classify([image], LABELS)
    assert in_label_order(rounded, LABELS) == pytest.approx(in_label_order(exact, LABELS), abs=0.05)


def test_the_threshold_is_that_of_the_question_or_of_the_checkpoint(
    checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    settings = Settings(classifier=str(checkpoint("clip")), calibration=tmp_path)
    engine = open_engine(settings)
    [plain] = engine.classify(pictures(1), ["cat", "dog"])
    assert (plain.temperature, plain.none_threshold) == (1.0, 0.1)
    learned = Calibration(checkpoint=plain.model, temperature=2.0, none_threshold=0.3)
    keep_calibration(tmp_path, learned)
    for independent in (False, True):
        asked = ClassifyOptions(independent=independent)
        [answer] = engine.classify(pictures(1), ["cat", "dog"], asked)
        assert (answer.temperature, answer.none_threshold) == (2.0, 0.3)
    [own] = engine.classify(pictures(1), ["cat", "dog"], ClassifyOptions(none_threshold=0.0))
    assert own.none_threshold == 0.0
    with pytest.raises(EngineError, match="between 0 and 1"):
        ClassifyOptions(none_threshold=1.1)
