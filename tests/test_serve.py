"""`imgcap serve`: one real service, on a Ray of its own, asked as pages and programs ask it."""

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from imgcap.images import Picture, open_picture
from imgcap.inference import CaptionOptions, ClassifyOptions, Engine, EngineError, open_engine
from imgcap.settings import Settings
from tests.served import (
    IDLE_S,
    QUEUE,
    SLOW,
    SLOW_QUESTION,
    TOKEN,
    Served,
    picture_file,
    question,
    serving,
    wait_until,
)

LABELS = ("cat", "dog", "nature")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as service:
        yield service


@pytest.fixture(scope="module")
def local() -> Engine:
    return open_engine(Settings())


@pytest.fixture(scope="module")
def samples() -> list[Picture]:
    paths = sorted((Settings().data / "samples").glob("*.jpg"))[:4]
    return [open_picture(path.read_bytes(), path.name) for path in paths]


def test_those_who_keep_it_running_need_no_token(served: Served) -> None:
    assert httpx.get(served.address + "/health").json() == {"status": "ok"}
    ready = httpx.get(served.address + "/ready", timeout=10)
    assert ready.status_code == 200
    assert ready.json()["models"].keys() == {"classifier", "captioner"}


def test_the_interface_describes_itself(served: Served) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    described = httpx.get(served.address + "/openapi.json", headers=headers).json()
    assert {"/v1/classify", "/v1/caption", "/v1/explain-label"} <= described["paths"].keys()
    assert "predictions" in described["components"]["schemas"]["Classification"]["properties"]


@pytest.mark.parametrize("token", ["", "another", TOKEN + "s"])
def test_without_the_token_there_is_no_answer(token: str, served: Served) -> None:
    assert served.post("/v1/caption", token, files=picture_file()).status_code == 401


