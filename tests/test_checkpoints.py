import json
import re
from pathlib import Path

import pytest

from imgcap.inference import ModelError
from imgcap.inference.checkpoints import REGISTRY, is_present, local_folder
from imgcap.inference.folders import check_folder, has_weights
from imgcap.inference.hub_cache import find_cached, hub_cache
from imgcap.settings import Settings
from tests.checkpoints import fill_hub_cache
from tests.conftest import BuildCheckpoint

CLIP = "openai/clip-vit-base-patch32"
BLIP = "Salesforce/blip-image-captioning-base"


def test_the_registry_knows_one_embedded_and_one_pinned_checkpoint_for_each_role() -> None:
    for role, hub_id in (("classifier", CLIP), ("captioner", BLIP)):
        entries = [entry for entry in REGISTRY if entry.role == role]
        assert [entry.embedded for entry in entries] == [True, False]
        assert entries[1].id == hub_id
        assert re.fullmatch(r"[0-9a-f]{40}", entries[1].revision)
        assert all(entry.licence and entry.purpose and entry.languages for entry in entries)
        assert all(entry.megabytes > 0 for entry in entries)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/c"}, "/c"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/d"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/d"}, "/d/huggingface/hub"),
        ({"HOME": "/e"}, "/e/.cache/huggingface/hub"),
    ],
)
def test_the_cache_is_where_huggingface_hub_has_it(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hub_cache() == Path(expected)


def test_a_choice_is_a_folder_a_hub_id_or_a_sentence(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert local_folder(str(tmp_path), "classifier", settings) == tmp_path
    assert local_folder("some/model", "classifier", settings) is None
    for wrong in ("", "cat", "/no/such/folder", "./no/such", "~/no", "../none", "a/b/c", "a b/c"):
        with pytest.raises(ModelError, match=r"is neither a checkpoint folder nor a model id"):
            local_folder(wrong, "classifier", settings)
    for odd in ("a" * 10_000, "~nobody-of-this-name/model", "\0"):
        with pytest.raises(ModelError, match=r"is neither") as refusal:
            local_folder(odd, "classifier", settings)
        assert len(str(refusal.value)) < 400
    with pytest.raises(ModelError, match=r"The embedded captioner is missing"):
        local_folder("embedded", "captioner", settings)
    embedded = tmp_path / "models" / "imgcap-captioner-small"
    embedded.mkdir(parents=True)
    assert local_folder("embedded", "captioner", settings) == embedded


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is not a checkpoint: it has no config\.json\.$"):
        check_folder(tmp_path, "classifier")
    for content in ("{", "[]", "{}", '{"model_type": 3}', "\x00"):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ModelError, match=r"cannot be read\.$|does not say what kind"):
            check_folder(tmp_path, "classifier")
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(ModelError, match=r"holds no model\.safetensors\.$"):
        check_folder(tmp_path, "classifier")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"pickled, .* only safetensors files are loaded\.$"):
        check_folder(tmp_path, "classifier")


def test_sharded_weights_count_when_every_shard_is_there(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    (tmp_path / "one.safetensors").touch()
    assert not has_weights(tmp_path)
    (tmp_path / "two.safetensors").touch()
    assert has_weights(tmp_path)
    index.write_text(json.dumps({"weight_map": {"a": "../one.safetensors"}}))
    assert not has_weights(tmp_path / ".")
    index.write_text('{"weight_map": 3}')
    assert not has_weights(tmp_path)


def test_presence_in_the_hub_cache(empty_hub: Path, checkpoint: BuildCheckpoint) -> None:
    settings = Settings()
    assert not is_present(CLIP, "classifier", settings)
    assert find_cached(CLIP) is None
    snapshot = fill_hub_cache(empty_hub, CLIP, checkpoint("clip"), "1" * 40)
    assert is_present(CLIP, "classifier", settings)
    location = find_cached(CLIP)
    assert location is not None
    assert location.folder == location.weights == snapshot
    assert find_cached(CLIP, "2" * 40, exact=True) is None
    pinned = fill_hub_cache(empty_hub, CLIP, checkpoint("clip"), "2" * 40)
    location = find_cached(CLIP, "2" * 40, exact=True)
    assert location is not None
    assert location.weights == pinned
    for name in ("vocab.json", "tokenizer.json"):
        (snapshot / name).unlink()
        (pinned / name).unlink()
    assert not is_present(CLIP, "classifier", settings)


def test_a_cache_that_transformers_filled_keeps_weights_and_settings_apart(
    empty_hub: Path, checkpoint: BuildCheckpoint
) -> None:
    settings_only = fill_hub_cache(empty_hub, CLIP, checkpoint("clip"), "1" * 40)
    (settings_only / "model.safetensors").unlink()
    weights_only = fill_hub_cache(empty_hub, CLIP, checkpoint("clip"), "2" * 40)
    for file in weights_only.iterdir():
        if file.name != "model.safetensors":
            file.unlink()
    location = find_cached(CLIP)
    assert location is not None
    assert (location.folder, location.weights) == (settings_only, weights_only)


def test_a_reference_cannot_lead_out_of_the_cache(empty_hub: Path, tmp_path: Path) -> None:
    repository = empty_hub / "models--some--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "snapshots").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("config.json", "preprocessor_config.json", "vocab.txt", "model.safetensors"):
        (outside / name).write_text("{}")
    (repository / "refs" / "main").write_text("../../../../outside")
    assert (repository / "snapshots" / "../../../../outside").is_dir()
    assert find_cached("some/model") is None
