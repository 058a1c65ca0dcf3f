import json
import shutil
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from imgcap.inference import ModelError, ModelEvent, devices, open_engine
from imgcap.inference.devices import choose_device, choose_dtype
from imgcap.inference.events import Role
from imgcap.inference.folders import Location
from imgcap.inference.local import LocalEngine
from imgcap.inference.pretrained import load
from imgcap.settings import Settings
from tests.checkpoints import build_blip, build_clip, fill_hub_cache, pictures
from tests.conftest import BuildCheckpoint

CLIP = "openai/clip-vit-base-patch32"
BLIP = "Salesforce/blip-image-captioning-base"


def copy_of(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def classify_with(folder: Path) -> str:
    """Return the sentence with which a folder is refused as a classifier."""
    engine = open_engine(Settings(classifier=str(folder)))
    with pytest.raises(ModelError) as refusal:
        engine.classify(pictures(1), ["cat", "dog"])
    sentence = str(refusal.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert engine.models["classifier"] == ModelEvent(
        "classifier", str(folder), "failed", message=sentence
    )
    return sentence


def test_the_seed_models_load_from_a_hub_cache_without_the_network(
    empty_hub: Path, checkpoint: BuildCheckpoint
) -> None:
    fill_hub_cache(empty_hub, CLIP, checkpoint("clip"), "1" * 40)
    fill_hub_cache(empty_hub, BLIP, checkpoint("blip"), "2" * 40)
    cached = open_engine(Settings(classifier=CLIP, captioner=BLIP, dtype="float32"))
    folders = Settings(
        classifier=str(checkpoint("clip")), captioner=str(checkpoint("blip")), dtype="float32"
    )
    [image] = pictures(1)
    one = cached.describe(image, ["cat", "dog"])
    two = open_engine(folders).describe(image, ["cat", "dog"])
    assert one.predictions == two.predictions
    assert one.caption == two.caption
    assert one.models == {"classifier": CLIP, "captioner": BLIP}


def test_a_cache_that_transformers_filled_is_enough(
    empty_hub: Path, checkpoint: BuildCheckpoint
) -> None:
    settings_only = fill_hub_cache(empty_hub, CLIP, checkpoint("clip"), "1" * 40)
    (settings_only / "model.safetensors").unlink()
    weights_only = fill_hub_cache(empty_hub, CLIP, checkpoint("clip"), "2" * 40)
    for file in weights_only.iterdir():
        if file.name != "model.safetensors":
            file.unlink()
    [result] = open_engine(Settings(classifier=CLIP)).classify(pictures(1), ["cat", "dog"])
    assert result.model == CLIP


@pytest.mark.parametrize(
    ("role", "hub_id"), [("classifier", CLIP), ("captioner", BLIP), ("captioner", "x/y")]
)
def test_no_hub_and_no_cache_is_one_sentence(empty_hub: Path, role: str, hub_id: str) -> None:
    assert not empty_hub.exists()
    settings = Settings(classifier=hub_id) if role == "classifier" else Settings(captioner=hub_id)
    engine = open_engine(settings)
    with pytest.raises(ModelError) as refusal:
        engine.describe(pictures(1)[0], ["cat"] if role == "classifier" else None)
    assert str(refusal.value) == (
        f"The {role} {hub_id} is not on this machine and could not be fetched (the hub is "
        "switched off by HF_HUB_OFFLINE): connect to the network and try again, "
        "or choose “embedded”."
    )


def test_a_pickled_checkpoint_is_refused(checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    folder = copy_of(checkpoint("clip"), tmp_path / "clip")
    state = {"weight": torch.zeros(1)}
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "only safetensors files are loaded" in classify_with(folder)


def test_damaged_and_incomplete_checkpoints_are_refused(
    checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    whole = checkpoint("clip")
    cut = copy_of(whole, tmp_path / "cut")
    weights = (whole / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    assert "its files are incomplete, damaged" in classify_with(cut)

    no_processor = copy_of(whole, tmp_path / "no-processor")
    (no_processor / "preprocessor_config.json").unlink()
    assert "could not be loaded" in classify_with(no_processor)

    unknown = copy_of(whole, tmp_path / "unknown")
    (unknown / "config.json").write_text('{"model_type": "no-such-model"}')
    assert "of a kind that this version does not know" in classify_with(unknown)


def test_foreign_code_is_never_run(checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    folder = copy_of(checkpoint("clip"), tmp_path / "clip")
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "evil"
    config["auto_map"] = {
        "AutoConfig": "evil.Config",
        "AutoModelForZeroShotImageClassification": "evil.Model",
    }
    (folder / "config.json").write_text(json.dumps(config))
    marker = tmp_path / "ran"
    (folder / "evil.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    assert "could not be loaded" in classify_with(folder)
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["git", "blip", "grid_captioner"])
def test_a_captioner_is_refused_as_a_classifier(checkpoint: BuildCheckpoint, kind: str) -> None:
    sentence = classify_with(checkpoint(kind))
    assert "choose another" in sentence


@pytest.mark.parametrize("kind", ["clip", "siglip", "align"])
def test_a_classifier_is_refused_as_a_captioner(checkpoint: BuildCheckpoint, kind: str) -> None:
    engine = open_engine(Settings(captioner=str(checkpoint(kind))))
    with pytest.raises(ModelError, match=rf"type {kind}, which is no captioner: choose another"):
        engine.caption(pictures(1))


def test_many_threads_share_one_load(checkpoint: BuildCheckpoint) -> None:
    events: list[ModelEvent] = []
    engine = open_engine(Settings(classifier=str(checkpoint("clip"))), events.append)
    [image] = pictures(1)
    answers = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        answers.append(engine.classify([image], ["cat", "dog"])[0].predictions)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert [event.stage for event in events] == ["load", "ready"]


def test_a_failure_is_not_kept(checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    folder = tmp_path / "late"
    folder.mkdir()
    engine = open_engine(Settings(classifier=str(folder)))
    with pytest.raises(ModelError):
        engine.load("classifier")
    shutil.copytree(checkpoint("clip"), folder, dirs_exist_ok=True)
    engine.load("classifier")
    assert engine.models["classifier"].stage == "ready"


def test_a_listener_that_fails_does_not_stop_the_load(checkpoint: BuildCheckpoint) -> None:
    def listener(_: ModelEvent) -> None:
        raise RuntimeError

    engine = open_engine(Settings(classifier=str(checkpoint("clip"))), listener)
    assert engine.classify([Image.new("RGB", (9, 9))], ["cat", "dog"])


@pytest.mark.parametrize("kind", ["clip", "align"])
def test_weights_get_the_dtype_that_was_asked_for(checkpoint: BuildCheckpoint, kind: str) -> None:
    folder = checkpoint(kind)
    for name in ("float32", "bfloat16"):
        settings = Settings(classifier=str(folder), dtype=name, device="cpu")
        loaded = load("x", Location(folder, folder), "classifier", settings)
        assert loaded.dtype == getattr(torch, name)
        dtypes = {parameter.dtype for parameter in loaded.model.parameters() if parameter.ndim}
        assert dtypes == {loaded.dtype}
        assert not loaded.model.training
        assert type(loaded.processor.image_processor).__name__.endswith("Pil")


def test_half_precision_on_disk_becomes_float32(
    checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    folder = copy_of(checkpoint("align"), tmp_path / "half")
    weights = load_file(folder / "model.safetensors")
    halves = {name: tensor.half() for name, tensor in weights.items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    settings = Settings(classifier=str(folder), device="cpu")
    model = load("x", Location(folder, folder), "classifier", settings).model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    projection = model.text_projection.weight
    assert torch.equal(projection, halves["text_projection.weight"].float())


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_trained_scale_is_never_rounded(checkpoint: BuildCheckpoint, kind: str) -> None:
    folder = checkpoint(kind)
    settings = Settings(classifier=str(folder), dtype="bfloat16", device="cpu")
    model = load("x", Location(folder, folder), "classifier", settings).model
    exact = load_file(folder / "model.safetensors")["logit_scale"]
    assert exact.bfloat16().float() != exact
    assert model.logit_scale == exact


def test_a_model_that_fails_while_it_answers_is_one_sentence(
    checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    folder = copy_of(checkpoint("clip"), tmp_path / "clip")
    preprocessor = json.loads((folder / "preprocessor_config.json").read_text())
    preprocessor |= {"size": 100, "crop_size": 100}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    engine = open_engine(Settings(classifier=str(folder)))
    with pytest.raises(ModelError, match=r"failed while it was answering; .*\.$"):
        engine.classify(pictures(1), ["cat", "dog"])


def test_the_automatic_dtype_is_bfloat16_where_tiles_multiply_it() -> None:
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or " amx_bf16" not in flags.read_text():
        pytest.skip("this processor has no such tiles, as far as /proc/cpuinfo tells")
    assert choose_dtype("auto", "cpu", "clip") == torch.bfloat16


@pytest.mark.parametrize(("rounded_s", "expected"), [(0.5, torch.bfloat16), (0.9, torch.float32)])
def test_without_tiles_the_automatic_dtype_is_that_of_the_quicker_product(
    monkeypatch: pytest.MonkeyPatch, rounded_s: float, expected: torch.dtype
) -> None:
    def product_s(rows: torch.Tensor) -> float:
        return rounded_s if rows.dtype == torch.bfloat16 else 1.0

    monkeypatch.setattr(devices, "has_amx", lambda: False)
    monkeypatch.setattr(devices, "_product_s", product_s)
    devices._bf16_pays.cache_clear()
    try:
        assert choose_dtype("auto", "cpu", "clip") == expected
    finally:
        devices._bf16_pays.cache_clear()


def test_the_automatic_dtype_stays_what_it_is() -> None:
    chosen = {choose_dtype("auto", "cpu", "blip") for _ in range(3)}
    assert len(chosen) == 1
    assert chosen < {torch.bfloat16, torch.float32}
    assert choose_dtype("auto", "cpu", "align") == torch.float32
    assert choose_dtype("float16", "cpu", "align") == torch.float16


def test_devices() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in {"cpu", "cuda", "mps"}
    with pytest.raises(ModelError, match="has no device “tpu”"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="has no device “cuda:1”"):
            choose_device("cuda:1")


@pytest.mark.slow
def test_the_seed_models_at_full_size(tmp_path: Path) -> None:
    clip = build_clip(tmp_path / "clip", tiny=False)
    blip = build_blip(tmp_path / "blip", tiny=False)
    engine = open_engine(Settings(classifier=str(clip), captioner=str(blip)))
    assert isinstance(engine, LocalEngine)
    description = engine.describe(pictures(1)[0], ["cat", "dog", "nature"])
    assert sum(p.score for p in description.predictions) == pytest.approx(1)
    assert description.captions is not None
    sizes = {
        role: sum(p.numel() for p in loader.get().model.parameters())
        for role, loader in engine._loaders.items()
    }
    assert sizes == {"classifier": 151_277_313, "captioner": 223_971_644}


def test_models_that_load_at_the_same_time_keep_their_dtypes(checkpoint: BuildCheckpoint) -> None:
    folders = {"classifier": checkpoint("align"), "captioner": checkpoint("blip")}
    wanted: list[tuple[Role, str]] = [("classifier", "float32"), ("captioner", "bfloat16")] * 8
    found: list[tuple[str, str]] = []
    barrier = threading.Barrier(len(wanted))

    def load_one(role: Role, dtype: str) -> None:
        folder = folders[role]
        settings = Settings(dtype=dtype, device="cpu")
        barrier.wait()
        model = load("x", Location(folder, folder), role, settings).model
        names = {str(value.dtype).removeprefix("torch.") for value in model.parameters()}
        buffers = {value.dtype for value in model.buffers() if value.is_floating_point()}
        found.append((role, ", ".join(names | {str(b).removeprefix("torch.") for b in buffers})))

    threads = [threading.Thread(target=load_one, args=pair) for pair in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(wanted)
    assert torch.get_default_dtype() == torch.float32
