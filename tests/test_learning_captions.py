import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import CancelledError, EngineError, open_engine
from imgcap.inference.local import LocalEngine
from imgcap.learning.captions.cider import CiderD, token_f1, words
from imgcap.learning.captions.evaluation import (
    CaptionEvaluation,
    CaptionPart,
    Measures,
    measured_captions,
)
from imgcap.learning.captions.examples import CaptionExamples
from imgcap.learning.captions.fitting import taught
from imgcap.learning.captions.gate import judge_captions
from imgcap.learning.captions.gather import gather_captions, judged_caption
from imgcap.learning.captions.learn import learn_captions
from imgcap.learning.captions.writer import Writer, open_writer
from imgcap.learning.intervals import Gain
from imgcap.learning.labels.gate import Verdict
from imgcap.learning.registry import keep_adapter
from imgcap.settings import Settings
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint
from tests.picture_files import encode


def pattern(seed: int) -> Image.Image:
    """A blurred pattern of colours, another one each time."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)


def examples(writer: Writer, seeds: Sequence[int], targets: Sequence[str]) -> CaptionExamples:
    count = len(seeds)
    return CaptionExamples(
        [each for seed in seeds for each in writer.encode([pattern(seed)])],
        tuple(targets),
        np.ones(count, bool),
        np.arange(count),
        np.arange(count) % 5,
        tuple(uuid4() for _ in seeds),
    )


@pytest.fixture
def settings(tmp_path: Path, checkpoint: BuildCheckpoint) -> Settings:
    return Settings(
        captioner=str(checkpoint("blip")),
        adapters=tmp_path / "adapters",
        pictures=tmp_path / "pictures",
        dtype="float32",
    )


def given(settings: Settings, seed: int = 0, **said: Any) -> FeedbackRecord:
    fields = {"rating": 2, "caption": "a thing", "captioner": settings.captioner} | said
    kept = PictureFolder(settings.pictures).keep(encode(pattern(seed), "PNG"))
    return FeedbackRecord(**{"picture_file": kept, "picture_sha256": kept} | fields)


def test_captions_nearer_to_what_is_telling_have_the_higher_cider() -> None:
    references = {
        1: [words("A dog runs across the field.")],
        2: [words("a man on the beach")],
        3: [words("a child with a red ball")],
    }
    cider = CiderD(references)
    scores = [
        cider.score(words(text), 1)
        for text in ("A DOG runs across the field", "a dog on the field", "a man on the beach")
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 7.5 > scores[1] > scores[2]
    assert cider.score(words("a a"), 1) == 0, "words that all captions have tell nothing"
    assert token_f1(words("a dog, a cat"), words("A dog")) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("said", "target", "corrected"),
    [
        ({"corrected_caption": " a  red flag "}, "a red flag", True),
        ({"corrected_caption": "A thing.", "rating": 1}, "A thing.", False),
        ({"rating": 4}, "a thing", False),
        ({"rating": 3}, None, None),
        ({"rating": 5, "caption": ""}, None, None),
        ({"corrected_caption": " ?! "}, None, None),
    ],
)
def test_what_a_record_says_of_its_caption(
    settings: Settings, *, said: dict[str, Any], target: str | None, corrected: bool | None
) -> None:
    found = judged_caption(given(settings, **said))
    if target is None:
        assert found is None
    else:
        assert found
        assert (found.target, found.corrected) == (target, corrected)


def test_only_captions_of_kept_pictures_and_this_captioner_teach(settings: Settings) -> None:
    writer = open_writer(settings)
    right = {"corrected_caption": "a red flag"}
    newest = given(settings, 1, corrected_caption="a blue flag", captioner_revision="+lora-x")
    records = [
        given(settings, 1, **right, time="2020-01-01T00:00:00+00:00"),
        newest,
        given(settings, 2, rating=5),
        given(settings, 3, **right, captioner="another"),
        given(settings, 4, **right, captioner_revision="another"),
        given(settings, 5, **right, picture_file=""),
        given(settings, 6, **right, picture_file="0" * 64),
    ]
    told: list[tuple[int, int]] = []
    gathered = gather_captions(
        records, writer, settings, progress=lambda done, total: told.append((done, total))
    )
    assert gathered.judged == 5
    found = gathered.examples
    assert dict(zip(found.targets, found.corrected.tolist(), strict=True)) == {
        "a blue flag": True,
        "a thing": False,
    }
    assert newest.id in found.records
    assert told[-1] == (3, 3), "one of them is gone"


def test_the_writer_writes_what_the_engine_writes(
    settings: Settings, checkpoint: BuildCheckpoint
) -> None:
    for folder in (settings.captioner, str(checkpoint("grid_captioner"))):
        chosen = settings.model_copy(update={"captioner": folder})
        writer = open_writer(chosen)
        said = [each.best.text for each in open_engine(chosen).caption(pictures(3))]
        assert (
            writer.write([row for image in pictures(3) for row in writer.encode([image])]) == said
        )


def test_a_taught_adapter_answers_in_the_engine_as_it_did_while_it_learned(
    settings: Settings, tmp_path: Path
) -> None:
    writer = open_writer(settings)
    targets = ["a red flag in the wind", "two dogs on a blue carpet"] * 3
    learned = examples(writer, range(6), targets)
    before = writer.write(learned.pictures)
    records = [
        given(settings, seed, corrected_caption=target) for seed, target in enumerate(targets)
    ]
    gathered = gather_captions(records, writer, settings)
    told: list[tuple[int, int]] = []
    made = learn_captions(
        gathered, tmp_path / "made", progress=lambda done, total: told.append((done, total))
    )
    assert not isinstance(made, Verdict)
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    assert made.card.sentence == (
        "Not enough evidence yet: 4 more corrected captions are needed to learn from."
    )
    assert made.card.records == gathered.examples.records
    assert writer.write(learned.pictures) == before, "it is as it was"
    keep_adapter(settings.adapters, made)
    assert {path.name for path in (settings.adapters / made.card.id).rglob("*")} == {
        *("adapter.json", "lora", "adapter_config.json", "adapter_model.safetensors")
    }
    engine = open_engine(settings)
    assert isinstance(engine, LocalEngine)
    engine.trying["captioner"] = made.card.id
    said = engine.caption([pattern(seed) for seed in range(6)])
    assert {each.revision for each in said} == {f"+{made.card.id}"}
    adapted = open_writer(settings, made.card.id)
    assert [each.best.text for each in said] == adapted.write(learned.pictures)
    assert [each.best.text for each in said] != before
    with pytest.raises(EngineError, match="cannot be used"):
        open_writer(settings, "lora-20200101-000000-000000")


def test_the_embedded_captioner_learns_a_style_that_it_keeps_on_other_pictures() -> None:
    writer = open_writer(Settings())
    seeds = range(18)
    seen = examples(writer, seeds, [""] * len(seeds))
    plain = writer.write(seen.pictures)
    styled = replace(seen, targets=tuple(f"{text} on a sunny day" for text in plain))
    learned, checked, unseen = (
        styled.at(np.arange(*places)) for places in ((0, 9), (9, 12), (12, 18))
    )
    with taught(writer, learned, checked, epochs=8) as adapter:
        after = writer.write(unseen.pictures)
        assert adapter.epochs
    found, _, _ = measured_captions(unseen, plain[12:], after)
    assert found.after.f1 > found.before.f1 + 0.1
    assert sum("on a sunny day" in text for text in after) >= 4
    assert writer.write(unseen.pictures) == plain[12:], "to the letter, once it is taken away"


def test_learning_that_is_cancelled_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    writer = open_writer(settings)
    learned = examples(writer, range(4), ["a red flag"] * 4)
    before = writer.write(learned.pictures)
    asked = iter([False, False, True])
    with (
        pytest.raises(CancelledError),
        taught(writer, learned, cancel=lambda: next(asked)) as adapter,
    ):
        adapter.save(tmp_path / "made", "x")
    assert not list(tmp_path.glob("made/*"))
    assert writer.write(learned.pictures) == before
    assert not any("lora" in name for name, _ in writer.model.named_modules())


def test_without_peft_it_says_what_is_needed_before_any_work(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [given(settings, seed, corrected_caption="a red flag") for seed in range(2)]
    gathered = gather_captions(records, open_writer(settings), settings)
    monkeypatch.setitem(sys.modules, "peft", None)

    def cancel() -> bool:
        pytest.fail("work began")

    with pytest.raises(EngineError, match="Learning captions needs the extra learn"):
        learn_captions(gathered, tmp_path, cancel=cancel)


def test_other_captioners_and_services_are_refused_in_a_sentence(
    settings: Settings, checkpoint: BuildCheckpoint
) -> None:
    git = settings.model_copy(update={"captioner": str(checkpoint("git"))})
    with pytest.raises(EngineError, match="cannot be taught: only captioners of BLIP's kind"):
        open_writer(git)
    service = settings.model_copy(update={"engine": "http://127.0.0.1:1"})
    with pytest.raises(EngineError, match="on the inference service's machine"):
        open_writer(service)


def part(count: int, gain: float, width: float = 0.1, f1: float = 0.0) -> CaptionPart:
    gains = [Gain(each, each - width, each + width) for each in (gain, f1)]
    return CaptionPart(count, Measures(1.0, 0.5), Measures(1.0 + gain, 0.5 + f1), *gains)


@pytest.mark.parametrize(
    ("found", "passed", "sentence"),
    [
        (CaptionEvaluation(part(40, 0.3), part(20, 0.5), part(20, 0.0), 20), True, "CIDEr 1.00 be"),
        (CaptionEvaluation(part(40, 0.3), part(20, 0.05), part(20, 0.0), 20), False, "not surely"),
        (CaptionEvaluation(part(40, -0.1), part(20, 0.5), part(20, 0.0), 20), False, "not surely"),
        (
            CaptionEvaluation(part(40, 0.3), part(20, 0.5), part(20, 0.0, f1=-0.2), 20),
            False,
            "20 points fewer of their words",
        ),
        (CaptionEvaluation(part(29, 0.3), part(9, 0.5), part(20, 0.0), 9), False, "1 more correct"),
        (CaptionEvaluation(part(20, 0.3), part(20, 0.5), None, 20), False, "10 more captions rat"),
    ],
)
def test_the_gate_wants_evidence_that_good_captions_stay_good(
    *, found: CaptionEvaluation, passed: bool, sentence: str
) -> None:
    verdict = judge_captions(found)
    assert verdict.passed == passed
    assert sentence in verdict.sentence
