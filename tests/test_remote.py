"""The engine over HTTP: what it asks a service, and when."""

import subprocess
import sys
import threading
import time

import pytest

from imgcap.batches import describe_batches
from imgcap.images import open_picture
from imgcap.inference import CancelledError, EngineError, ModelEvent, open_engine
from imgcap.labels import LabelError
from imgcap.settings import Settings
from imgcap.sources import Source
from tests.picture_files import encode
from tests.scripted_service import ALL, BOTH, PICTURE, TOKEN, Reply, Scripted, engine_at


def test_a_page_on_a_service_has_no_model_library_and_stays_small() -> None:
    program = """
import psutil, sys
import imgcap.widgets.chart, imgcap.widgets.gallery.panel, imgcap.widgets.records
import imgcap.widgets.statistics
from imgcap.inference import EngineError, open_engine
from imgcap.settings import Settings
engine = open_engine(Settings(engine="http://127.0.0.1:9", engine_timeout_s=0.1))
try:
    engine.load()
except EngineError:
    pass
print(sorted({"torch", "transformers", "ray", "fastapi"} & set(sys.modules)))
print(psutil.Process().memory_info().rss / 2**20)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    loaded, megabytes = done.stdout.splitlines()
    assert loaded == "[]"
    assert float(megabytes) < 250


def test_a_caption_from_a_service_and_who_wrote_it(service: Scripted) -> None:
    told: list[ModelEvent] = []
    engine = open_engine(Settings(engine=service.url), told.append)
    assert engine.models["captioner"].checkpoint == service.url
    words: list[str] = []
    [captions] = engine.caption([PICTURE], on_words=words.append)
    assert (captions.best.text, captions.model) == ("a cat", "theirs")
    assert words == ["a cat"]
    assert told == [ModelEvent("captioner", "theirs", "ready")]
    assert engine.models["captioner"] == told[0]
    assert service.asked == ["/v1/caption"]


def test_many_pictures_are_asked_about_side_by_side(service: Scripted) -> None:
    service.replies = [Reply(seconds=0.3)]
    done: list[tuple[int, int]] = []
    answers = engine_at(service.url).caption([PICTURE] * 6, progress=lambda *n: done.append(n))
    assert len(answers) == len(service.asked) == 6
    assert done[-1] == (6, 6)
    assert max(service.times) - min(service.times) < 1.2  # 1.5 s one after the other


def test_the_token_goes_with_every_request(service: Scripted) -> None:
    engine_at(service.url, engine_token=TOKEN).caption([PICTURE])
    engine_at(service.url).caption([PICTURE])
    assert service.tokens == [f"Bearer {TOKEN}", None]


def test_labels_are_told_before_the_caption_of_the_same_request(service: Scripted) -> None:
    service.replies = [Reply(BOTH, pause=0.5)]
    told: list[tuple[float, str]] = []
    description = engine_at(service.url).describe(
        PICTURE,
        ["cat"],
        on_classified=lambda c: told.append((time.monotonic(), c.predictions[0].label)),
    )
    done = time.monotonic()
    assert service.asked == ["/v1/describe"]
    [(when, label)] = told
    assert label == "cat"
    assert done - when > 0.3
    assert description.caption == "a cat"
    assert (description.width, description.height) == PICTURE.size


def test_a_request_that_nobody_wants_any_more_ends_at_once(service: Scripted) -> None:
    service.replies = [Reply(seconds=1.5)]
    unwanted = threading.Event()
    threading.Timer(0.2, unwanted.set).start()
    begun = time.monotonic()
    with pytest.raises(CancelledError):
        engine_at(service.url).caption([PICTURE], cancel=unwanted.is_set)
    assert time.monotonic() - begun < 1


def test_labels_are_refused_as_here_without_asking(service: Scripted) -> None:
    with pytest.raises(LabelError, match="more than once"):
        engine_at(service.url).classify([PICTURE], ["cat", "Cat"])
    assert service.asked == []


def test_an_engine_that_was_closed_answers_again(service: Scripted) -> None:
    engine = engine_at(service.url)
    engine.caption([PICTURE])
    engine.close()
    engine.close()
    assert engine.caption([PICTURE])[0].best.text == "a cat"


@pytest.mark.parametrize("url", ["http://", "http://me:pass@host:1", "http://host/?token=pass"])
def test_an_address_that_cannot_be_used_is_not_repeated(url: str) -> None:
    with pytest.raises(EngineError, match="must be local or an address") as refused:
        engine_at(url)
    assert "pass" not in str(refused.value)


def test_a_folder_is_described_with_one_request_a_picture(service: Scripted) -> None:
    service.replies = [Reply(ALL)]
    opened = [
        (Source(name), open_picture(encode(PICTURE, "PNG"), name)) for name in ("a.png", "b.png")
    ]
    batches = describe_batches(engine_at(service.url), opened, ["cat"])
    outcomes = [outcome for batch in batches for outcome in batch]
    assert service.asked == ["/v1/describe"] * 2
    assert [(each.file, each.description.caption) for each in outcomes] == [
        ("a.png", "a cat"),
        ("b.png", "a cat"),
    ]
