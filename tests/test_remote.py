"""The engine over HTTP, against a service that fails in every way."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgcap.images import PictureError, open_picture
from imgcap.inference import (
    CancelledError,
    Engine,
    EngineError,
    ModelError,
    ModelEvent,
    open_engine,
)
from imgcap.labels import LabelError
from imgcap.remote import (
    ServiceAwayError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceTimeoutError,
)
from imgcap.remote.packing import packed
from imgcap.settings import Settings
from tests.ports import free_port
from tests.scripted_service import BOTH, CLASSIFICATION, Reply, Scripted, scripted

TOKEN = "a-secret"  # noqa: S105  # of a test
PICTURE = Image.new("RGB", (8, 6), "red")


@pytest.fixture
def service() -> Iterator[Scripted]:
    with scripted() as script:
        yield script


def engine_at(url: str, **settings: Any) -> Engine:
    return open_engine(Settings(engine=url, **settings))


def refusal(kind: str, status: int, **headers: str) -> Reply:
    body = json.dumps({"error": {"kind": kind, "message": f"This is wrong: {kind}."}})
    return Reply(body.encode(), status, headers)


def test_a_page_on_a_service_has_no_model_library_and_stays_small() -> None:
    program = """
import psutil, sys
import imgcap.widgets.chart, imgcap.widgets.gallery, imgcap.widgets.records
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


def test_a_service_that_is_away_and_comes_back_under_the_same_engine() -> None:
    port = free_port()
    engine = engine_at(f"http://127.0.0.1:{port}")
    with pytest.raises(ServiceAwayError, match=rf"at http://127.0.0.1:{port} cannot be reached"):
        engine.caption([PICTURE])
    assert engine.models["captioner"].stage == "failed"
    assert "cannot be reached" in engine.models["captioner"].message
    with scripted(port):
        [captions] = engine.caption([PICTURE])
    assert captions.best.text == "a cat"
    assert engine.models["captioner"] == ModelEvent("captioner", "theirs", "ready")


@pytest.mark.parametrize(
    "passing",
    [
        Reply(b"Internal Server Error", 500),
        Reply(b"<html>no such route</html>", 404),
        Reply(b"bad gateway", 502),
        Reply(breaks=True),
    ],
)
def test_a_failure_that_passes_is_met_by_another_attempt(passing: Reply, service: Scripted) -> None:
    service.replies = [passing, passing, Reply()]
    [captions] = engine_at(service.url).caption([PICTURE])
    assert captions.best.text == "a cat"
    first, second, third = service.times
    assert third - second > second - first > 0.1  # pauses grow


def test_a_busy_service_says_how_long_to_wait(service: Scripted) -> None:
    service.replies = [refusal("busy", 503, **{"Retry-After": "1"}), Reply()]
    [captions] = engine_at(service.url).caption([PICTURE])
    assert captions.best.text == "a cat"
    assert service.times[1] - service.times[0] > 0.7


def test_a_service_that_stays_busy(service: Scripted) -> None:
    service.replies = [refusal("busy", 503)]
    with pytest.raises(ServiceBusyError, match="is busy: try again"):
        engine_at(service.url, engine_timeout_s=1).caption([PICTURE])
    assert len(service.asked) >= 2


def test_a_service_that_does_not_answer_in_time(service: Scripted) -> None:
    service.replies = [Reply(seconds=2)]
    begun = time.monotonic()
    with pytest.raises(ServiceTimeoutError, match=r"did not answer within 0\.5 seconds"):
        engine_at(service.url, engine_timeout_s=0.5).caption([PICTURE])
    assert time.monotonic() - begun < 1.5