def test_too_large_requests_are_refused_before_they_are_read(served: Served) -> None:
    large = {"picture": ("large.png", b"x" * (3 * 2**20))}
    refused = served.post("/v1/caption", files=large)
    assert (refused.status_code, refused.json()["error"]["kind"]) == (413, "size")
    endless = served.post("/v1/caption", content=iter([b"x" * 1000] * 5000))
    assert endless.status_code == 411


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("caption", {"files": {"picture": ("note.txt", b"no picture")}}, "note.txt"),
        ("caption", {"files": {"picture": ("empty.png", b"")}}, "empty.png"),
        ("caption", {"data": question("{}")}, "picture"),
        ("caption", {"files": picture_file(), "data": question('{"num_beams": 99}')}, "beams"),
        ("caption", {"files": picture_file(), "data": question('{"beams": 1}')}, "beams"),
        ("classify", {"files": picture_file(), "data": question('{"labels": []}')}, "no label"),
        ("classify", {"files": picture_file(), "data": question("no json")}, "question"),
        (
            "describe",
            {
                "files": {"picture": ("note.txt", b"no picture")},
                "data": question('{"classify": {"labels": ["cat"]}}'),
            },
            "note.txt",
        ),
        ("embed-texts", {"json": {"texts": ["x" * 2000]}}, "texts"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(
    path: str, content: dict[str, Any], told: str, served: Served
) -> None:
    refused = served.post(f"/v1/{path}", **content)
    assert refused.status_code == 422
    assert told in refused.json()["error"]["message"]


def test_the_same_answers_as_in_this_process(
    served: Served, local: Engine, samples: Sequence[Picture]
) -> None:
    options = ClassifyOptions(templates=("a photo of {}", "{}"), independent=True)
    for theirs, ours in zip(
        served.engine.classify(samples, LABELS, options),
        local.classify(samples, LABELS, options),
        strict=True,
    ):
        assert [p.label for p in theirs.predictions] == [p.label for p in ours.predictions]
        assert [p.score for p in theirs.predictions] == pytest.approx(
            [p.score for p in ours.predictions], abs=1e-5
        )
        assert (theirs.model, theirs.independent) == (ours.model, ours.independent)
    wide = CaptionOptions(num_captions=3, prefix="a photograph of")
    for theirs, ours in zip(
        served.engine.caption(samples, wide), local.caption(samples, wide), strict=True
    ):
        assert [c.text for c in theirs.captions] == [c.text for c in ours.captions]
        assert [c.score for c in theirs.captions] == pytest.approx(
            [c.score for c in ours.captions], abs=1e-4
        )


def test_both_answers_of_one_request(
    served: Served, local: Engine, samples: Sequence[Picture]
) -> None:
    told: dict[int, str] = {}
    described = served.engine.describe_all(
        samples,
        LABELS,
        on_classified=lambda place, c: told.update({place: c.predictions[0].label}),
    )
    ours = local.describe_all(samples, LABELS)
    assert told == {place: each.predictions[0].label for place, each in enumerate(ours)}
    for theirs, here in zip(described, ours, strict=True):
        assert (theirs.name, theirs.caption) == (here.name, here.caption)
        assert [p.score for p in theirs.predictions] == pytest.approx(
            [p.score for p in here.predictions], abs=1e-5
        )
    asked = question('{"classify": {"labels": ["cat", "dog"]}}')
    answer = served.post("/v1/describe", data=asked, files=picture_file())
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    parts = [json.loads(line) for line in answer.text.splitlines()]
    assert {key for part in parts for key in part} == {"classification", "captions"}


def test_the_same_embeddings_and_explanations(
    served: Served, local: Engine, samples: Sequence[Picture]
) -> None:
    assert np.allclose(served.engine.embed(samples), local.embed(samples), atol=1e-5)
    assert served.engine.embed([]).shape == local.embed([]).shape
    texts = ["a cat", "rain"]
    assert np.allclose(served.engine.embed_texts(texts), local.embed_texts(texts), atol=1e-5)
    theirs = served.engine.explain_label(samples[0], "cat", LABELS)
    ours = local.explain_label(samples[0], "cat", LABELS)
    assert np.allclose(theirs.map, ours.map, atol=1e-4)
    assert (theirs.label, theirs.method, theirs.box) == (ours.label, ours.method, ours.box)
    words, words_here = (e.explain_caption(samples[0], "a cat") for e in (served.engine, local))
    assert words.words == words_here.words == ("a", "cat")
    assert np.allclose(words.maps, words_here.maps, atol=1e-4)


def test_an_error_of_a_model_arrives_as_here(served: Served, samples: Sequence[Picture]) -> None:
    with pytest.raises(EngineError, match="not among the candidate labels"):
        served.engine.explain_label(samples[0], "horse", LABELS)


def test_more_than_it_takes_in_is_told_to_come_back(served: Served) -> None:
    with ThreadPoolExecutor(3 * QUEUE) as pool:
        answers = list(
            pool.map(
                lambda _: served.post("/v1/caption", files=picture_file(), data=SLOW_QUESTION),
                range(3 * QUEUE),
            )
        )
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert busy.headers["Retry-After"] == "1"
    assert busy.json()["error"]["kind"] == "busy"
    assert statuses.count(200) >= QUEUE


def test_captions_that_are_asked_for_while_one_is_written_are_written_together(
    served: Served,
) -> None:
    def asked(width: int) -> float:
        answer = served.post("/v1/caption", files=picture_file(width), data=SLOW_QUESTION)
        return float(answer.json()["ms"])  # a batch's time, shared out: equal in all of it

    asked(8)  # the model is there
    with ThreadPoolExecutor(8) as pool:
        waiting = []
        for width in range(30, 38):
            waiting.append(pool.submit(asked, width))
            time.sleep(0.02)
        shares = [each.result() for each in waiting]
    assert len(set(shares)) <= len(shares) // 2, shares


def test_an_idle_model_leaves_memory_and_comes_back(served: Served) -> None:
    def stage() -> str:
        models = httpx.get(served.address + "/ready", timeout=10).json()["models"]
        return str(models["captioner"]["stage"])

    served.engine.load("captioner")
    assert stage() == "ready"
    wait_until(lambda: stage() == "waiting", 4 * IDLE_S)
    assert served.post("/v1/caption", files=picture_file()).status_code == 200
    assert stage() == "ready"


def test_a_process_that_dies_takes_no_accepted_request_with_it(
    served: Served, samples: Sequence[Picture]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(served.engine.caption, samples * 2, CaptionOptions(**SLOW))
        time.sleep(0.3)
        [victim] = served.captioners()
        victim.kill()
        assert not answers.done()
        assert len(answers.result(60)) == 8
    wait_until(served.captioners, 30)
    assert served.captioners() != [victim]


def test_signals_end_it_after_what_it_has_accepted(served: Served) -> None:
    family = served.process.children(recursive=True)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    content = {"files": picture_file(), "data": SLOW_QUESTION, "headers": headers}
    with (
        httpx.Client(base_url=served.address, timeout=60) as client,
        ThreadPoolExecutor(QUEUE) as pool,
    ):
        answers = [pool.submit(client.post, "/v1/caption", **content) for _ in range(QUEUE)]
        wait(answers, return_when=FIRST_COMPLETED)  # so all have arrived
        assert not all(answer.done() for answer in answers)
        os.killpg(served.process.pid, signal.SIGINT)
        assert [answer.result(60).status_code for answer in answers] == [200] * QUEUE
    assert served.process.wait(60) == 0
    psutil.wait_procs(family, timeout=10)
    assert not any(each.is_running() for each in family)
    said = served.log.read_text()
    assert "Finishing what was accepted" in said
    assert "Traceback" not in said
