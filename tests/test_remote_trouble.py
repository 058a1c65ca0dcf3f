"""The engine over HTTP, against a service that fails in every way."""

import time

import pytest

from imgcap.images import PictureError
from imgcap.inference import EngineError, ModelError, ModelEvent
from imgcap.labels import LabelError
from imgcap.remote import (
    ServiceAwayError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceTimeoutError,
)
from tests.ports import free_port
from tests.scripted_service import (
    BOTH,
    CLASSIFICATION,
    PICTURE,
    TOKEN,
    Reply,
    Scripted,
    engine_at,
    refusal,
    scripted,
)


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
