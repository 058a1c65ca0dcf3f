"""The HTTP interface of the service, with its OpenAPI description."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Json

from imgcap import __version__
from imgcap.inference.events import ModelEvent, Role
from imgcap.inference.results import Captions, Classification
from imgcap.remote.wire import (
    CaptionQuestion,
    ClassifyQuestion,
    DescribeQuestion,
    Embeddings,
    EmbedQuestion,
    LabelMap,
    LabelQuestion,
    LoadQuestion,
    Models,
    Part,
    Problem,
    Question,
    Refusal,
    TextsQuestion,
    WordMaps,
    WordsQuestion,
)
from imgcap.serve.gate import refuse

Ask = Callable[[Role, Question, bytes | None, str], Awaitable[Any]]
"""Puts a question to a model, about the bytes of a picture with a name, or about none."""

Events = Callable[[], Awaitable[Mapping[Role, ModelEvent]]]
"""Says of every model how far its loading is; `TimeoutError` where its process does not answer."""

_STATUS: Final = {
    "picture": HTTPStatus.UNPROCESSABLE_ENTITY,
    "labels": HTTPStatus.UNPROCESSABLE_ENTITY,
    "engine": HTTPStatus.UNPROCESSABLE_ENTITY,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
}
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status.value: {"model": Refusal, "description": status.phrase}
    for status in (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.LENGTH_REQUIRED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
}


class JsonLines(StreamingResponse):
    """An answer of several lines, each a JSON object."""

    media_type = "application/x-ndjson"


Upload = Annotated[UploadFile, File(description="A JPEG, PNG, WebP or GIF file.")]


class RefusedError(Exception):
    """A model's answer is a `Problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Routes:
    """What can be asked over HTTP.

    Parameters
    ----------
    ask, events : callable
        Reach the models.
    """

    def __init__(self, ask: Ask, events: Events) -> None:
        self._ask_model = ask
        self._events = events

    async def health(self) -> dict[str, str]:
        """Say that the service runs."""
        return {"status": "ok"}

    async def models(self) -> Models:
        """Say which checkpoints answer, and whether they are in memory."""
        return Models(models=dict(await self._events()))

    async def load(self, role: Role) -> Any:
        """Load a model before it is needed."""
        return await self._ask(role, LoadQuestion())

    async def classify(
        self, picture: Upload, question: Annotated[Json[ClassifyQuestion], Form()]
    ) -> Any:
        """Score a picture against candidate labels."""
        return await self._ask("classifier", question, picture)

    async def caption(
        self, picture: Upload, question: Annotated[Json[CaptionQuestion] | None, Form()] = None
    ) -> Any:
        """Write captions for a picture."""
        return await self._ask("captioner", question or CaptionQuestion(), picture)

    async def describe(
        self, picture: Upload, question: Annotated[Json[DescribeQuestion], Form()]
    ) -> JsonLines:
        """Classify and caption a picture at the same time: a line for each, when it is there."""
        data, name = await picture.read(), picture.filename or "picture"

        async def part(role: Role, asked: Question, kind: str) -> Part:
            answer = await self._ask_model(role, asked, data, name)
            return Part(**{"error" if isinstance(answer, Problem) else kind: answer})

        labels = asyncio.create_task(part("classifier", question.classify, "classification"))
        captions = asyncio.create_task(part("captioner", question.caption, "captions"))
        first = await next(asyncio.as_completed([labels, captions]))
        if first.error:  # if it is the caption's, the labels are not lost with it
            first = await labels
        if first.error:  # nothing is on its way yet, so the status can say it
            captions.cancel()
            raise RefusedError(first.error)

        async def lines() -> AsyncIterator[str]:
            try:
                yield _line(first)
                yield _line(await (captions if first.classification else labels))
            finally:  # whoever asked may have gone
                labels.cancel()
                captions.cancel()

        return JsonLines(lines())

    async def embed(self, picture: Upload) -> Any:
        """Say where a picture lies in the classifier's space."""
        return await self._ask("classifier", EmbedQuestion(), picture)

    async def embed_texts(self, question: TextsQuestion) -> Any:
        """Say where texts lie in the classifier's space."""
        return await self._ask("classifier", question)

    async def explain_label(
        self, picture: Upload, question: Annotated[Json[LabelQuestion], Form()]
    ) -> Any:
        """Say which places of a picture speak for a label."""
        return await self._ask("classifier", question, picture)

    async def explain_caption(
        self, picture: Upload, question: Annotated[Json[WordsQuestion], Form()]
    ) -> Any:
        """Say where the captioner looks for each word of a caption."""
        return await self._ask("captioner", question, picture)

    async def _ask(self, role: Role, question: Question, picture: UploadFile | None = None) -> Any:
        data = await picture.read() if picture else None
        name = (picture.filename if picture else None) or "picture"
        answer = await self._ask_model(role, question, data, name)
        if isinstance(answer, Problem):
            raise RefusedError(answer)
        return answer


def build_api(ask: Ask, events: Events) -> FastAPI:
    """Return the interface to the models that `ask` reaches."""
    api = FastAPI(
        title="imgcap",
        summary="What pictures show: labels with confidence, and captions.",
        version=__version__,
        docs_url=None,  # their scripts would come from another host
        redoc_url=None,
        responses=_REFUSALS,
    )
    routes = Routes(ask, events)
    api.get("/health")(routes.health)
    api.get("/ready")(routes.models)
    api.get("/v1/models")(routes.models)
    api.post("/v1/models/{role}/load", response_model=ModelEvent)(routes.load)
    api.post("/v1/classify", response_model=Classification)(routes.classify)
    api.post("/v1/caption", response_model=Captions)(routes.caption)
    api.post("/v1/describe", response_class=JsonLines, responses={200: {"model": Part}})(
        routes.describe
    )
    api.post("/v1/embed", response_model=Embeddings)(routes.embed)
    api.post("/v1/embed-texts", response_model=Embeddings)(routes.embed_texts)
    api.post("/v1/explain-label", response_model=LabelMap)(routes.explain_label)
    api.post("/v1/explain-caption", response_model=WordMaps)(routes.explain_caption)
    api.exception_handler(RefusedError)(_refused)
    api.exception_handler(TimeoutError)(_not_ready)
    api.exception_handler(RequestValidationError)(_misunderstood)
    return api


def _line(part: Part) -> str:
    return part.model_dump_json(exclude_unset=True) + "\n"


async def _refused(_: Request, error: RefusedError) -> JSONResponse:
    problem = error.problem
    status = _STATUS.get(problem.kind, HTTPStatus.INTERNAL_SERVER_ERROR)
    return refuse(status, problem.kind, problem.message)


async def _not_ready(_: Request, _error: TimeoutError) -> JSONResponse:
    sentence = "Not every model's process answers yet."
    return refuse(HTTPStatus.SERVICE_UNAVAILABLE, "busy", sentence, {"Retry-After": "1"})


async def _misunderstood(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    where = " ".join(str(part) for part in first["loc"][1:])
    sentence = f"The request cannot be understood: {where}: {first['msg']}."
    return refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "engine", sentence)
