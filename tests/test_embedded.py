"""The embedded checkpoints as files: ordinary, small, documented, and usable with any request."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import transformers

from imgcap.images import Picture, open_picture
from imgcap.inference import CaptionOptions, Engine, open_engine
from imgcap.inference.checkpoints import REGISTRY
from imgcap.settings import Settings

SETTINGS = Settings(classifier="embedded", captioner="embedded")
MODELS = SETTINGS.data / "models"
ENTRIES = [entry for entry in REGISTRY if entry.embedded]
SOURCES = ("Flickr8k", "ImageNet", "100 sports", "15 human actions", "Intel", "Caltech-101")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = open_engine(SETTINGS)
    yield engine
    engine.close()


def sample(name: str) -> Picture:
    path = SETTINGS.data / "samples" / f"{name}.jpg"
    return open_picture(path.read_bytes(), path.name)


def folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_both_fit_into_sixty_megabytes_and_no_file_is_large() -> None:
    assert folder_size(MODELS) <= 60e6
    assert all(path.stat().st_size < 50e6 for path in MODELS.rglob("*"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_the_registry_tells_the_size(entry: object) -> None:
    assert round(folder_size(MODELS / entry.id) / 1e6) == entry.megabytes


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_a_folder_holds_configuration_safetensors_and_a_card(entry: object) -> None:
    names = {path.name for path in (MODELS / entry.id).iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= names
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".md"}


def test_they_load_through_the_plain_auto_classes() -> None:
    import imgcap.inference.embedded  # noqa: F401  # registers the captioner

    pair = {
        "imgcap-align-small": transformers.AutoModelForZeroShotImageClassification,
        "imgcap-captioner-small": transformers.AutoModelForImageTextToText,
    }
    for name, auto in pair.items():
        model, info = auto.from_pretrained(MODELS / name, output_loading_info=True)
        assert not info["missing_keys"]
        assert not info["unexpected_keys"]
        assert next(model.parameters()).device.type == "cpu"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_the_card_names_its_sources_and_terms(entry: object) -> None:
    card = (MODELS / entry.id / "README.md").read_text(encoding="utf-8")
    assert "Not for commercial use" in card
    assert all(source in card for source in SOURCES)


def test_the_cards_give_the_measured_figures() -> None:
    figures = json.loads((MODELS / "evaluation.json").read_text(encoding="utf-8"))
    classifier = (MODELS / "imgcap-align-small" / "README.md").read_text(encoding="utf-8")
    captioner = (MODELS / "imgcap-captioner-small" / "README.md").read_text(encoding="utf-8")
    for name in ("scenes6", "actions15", "sports100", "caltech101", "imagenet1k-one-each"):
        assert f"{figures[name]['top_1']:.1%}" in classifier
    assert f"{figures['flickr8k_captions']['CIDEr']:.3f}" in captioner


@pytest.mark.parametrize(
    ("name", "labels", "fitting"),
    [
        ("cat", ("a cat", "a dog", "a horse", "a fish"), {"a cat"}),
        ("coffee", ("a cup of coffee", "a wedding", "a car", "a mountain"), {"a cup of coffee"}),
        ("pagoda", ("a building", "a bowl of soup", "a dog", "a wedding"), {"a building"}),
        ("flower", ("a flower", "a bicycle", "a computer", "a person"), {"a flower"}),
    ],
)
def test_labels_never_trained_on_are_weighed_sensibly(
    engine: Engine, name: str, labels: tuple[str, ...], fitting: set[str]
) -> None:
    [result] = engine.classify([sample(name)], labels)
    assert result.predictions[0].label in fitting
    assert sum(prediction.score for prediction in result.predictions) == pytest.approx(1)


def test_odd_labels_get_scores(engine: Engine) -> None:
    labels = ("🐈", "猫", "x" * 200, "qzxv wkjq", "<b>cat</b>")
    [result] = engine.classify([sample("cat")], labels)
    assert {prediction.label for prediction in result.predictions} == set(labels)


@pytest.mark.parametrize("prefix", ["a photograph of", "there is", "🐈 ünïcode"])
def test_captions_go_on_from_a_prefix_in_whole_words(engine: Engine, prefix: str) -> None:
    options = CaptionOptions(prefix=prefix, num_beams=4, num_captions=4)
    [captions] = engine.caption([sample("cat")], options)
    assert len({caption.text for caption in captions.captions}) == 4
    for caption in captions.captions:
        assert "unk" not in caption.text.lower()
        if prefix.isascii():
            assert caption.text.startswith(prefix)
            assert len(caption.text) > len(prefix)
