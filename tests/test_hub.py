import shutil
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from imgcap.inference import CancelledError, ModelError, ModelEvent, open_engine
from imgcap.inference.checkpoints import REGISTRY, is_present
from imgcap.inference.hub_cache import hub_offline
from imgcap.settings import Settings
from tests.checkpoints import fill_hub_cache
from tests.conftest import BuildCheckpoint
from tests.hub_server import Commit, Hub, serve

CLIP = "openai/clip-vit-base-patch32"
BLIP = "Salesforce/blip-image-captioning-base"
PINS = {entry.id: entry.revision for entry in REGISTRY}
CAT = Image.new("RGB", (40, 30), "orange")


@pytest.fixture
def hub(empty_hub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    assert not empty_hub.exists()
    with serve() as running:
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def test_a_download_reports_its_bytes_is_pinned_and_happens_once(
    hub: Hub, checkpoint: BuildCheckpoint
) -> None:
    hub.add(CLIP, "main", Commit("f" * 40, checkpoint("align")))
    hub.add(CLIP, PINS[CLIP], Commit(PINS[CLIP], checkpoint("clip")))
    events: list[ModelEvent] = []
    settings = Settings(classifier=CLIP, captioner=str(checkpoint("blip")))
    assert not is_present(CLIP, "classifier", settings)

    engine = open_engine(settings, events.append)
    assert engine.models["classifier"].stage == "waiting"
    [result] = engine.classify([CAT], ["cat", "dog"])

    assert (result.model, result.revision) == (CLIP, PINS[CLIP])
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == ["download", "load", "ready"]
    every_byte = sum(file.stat().st_size for file in checkpoint("clip").iterdir())
    downloads = [event for event in events if event.stage == "download"]
    assert downloads[-1].done == downloads[-1].total == every_byte
    assert not any("xet" in path for path in hub.requests), "that way could not be cancelled"
    assert is_present(CLIP, "classifier", settings)

    fetched = [path for path in hub.requests if path.startswith("GET") and "/resolve/" in path]
    assert fetched[-1].endswith("/model.safetensors"), "where the weights are, all is there"

    asked = len(hub.requests)
    [again] = open_engine(settings).classify([CAT], ["cat", "dog"])
    assert again.predictions == result.predictions
    assert len(hub.requests) == asked, "a checkpoint in the cache must not be asked for again"


def test_pickled_weights_are_replaced_by_the_bots_conversion_of_the_same_weights(
    hub: Hub, checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    blip = checkpoint("blip")
    hub.add(BLIP, "main", Commit(PINS[BLIP], blip, pickle=b"ours"))
    forged = Commit("a" * 40, blip, pickle=b"ours", conversion=True)
    hub.add_conversion(BLIP, forged, author="somebody")
    hub.add_conversion(BLIP, Commit("b" * 40, blip, pickle=b"others", conversion=True))
    hub.add_conversion(BLIP, Commit("c" * 40, blip, pickle=b"ours"))
    hub.add_conversion(BLIP, Commit("d" * 40, blip, pickle=b"ours", conversion=True))
    settings = Settings(captioner=BLIP)

    [captions] = open_engine(settings).caption([CAT])

    assert captions.best.text
    fetched = list((tmp_path / "hf").rglob("model.safetensors"))
    assert [path.parent.name for path in fetched] == ["d" * 40]
    assert not list((tmp_path / "hf").rglob("pytorch_model.bin"))
    asked = len(hub.requests)
    open_engine(settings).caption([CAT])
    assert len(hub.requests) == asked


def test_pickled_weights_without_a_conversion_are_refused(
    hub: Hub, checkpoint: BuildCheckpoint
) -> None:
    hub.add("some/body", "main", Commit("d" * 40, checkpoint("clip"), pickle=b"theirs"))
    with pytest.raises(ModelError, match=r"some/body has only pickled weights"):
        open_engine(Settings(classifier="some/body")).classify([CAT], ["cat", "dog"])


def test_a_download_can_be_cancelled_and_taken_up_again(
    hub: Hub, checkpoint: BuildCheckpoint
) -> None:
    hub.add(CLIP, PINS[CLIP], Commit(PINS[CLIP], checkpoint("clip")))
    events: list[ModelEvent] = []
    engine = open_engine(Settings(classifier=CLIP), events.append)
    with pytest.raises(CancelledError):
        engine.load("classifier", cancel=lambda: any(e.stage == "download" for e in events))
    assert engine.models["classifier"].stage == "failed"
    assert not any(event.stage == "load" for event in events)
    engine.load("classifier")
    assert engine.models["classifier"].stage == "ready"


@pytest.fixture
def large(checkpoint: BuildCheckpoint, tmp_path: Path) -> Path:
    """A checkpoint of a few megabytes, of which not all are weights."""
    clip = shutil.copytree(checkpoint("clip"), tmp_path / "clip")
    weights = load_file(clip / "model.safetensors")
    weights["padding"] = np.zeros(3_000_000, np.uint8)
    save_file(weights, clip / "model.safetensors", {"format": "pt"})
    (clip / "notes.txt").write_bytes(b"x" * 2_000_000)
    return clip


def test_a_person_sees_a_download_move_all_the_time(hub: Hub, large: Path) -> None:
    hub.add("some/body", "main", Commit("d" * 40, large))
    hub.pace = 0.5
    seen: list[tuple[float, int, int]] = []

    def look(event: ModelEvent) -> None:
        if event.stage == "download":
            seen.append((time.monotonic(), event.done, event.total))

    open_engine(Settings(classifier="some/body"), look).load("classifier")

    times, done, totals = zip(*seen, strict=True)
    assert set(totals) == {sum(file.stat().st_size for file in large.iterdir())}
    assert list(done) == sorted(done)
    assert done[-1] == totals[-1]
    assert times[-1] - times[0] > 1.5, "else nothing was shown"
    assert max(b - a for a, b in pairwise(times)) < 1
    assert max(b - a for a, b in pairwise(done)) < 0.2 * totals[-1]


def test_a_download_that_has_stalled_is_left_at_once_and_taken_up_where_it_was(
    hub: Hub, large: Path
) -> None:
    hub.add("some/body", "main", Commit("d" * 40, large))
    hub.stalled_after = 1_500_000
    events: list[ModelEvent] = []
    engine = open_engine(Settings(classifier="some/body"), events.append)
    pressed = threading.Event()
    threading.Timer(2, pressed.set).start()
    started = time.monotonic()
    with pytest.raises(CancelledError):
        engine.load("classifier", cancel=pressed.is_set)
    assert 2 <= time.monotonic() - started < 4
    told = len(events)
    hub.stalled_after = None
    for thread in threading.enumerate():
        if thread.name == "imgcap-download":
            thread.join(30)
    assert [event.stage for event in events[told - 1 :]] == ["failed"], "not a word after that"

    engine.load("classifier")
    again = next(event for event in events[told:] if event.stage == "download")
    assert again.done > 1_000_000
    assert engine.models["classifier"].stage == "ready"


def test_a_model_that_the_hub_does_not_have(hub: Hub) -> None:
    assert hub.url
    with pytest.raises(ModelError, match=r"no public model of this name\): .*“embedded”\.$"):
        open_engine(Settings(classifier="no/such")).classify([CAT], ["cat", "dog"])


def test_an_unreachable_hub_leaves_a_sentence_and_the_other_models(
    empty_hub: Path, checkpoint: BuildCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not empty_hub.exists()
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    engine = open_engine(Settings(classifier=str(checkpoint("clip")), captioner=BLIP))
    with pytest.raises(ModelError) as refusal:
        engine.caption([CAT])
    sentence = str(refusal.value)
    assert sentence.startswith(f"The captioner {BLIP} is not on this machine")
    assert "the model hub cannot be reached" in sentence
    assert "choose “embedded”" in sentence
    assert "\n" not in sentence
    assert engine.models["captioner"].message == sentence
    assert engine.classify([CAT], ["cat", "dog"])


def test_an_unreachable_hub_does_not_matter_when_another_revision_is_cached(
    empty_hub: Path, checkpoint: BuildCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_hub_cache(empty_hub, CLIP, checkpoint("clip"), "e" * 40)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    [result] = open_engine(Settings(classifier=CLIP)).classify([CAT], ["cat", "dog"])
    assert result.model == CLIP


def _hub_is_reachable() -> bool:
    try:
        with socket.create_connection(("huggingface.co", 443), timeout=3):
            return True
    except OSError:
        return False


@pytest.mark.hub
def test_the_seed_models_of_the_real_hub_know_the_samples() -> None:
    if hub_offline() or not _hub_is_reachable():
        pytest.skip("huggingface.co cannot be reached from here")
    engine = open_engine(Settings(classifier=CLIP, captioner=BLIP))
    labels = ["cat", "dog", "cup of coffee", "astronaut", "rocket", "flower", "temple"]
    expected = {
        "cat.jpg": ("cat", "cat"),
        "coffee.jpg": ("cup of coffee", "cup"),
        "rocket.jpg": ("rocket", "rocket"),
        "flower.jpg": ("flower", "flower"),
    }
    for name, (label, word) in expected.items():
        with Image.open(Settings().data / "samples" / name) as image:
            description = engine.describe(image.convert("RGB"), labels)
        assert description.predictions[0].label == label
        assert description.predictions[0].score > 0.8
        assert word in description.caption
