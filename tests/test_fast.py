"""Computing with OpenVINO: the answers of torch, a conversion once, and torch where it fails."""

import json
import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from imgcap.inference import CancelledError, CaptionOptions, ModelEvent, fast, open_engine
from imgcap.inference.events import Role
from imgcap.inference.fast import convert, files, runtime
from imgcap.inference.local import LocalEngine
from imgcap.settings import Settings
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint

OPTIONS = {
    "greedy": CaptionOptions(num_beams=1, min_new_tokens=12, max_new_tokens=12),
    "beams": CaptionOptions(num_beams=4, num_captions=3),
    "prefix": CaptionOptions(num_beams=3, prefix="a photo of two"),
    "batches": CaptionOptions(num_beams=2, batch_size=2),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("converted")


@pytest.fixture
def settings(checkpoint: BuildCheckpoint, cache: Path) -> Settings:
    return Settings(
        classifier=str(checkpoint("clip")),
        captioner=str(checkpoint("blip")),
        dtype="float32",
        device="cpu",
        runtime="auto",
        cache=cache,
    )


def engines(settings: Settings) -> tuple[LocalEngine, LocalEngine]:
    plain = LocalEngine(settings.model_copy(update={"runtime": "torch"}))
    return LocalEngine(settings), plain


def parts(engine: LocalEngine, role: Role) -> object:
    return engine._loaders[role].get().quick


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_captions_and_scores_are_those_of_torch(
    settings: Settings, options: CaptionOptions
) -> None:
    quick, plain = engines(settings)
    for found, expected in zip(
        quick.caption(pictures(), options), plain.caption(pictures(), options), strict=True
    ):
        assert [each.text for each in found.captions] == [each.text for each in expected.captions]
        assert [each.score for each in found.captions] == pytest.approx(
            [each.score for each in expected.captions], abs=1e-4
        )
    assert isinstance(parts(quick, "captioner"), runtime.Step)
    assert parts(plain, "captioner") is None


def test_labels_are_scored_as_by_torch(settings: Settings) -> None:
    quick, plain = engines(settings)
    labels = ["a cat", "a dog", "a train"]
    for found, expected in zip(
        quick.classify(pictures(), labels), plain.classify(pictures(), labels), strict=True
    ):
        assert {each.label: each.score for each in found.predictions} == pytest.approx(
            {each.label: each.score for each in expected.predictions}, abs=1e-4
        )
    assert isinstance(parts(quick, "classifier"), runtime.Tower)


def test_explanations_and_quick_captions_take_turns(settings: Settings) -> None:
    quick, plain = engines(settings)
    [image] = pictures(1)
    before = quick.caption([image], OPTIONS["greedy"])
    found, expected = (each.explain_caption(image, "a photo") for each in (quick, plain))
    assert found.maps == pytest.approx(expected.maps, abs=1e-5)
    assert quick.caption([image], OPTIONS["greedy"])[0].captions == before[0].captions


def test_a_trained_captioner_agrees_with_compressed_weights(tmp_path: Path) -> None:
    data = Settings().data
    folder = str(data / "models" / "imgcap-captioner-small")
    samples = str(data / "samples")
    wanted = files.Wanted("captioner", folder, folder, "bfloat16", compress=True, samples=samples)
    card = convert.convert(wanted, tmp_path)
    assert card["agrees"]
    assert card["compressed"]
    assert 1 > card["cosine"] >= convert.ENOUGH


def test_a_checkpoint_is_converted_once(settings: Settings) -> None:
    told: list[ModelEvent] = []
    open_engine(settings).load()
    open_engine(settings, told.append).load()
    assert "convert" not in {event.stage for event in told}
    assert {event.stage for event in told} >= {"load", "ready"}


def test_other_weights_are_another_conversion(settings: Settings, tmp_path: Path) -> None:
    wanted = files.Wanted(
        "captioner", "", settings.captioner, "float32", compress=False, samples=""
    )
    weights = Path(settings.captioner) / "model.safetensors"
    before = wanted.place(tmp_path)
    copy = tmp_path / weights.name
    copy.write_bytes(weights.read_bytes())
    assert wanted.place(tmp_path) == before
    moved = files.Wanted("captioner", "", str(tmp_path), "float32", compress=False, samples="")
    was = moved.place(tmp_path)
    assert was != before
    copy.write_bytes(weights.read_bytes() + b" ")
    assert moved.place(tmp_path) != was


def test_what_does_not_agree_is_left_to_torch(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "ENOUGH", 1.5)  # more than any cosine
    folder = settings.classifier
    wanted = files.Wanted("classifier", folder, folder, "float32", compress=False, samples="none")
    card = convert.convert(wanted, tmp_path)
    assert not card["agrees"]
    assert "cosine" in card["reason"]


def refused(engine: LocalEngine) -> Sequence[object]:
    engine.load("classifier")
    [answer] = engine.classify([Image.new("RGB", (9, 9))], ["a cat", "a dog"])
    assert len(answer.predictions) == 2
    return [parts(engine, "classifier")]


def test_a_refusal_is_remembered(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []

    def refuse(_: object, target: Path, __: object) -> None:
        ran.append(target)
        (target / files.CARD).write_text(json.dumps({"agrees": False, "reason": "cosine 0.9"}))

    monkeypatch.setattr(files, "_run", refuse)
    settings = settings.model_copy(update={"cache": tmp_path})
    assert refused(LocalEngine(settings)) == [None]
    assert refused(LocalEngine(settings)) == [None]
    assert len(ran) == 1


def test_a_conversion_that_fails_leaves_it_to_torch(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "broken.jpg").write_text("no picture")
    settings = settings.model_copy(update={"cache": tmp_path, "data": tmp_path})
    with caplog.at_level(logging.WARNING):
        assert refused(LocalEngine(settings)) == [None]
    assert "UnidentifiedImageError" in caplog.text


@pytest.mark.long
def test_a_damaged_graph_is_made_again(settings: Settings, cache: Path) -> None:
    open_engine(settings).load("classifier")
    for graph in cache.rglob(files.GRAPH):
        graph.write_text("<no graph>")
    assert refused(LocalEngine(settings)) == [None]
    told: list[ModelEvent] = []
    open_engine(settings, told.append).load("classifier")
    assert "convert" in {event.stage for event in told}


def test_a_graph_that_is_half_gone_leaves_it_to_torch(
    settings: Settings, tmp_path: Path, cache: Path
) -> None:
    open_engine(settings).load("classifier")
    copy = shutil.copytree(cache, tmp_path / "copy")
    weights = [file.with_suffix(".bin") for file in copy.rglob(files.GRAPH)]
    for file in weights:
        file.unlink()
    assert refused(LocalEngine(settings.model_copy(update={"cache": copy}))) == [None]
    assert any(not file.parent.exists() for file in weights), "the next load makes it again"


def test_a_conversion_can_be_cancelled(settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"cache": tmp_path})
    told: list[ModelEvent] = []
    engine = open_engine(settings, told.append)
    begun = time.monotonic()
    with pytest.raises(CancelledError):
        engine.load("classifier", cancel=lambda: bool(told) and told[-1].stage == "convert")
    assert time.monotonic() - begun < 30
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_without_the_extra_torch_computes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "PACKAGES", ("no_such_package_of_imgcap",))
    assert refused(LocalEngine(settings)) == [None]


def test_a_cache_that_cannot_be_written_leaves_it_to_torch(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "converted").write_text("in the way")
    assert refused(LocalEngine(settings.model_copy(update={"cache": tmp_path}))) == [None]


@pytest.mark.parametrize("runtime_of", ["torch", "auto"])
def test_embedded_models_stay_with_torch(runtime_of: str, tmp_path: Path) -> None:
    engine = LocalEngine(Settings(runtime=runtime_of, cache=tmp_path))
    engine.load()
    assert parts(engine, "classifier") is parts(engine, "captioner") is None


def test_openvino_reports_to_nobody() -> None:
    import sys

    runtime.import_openvino()
    assert sys.modules[runtime.TELEMETRY] is None
