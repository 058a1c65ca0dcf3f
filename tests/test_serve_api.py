"""The interface of the service before models that do as they are told."""

import asyncio
import json

import httpx
import pytest

from imgcap.inference import Caption, Captions, Classification, Prediction
from imgcap.remote.wire import Problem
from tests.served import picture_file, question


@pytest.mark.parametrize(
    ("failing", "status", "told"),
    [
        ({"captioner"}, 200, ["classification", "error"]),
        ({"classifier"}, 200, ["captions", "error"]),
        ({"classifier", "captioner"}, 500, ["error"]),
    ],
    ids=["caption", "labels", "both"],
)
def test_labels_are_not_lost_with_a_caption_that_fails_before_they_are_there(
    failing: set[str], status: int, told: list[str]
) -> None:
    from imgcap.serve.api import build_api

    async def ask(role: str, *_: object) -> object:
        await asyncio.sleep(0.05 if role == "classifier" else 0)
        if role in failing:
            return Problem(kind="model", message=f"There is no {role}.")
        if role == "captioner":
            return Captions((Caption("a cat", -0.5),), "theirs", 1.0)
        return Classification((Prediction("cat", 1.0),), independent=False, model="theirs", ms=1.0)

    async def post() -> httpx.Response:
        asked = question('{"classify": {"labels": ["cat"]}}')
        front = httpx.ASGITransport(build_api(ask, ask))
        async with httpx.AsyncClient(transport=front, base_url="http://service") as client:
            return await client.post("/v1/describe", data=asked, files=picture_file())

    answer = asyncio.run(post())
    assert answer.status_code == status
    parts = [json.loads(line) for line in answer.text.splitlines()]
    assert [key for part in parts for key in part] == told
    culprit = "classifier" if "classifier" in failing else "captioner"
    assert parts[-1]["error"]["message"] == f"There is no {culprit}."
