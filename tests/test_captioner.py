import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
import transformers

from imgcap.inference import CancelledError, CaptionOptions, Captions, EngineError
from imgcap.inference.local import LocalEngine
from tests.checkpoints import engine_for, pictures
from tests.conftest import BuildCheckpoint

KINDS = ["blip", "git", "grid_captioner"]
GREEDY = CaptionOptions(num_beams=1, max_new_tokens=10)
BEAMS = CaptionOptions(num_beams=3, max_new_tokens=10)


def plain_generate(
    checkpoint: BuildCheckpoint, kind: str, prefix: str = "", **kwargs: Any
) -> list[str]:
    """Return the captions of one plain `generate` call on the three test pictures."""
    folder = checkpoint(kind)
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder)
    processor = transformers.AutoProcessor.from_pretrained(folder, backend="pil")
    inputs = processor(images=pictures(3), return_tensors="pt")
    if prefix:
        special = kind != "git"
        ids = processor.tokenizer(prefix, add_special_tokens=special).input_ids
        ids = ids if special else [processor.tokenizer.cls_token_id, *ids]
        inputs["input_ids"] = torch.tensor([ids] * 3)
    with torch.no_grad():
        tokens = model.generate(**inputs, do_sample=False, **kwargs)
    texts = processor.batch_decode(tokens, skip_special_tokens=True)
    return [" ".join(text.split()) for text in texts]


def texts(results: list[Captions]) -> list[str]:
    return [caption.text for result in results for caption in result.captions]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beams", [1, 3])
def test_captions_are_those_of_plain_generate(
    checkpoint: BuildCheckpoint, kind: str, beams: int
) -> None:
    expected = plain_generate(checkpoint, kind, num_beams=beams, max_new_tokens=10)
    options = CaptionOptions(num_beams=beams, max_new_tokens=10)
    results = engine_for(checkpoint(kind), "captioner").caption(pictures(3), options)
    assert texts(results) == expected
    assert len(set(expected)) > 1, "different pictures get different captions"


@pytest.mark.parametrize("kind", KINDS)
def test_a_prefix_begins_every_caption(checkpoint: BuildCheckpoint, kind: str) -> None:
    prefix = "a photograph of"
    expected = plain_generate(checkpoint, kind, prefix, num_beams=3, max_new_tokens=8)
    options = CaptionOptions(num_beams=3, max_new_tokens=8, prefix=prefix)
    results = engine_for(checkpoint(kind), "captioner").caption(pictures(3), options)
    assert texts(results) == expected
    assert all(text.startswith(prefix) and len(text) > len(prefix) for text in expected)


@pytest.mark.parametrize("kind", KINDS)
def test_n_best_captions_come_best_first(checkpoint: BuildCheckpoint, kind: str) -> None:
    expected = plain_generate(
        checkpoint, kind, num_beams=4, num_return_sequences=3, max_new_tokens=6
    )
    options = CaptionOptions(num_beams=4, num_captions=3, max_new_tokens=6)
    results = engine_for(checkpoint(kind), "captioner").caption(pictures(3), options)
    assert [len(result.captions) for result in results] == [3, 3, 3]
    assert texts(results) == expected
    for result in results:
        scores = [caption.score for caption in result.captions]
        assert scores == sorted(scores, reverse=True)
        assert result.best == result.captions[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beams", [1, 3])
def test_a_score_is_the_mean_log_probability_of_the_tokens(
    checkpoint: BuildCheckpoint, kind: str, beams: int
) -> None:
    [image] = pictures(1)
    options = CaptionOptions(num_beams=beams, max_new_tokens=10)
    [result] = engine_for(checkpoint(kind), "captioner").caption([image], options)
    folder = checkpoint(kind)
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder, backend="pil")
    inputs = processor(images=[image], return_tensors="pt")
    with torch.no_grad():
        tokens = model.generate(**inputs, do_sample=False, num_beams=beams, max_new_tokens=10)
        logits = model(**inputs, input_ids=tokens).logits
    start = tokens.shape[1] - 1
    steps = logits[:, -tokens.shape[1] :].log_softmax(-1)[0, :start]
    expected = steps.gather(1, tokens[0, 1:, None]).mean()
    assert result.best.score == pytest.approx(float(expected), abs=1e-3)
    assert result.best.confidence == pytest.approx(math.exp(float(expected)), abs=1e-3)


@pytest.mark.parametrize("kind", ["blip", "grid_captioner"])
@pytest.mark.parametrize("beams", [1, 3])
def test_lengths_are_kept(checkpoint: BuildCheckpoint, kind: str, beams: int) -> None:
    engine = engine_for(checkpoint(kind), "captioner")
    engine.load("captioner")
    loaded = engine._loaders["captioner"].get()
    end = loaded.processor.tokenizer.sep_token_id
    loaded.model.text_decoder.cls.predictions.bias[end] = 50  # it would end at once
    lengths = []
    loaded.model.text_decoder.cls.register_forward_hook(lambda *_: lengths.append(1))

    def steps(least: int, most: int) -> int:
        lengths.clear()
        options = CaptionOptions(num_beams=beams, min_new_tokens=least, max_new_tokens=most)
        [result] = engine.caption(pictures(1), options)
        assert -60 < result.best.score <= 0
        return len(lengths)

    assert steps(0, 20) <= 2
    assert steps(7, 20) in (8, 9)
    loaded.model.text_decoder.cls.predictions.bias[end] = -50  # it would never end
    assert steps(0, 5) == 5