def test_a_service_that_wants_another_token(service: Scripted) -> None:
    service.replies = [refusal("token", 401)]
    with pytest.raises(ServiceRefusedError, match="IMGCAP_ENGINE_TOKEN") as refused:
        engine_at(service.url, engine_token=TOKEN).caption([PICTURE])
    assert TOKEN not in str(refused.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("picture", 422, PictureError),
        ("labels", 422, LabelError),
        ("engine", 422, EngineError),
        ("model", 500, ModelError),
        ("timeout", 504, ServiceError),
        ("failed", 500, ServiceError),
    ],
)
def test_what_a_service_refuses_is_raised_as_here(
    kind: str, status: int, expected: type[Exception], service: Scripted
) -> None:
    service.replies = [refusal(kind, status)]
    with pytest.raises(expected) as refused:
        engine_at(service.url).caption([PICTURE])
    assert type(refused.value) is expected
    if expected is not ServiceError:
        assert str(refused.value) == f"This is wrong: {kind}."
    assert len(service.asked) == 1  # it would be refused again


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"captions": 3}', b"\xff" * 20])
def test_an_answer_that_is_none(body: bytes, service: Scripted) -> None:
    service.replies = [Reply(body)]
    with pytest.raises(ServiceError, match="cannot be understood"):
        engine_at(service.url).caption([PICTURE])


def test_an_answer_without_end(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgcap.remote.client.MAX_ANSWER_BYTES", 1000)
    service.replies = [Reply(b" " * 2000 + Reply().body)]
    with pytest.raises(ServiceError, match="answers too much"):
        engine_at(service.url).caption([PICTURE])


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


def test_an_answer_that_breaks_off_is_asked_for_again_and_told_once(service: Scripted) -> None:
    service.replies = [Reply(BOTH, breaks=True), Reply(BOTH)]
    told: list[str] = []
    description = engine_at(service.url).describe(
        PICTURE, ["cat"], on_classified=lambda c: told.append(c.predictions[0].label)
    )
    assert service.asked == ["/v1/describe"] * 2
    assert told == ["cat"]
    assert description.caption == "a cat"


def test_a_caption_that_fails_after_the_labels(service: Scripted) -> None:
    problem = b'{"error": {"kind": "model", "message": "It has no weights."}}'
    service.replies = [Reply(b'{"classification": %s}\n%s\n' % (CLASSIFICATION, problem))]
    engine = engine_at(service.url)
    told: list[str] = []
    with pytest.raises(ModelError, match="It has no weights"):
        engine.describe(
            PICTURE, ["cat"], on_classified=lambda c: told.append(c.predictions[0].label)
        )
    assert told == ["cat"]
    assert engine.models["captioner"].message == "It has no weights."
    assert engine.models["classifier"].stage != "failed"


def test_an_answer_without_the_caption(service: Scripted) -> None:
    service.replies = [Reply(b'{"classification": %s}\n' % CLASSIFICATION)]
    with pytest.raises(ServiceError, match="only in part"):
        engine_at(service.url).describe(PICTURE, ["cat"])


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


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("size", [(400, 300), (16_400, 20)])  # WebP has no sides as long as that
def test_pixels_travel_without_loss(size: tuple[int, int]) -> None:
    image = noise(*size)
    arrived = open_picture(packed(image, 2**21, 10**6), "noise")
    assert np.array_equal(np.asarray(arrived.image), np.asarray(image))


@pytest.mark.parametrize("limits", [(100_000, 10**6), (2**20, 30_000)])
def test_a_picture_that_is_too_large_is_made_smaller(limits: tuple[int, int]) -> None:
    most_bytes, most_pixels = limits
    file = packed(noise(400, 300), most_bytes, most_pixels)
    smaller = open_picture(file, "noise", max_bytes=most_bytes, max_pixels=most_pixels)
    assert smaller.width / smaller.height == pytest.approx(4 / 3, rel=0.02)
    assert smaller.width * smaller.height > 0.9 * min(most_bytes / 3.01, most_pixels)


def test_a_model_sees_the_same_of_a_large_photograph() -> None:
    with Image.open(Settings().data / "samples" / "pagoda.jpg") as sample:
        photograph = sample.resize((2100, 1401), Image.Resampling.BICUBIC)
    file = packed(photograph, 2**26, 10**8)
    arrived = open_picture(file, "pagoda").image
    assert min(arrived.size) == 768
    assert len(file) < 2**20
    seen, meant = (
        np.asarray(image.resize((384, 384), Image.Resampling.BICUBIC), int)
        for image in (arrived, photograph)
    )
    assert np.abs(seen - meant).max() <= 3
