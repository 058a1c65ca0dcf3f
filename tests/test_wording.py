from pathlib import Path

import pytest
from PIL import Image

from imgcap.inference import Caption, CaptionOptions, Captions, open_engine
from imgcap.inference.local import LocalEngine
from imgcap.inference.wording import (
    BEAMS,
    WEIGHT,
    Wording,
    find_candidates,
    longer,
    rank,
    shorter,
)
from imgcap.settings import Settings

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    engine = open_engine(Settings())
    assert isinstance(engine, LocalEngine)
    return engine


@pytest.fixture(scope="module")
def coffee() -> Image.Image:
    with Image.open(SAMPLES / "coffee.jpg") as image:
        return image.convert("RGB")


def test_the_classifier_may_overrule_the_captioner_and_the_captioner_the_classifier() -> None:
    likely, fitting, odd = Caption("likely", -0.5), Caption("fitting", -0.6), Caption("odd", -5.0)
    ranked = rank([likely, fitting, odd], [0.2, 0.4, 0.6])
    assert [each.caption for each in ranked] == [fitting, likely, odd]
    assert ranked[0].score == pytest.approx(-0.6 + WEIGHT * 0.4)
    assert [each.similarity for each in ranked] == [0.4, 0.2, 0.6]


def test_candidates_are_distinct_whole_captions_with_both_models_scores(
    engine: LocalEngine, coffee: Image.Image
) -> None:
    found = find_candidates(engine, coffee, CaptionOptions())
    texts = [each.caption.text for each in found]
    assert "a cup of coffee" in texts
    assert len(set(texts)) == len(texts) <= BEAMS
    assert all(each.caption.finished for each in found)
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
    similarities = engine.embed_texts(texts) @ engine.embed([coffee])[0]
    assert [each.similarity for each in found] == pytest.approx(similarities.tolist(), abs=1e-5)


def test_shorter_and_longer_captions_keep_their_word(
    engine: LocalEngine, coffee: Image.Image
) -> None:
    options = CaptionOptions(prefix="a photo of")
    present = engine.caption([coffee], options)[0].best
    asked = longer(options, present)
    assert asked is not None
    assert asked.prefix == options.prefix
    long = find_candidates(engine, coffee, asked)[0].caption
    assert long.tokens >= present.tokens + 2
    asked = shorter(options, long)
    assert asked is not None
    short = find_candidates(engine, coffee, asked)
    assert short
    assert all(each.caption.tokens < long.tokens for each in short)


def test_there_is_an_end_to_shorter_and_longer() -> None:
    assert shorter(CaptionOptions(), Caption("cat", -1.0, tokens=1)) is None
    assert longer(CaptionOptions(), Caption("cat " * 199, -1.0, tokens=199)) is None
    asked = longer(CaptionOptions(), Caption("cat " * 198, -1.0, tokens=198))
    assert asked is not None
    assert (asked.min_new_tokens, asked.max_new_tokens) == (200, 200)


def test_only_captions_that_were_cut_off_are_no_candidates(
    engine: LocalEngine, coffee: Image.Image
) -> None:
    cut = CaptionOptions(min_new_tokens=3, max_new_tokens=3)
    assert find_candidates(engine, coffee, cut) == ()


def test_a_preferred_caption_stands_before_those_of_the_answer() -> None:
    first, second = Caption("a cat", -0.2), Caption("a dog", -0.4)
    written = Captions((first, second), "fake", 3.0, "abc")
    assert Wording.preferring(second, written).captions == Captions(
        (second, first), "fake", 3.0, "abc"
    )
    other = Wording.preferring(Caption("a cow", -1.0), written)
    assert [each.text for each in other.captions.captions] == ["a cow", "a cat", "a dog"]
    assert other.written == written