@pytest.mark.parametrize("prefix", ["", "a photo"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_caption_says_how_long_it_is_and_whether_it_was_cut_off(
    checkpoint: BuildCheckpoint, kind: str, prefix: str
) -> None:
    engine = engine_for(checkpoint(kind), "captioner")
    options = CaptionOptions(num_beams=1, min_new_tokens=4, max_new_tokens=4, prefix=prefix)
    [cut] = engine.caption(pictures(1), options)
    assert (cut.best.tokens, cut.best.finished) == (4, False)
    loaded = engine._loaders["captioner"].get()
    end = loaded.processor.tokenizer.sep_token_id

    def end_at_once(_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return torch.full_like(scores, -math.inf).index_fill(1, torch.tensor([end]), 0.0)

    generate = loaded.model.generate
    loaded.model.generate = lambda **kwargs: generate(**kwargs, logits_processor=[end_at_once])
    [ended] = engine.caption(pictures(1), CaptionOptions(num_beams=1, prefix=prefix))
    assert (ended.best.tokens, ended.best.finished) == (0, True)
    assert ended.best.text == prefix


@pytest.mark.parametrize("kind", KINDS)
def test_batches_give_what_single_pictures_give(checkpoint: BuildCheckpoint, kind: str) -> None:
    engine = engine_for(checkpoint(kind), "captioner")
    steps: list[tuple[int, int]] = []
    batched = engine.caption(
        pictures(3),
        CaptionOptions(num_beams=3, max_new_tokens=10, batch_size=2),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(2, 3), (3, 3)]
    single = [engine.caption([image], BEAMS)[0] for image in pictures(3)]
    assert texts(batched) == texts(single)


def test_cancelling_stops_within_a_caption(checkpoint: BuildCheckpoint) -> None:
    asked = 0

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    engine = engine_for(checkpoint("blip"), "captioner")
    with pytest.raises(CancelledError):
        engine.caption(pictures(1), CaptionOptions(max_new_tokens=200), cancel=cancel)
    assert asked == 6
    assert engine.caption(pictures(1), GREEDY), "the engine still answers"


def test_no_picture_no_caption(checkpoint: BuildCheckpoint) -> None:
    assert engine_for(checkpoint("blip"), "captioner").caption([]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_beams": 0},
        {"num_beams": 17},
        {"max_new_tokens": 0},
        {"max_new_tokens": 201},
        {"min_new_tokens": 9, "max_new_tokens": 8},
        {"num_captions": 4},
        {"num_captions": 0},
        {"prefix": "x" * 201},
        {"batch_size": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match=r"^[A-Z].*\.$"):
        CaptionOptions(**wrong)


@pytest.mark.parametrize("kind", ["grid_captioner", "git"])
def test_a_length_beyond_the_model_is_cut_to_what_it_has_room_for(
    checkpoint: BuildCheckpoint, kind: str
) -> None:
    options = CaptionOptions(num_beams=1, min_new_tokens=200, max_new_tokens=200)
    [captions] = engine_for(checkpoint(kind), "captioner").caption(pictures(1), options)
    assert captions.best.text


def test_a_prefix_beyond_the_model_is_refused_in_one_sentence(checkpoint: BuildCheckpoint) -> None:
    engine = engine_for(checkpoint("grid_captioner"), "captioner")
    with pytest.raises(EngineError, match="prefix is too long"):
        engine.caption(pictures(1), CaptionOptions(prefix="x " * 100))


def words_told(engine: LocalEngine, options: CaptionOptions) -> tuple[list[str], str]:
    told: list[str] = []
    [captions] = engine.caption(pictures(1), options, on_words=told.append)
    return told, captions.best.text


@pytest.mark.parametrize("prefix", ["", "a photo"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_caption_is_told_word_by_word(
    checkpoint: BuildCheckpoint, kind: str, prefix: str
) -> None:
    options = CaptionOptions(num_beams=1, max_new_tokens=12, prefix=prefix)
    told, caption = words_told(engine_for(checkpoint(kind), "captioner"), options)
    assert len(told) > 1, "before it is done"
    assert told[-1] == caption
    assert all(len(early) < len(late) for early, late in pairwise(told))
    for text in told:
        assert f"{caption} ".startswith(f"{text} "), "nothing but whole words of the caption"


@pytest.mark.parametrize("kind", KINDS)
def test_of_several_beams_the_leading_one_is_told(checkpoint: BuildCheckpoint, kind: str) -> None:
    told, caption = words_told(engine_for(checkpoint(kind), "captioner"), BEAMS)
    assert told[-1] == caption
    assert all(early != late for early, late in pairwise(told))


def test_words_are_told_of_one_picture_only(checkpoint: BuildCheckpoint) -> None:
    told: list[str] = []
    engine = engine_for(checkpoint("blip"), "captioner")
    engine.caption(pictures(2), replace(GREEDY, batch_size=1), on_words=told.append)
    assert told == []
    description = engine.describe(pictures(1)[0], caption_options=GREEDY, on_words=told.append)
    assert told[-1] == description.caption


def test_who_listens_and_fails_disturbs_nobody(
    checkpoint: BuildCheckpoint, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def stumble(words: str) -> None:
        told.append(words)
        raise RuntimeError("a listener's bug")

    engine = engine_for(checkpoint("blip"), "captioner")
    [expected] = engine.caption(pictures(1), GREEDY)
    [captions] = engine.caption(pictures(1), GREEDY, on_words=stumble)
    assert captions.best == expected.best
    assert len(told) == 1
    assert "a listener's bug" in caplog.text


def test_a_cancelled_caption_is_told_no_further(checkpoint: BuildCheckpoint) -> None:
    told: list[str] = []
    engine = engine_for(checkpoint("blip"), "captioner")
    with pytest.raises(CancelledError):
        engine.caption(pictures(1), GREEDY, cancel=lambda: len(told) > 2, on_words=told.append)
    assert len(told) == 3
