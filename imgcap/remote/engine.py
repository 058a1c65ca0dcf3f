"""The engine of another process or machine, as an `Engine` that needs no model library."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from pydantic import BaseModel, TypeAdapter

from imgcap.inference.describing import Describing, described
from imgcap.inference.description import Description
from imgcap.inference.errors import CancelledError, ModelError
from imgcap.inference.events import Cancel, ModelEvent, Progress, Role, Words
from imgcap.inference.relevance import Relevance, WordRelevance
from imgcap.inference.results import CaptionOptions, Captions, Classification, ClassifyOptions
from imgcap.inference.telling import Telling
from imgcap.labels import MAX_LABELS
from imgcap.remote.errors import ServiceError
from imgcap.remote.packing import packed
from imgcap.remote.parts import Parts
from imgcap.remote.questions import caption_question, checked, classify_question
from imgcap.remote.requests import Request, Requests
from imgcap.remote.wire import (
    DescribeQuestion,
    Embeddings,
    EmbedQuestion,
    LabelMap,
    LabelQuestion,
    TextsQuestion,
    WordMaps,
    WordsQuestion,
)
from imgcap.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from imgcap.images import Picture

A = TypeVar("A")

_JSON: Final = {"Content-Type": "application/json"}
_EVENT: Final = TypeAdapter(ModelEvent)
_CLASSIFICATION: Final = TypeAdapter(Classification)
_CAPTIONS: Final = TypeAdapter(Captions)
_EMBEDDINGS: Final = TypeAdapter(Embeddings)
_LABEL_MAP: Final = TypeAdapter(LabelMap)
_WORD_MAPS: Final = TypeAdapter(WordMaps)


class RemoteEngine(Describing):
    """An `Engine` whose models live in an inference service; any thread may use it.

    Every picture is a request of its own, several at a time: the service puts together what comes
    from all pages. A picture travels without loss, so the answer is that of an engine in this
    process; only one with far more pixels than models take in is made smaller first.

    Parameters
    ----------
    settings : Settings
        Address, token, patience and the largest upload. Which models answer is the service's
        choice.
    listener : callable, optional
        Told when it becomes known which model answers, and when one cannot be had.

    Raises
    ------
    EngineError
        If the address is none.
    """

    def __init__(
        self, settings: Settings, listener: Callable[[ModelEvent], None] | None = None
    ) -> None:
        self._most_bytes = settings.max_upload_mb * 2**20
        self._most_pixels = settings.max_pixels
        self._listener = listener or _ignore
        self._requests = Requests(settings)
        self._events: dict[Role, ModelEvent] = {
            "classifier": ModelEvent("classifier", self._requests.address, "waiting"),
            "captioner": ModelEvent("captioner", self._requests.address, "waiting"),
        }

    @property
    def models(self) -> Mapping[Role, ModelEvent]:
        """Which checkpoint answers, as far as it is known: until then the service's address."""
        return dict(self._events)

    def load(self, *roles: Role, cancel: Cancel | None = None) -> None:
        """Have the service load its models now: those named, or all."""
        for role in roles or tuple(self._events):
            before = self._events[role]
            self._tell(ModelEvent(role, before.checkpoint, "load"))
            try:
                [event] = self._ask(role, _EVENT, [_posting(f"/v1/models/{role}/load")], cancel)
            except CancelledError:
                self._tell(before)
                raise
            self._tell(event)

    def classify(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        labels: Sequence[str],
        options: ClassifyOptions | None = None,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> list[Classification]:
        """Score every picture against every label."""
        question = classify_question(labels, options)
        asked = self._about(pictures, "/v1/classify", question)
        return self._ask("classifier", _CLASSIFICATION, asked, cancel, progress)

    def caption(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        options: CaptionOptions | None = None,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
        on_words: Words | None = None,
    ) -> list[Captions]:
        """Write captions for every picture; `on_words` is told at the end."""
        asked = self._about(pictures, "/v1/caption", caption_question(options))
        written = self._ask("captioner", _CAPTIONS, asked, cancel, progress)
        if len(written) == 1:
            Telling(on_words).tell(written[0].best.text)
        return written

    def describe_all(  # noqa: PLR0913  # one option object a question, and the hooks
        self,
        pictures: "Sequence[Picture | Image.Image]",
        labels: Sequence[str] | None = None,
        caption_options: CaptionOptions | None = None,
        classify_options: ClassifyOptions | None = None,
        *,
        with_caption: bool = True,
        cancel: Cancel | None = None,
        on_classified: Callable[[int, Classification], None] | None = None,
        on_words: Words | None = None,
    ) -> list[Description]:
        """Say all about pictures; each travels once, and both models work at the same time."""
        if labels is None or not with_caption:
            return super().describe_all(
                pictures,
                labels,
                caption_options,
                classify_options,
                with_caption=with_caption,
                cancel=cancel,
                on_classified=on_classified,
                on_words=on_words,
            )
        question = DescribeQuestion(
            classify=classify_question(labels, classify_options),
            caption=caption_question(caption_options),
        )
        asked = self._about(pictures, "/v1/describe", question)
        parts = [
            Parts(request, on_classified and partial(on_classified, place), self._tell_failed)
            for place, request in enumerate(asked)
        ]
        answers = self._requests.run(parts, cancel)
        self._tell_ready("classifier", [classification for classification, _ in answers])
        self._tell_ready("captioner", [captions for _, captions in answers])
        if len(answers) == 1:
            Telling(on_words).tell(answers[0][1].best.text)
        return [described(picture, *both) for picture, both in zip(pictures, answers, strict=True)]

    def embed(
        self,
        pictures: "Sequence[Picture | Image.Image]",
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> "NDArray[np.float32]":
        """Return the classifier's embeddings of pictures."""
        if not pictures:
            return self.embed_texts((), cancel=cancel)  # none of theirs is as wide
        asked = self._about(pictures, "/v1/embed", EmbedQuestion())
        return _rows(self._ask("classifier", _EMBEDDINGS, asked, cancel, progress))

    def embed_texts(
        self, texts: Sequence[str], *, cancel: Cancel | None = None
    ) -> "NDArray[np.float32]":
        """Return the classifier's embeddings of texts as they are."""
        starts = range(0, max(1, len(texts)), MAX_LABELS)
        asked = [
            _posting(
                "/v1/embed-texts",
                checked(TextsQuestion, {"texts": texts[start : start + MAX_LABELS]}),
            )
            for start in starts
        ]
        return _rows(self._ask("classifier", _EMBEDDINGS, asked, cancel))

    def explain_label(
        self,
        picture: "Picture | Image.Image",
        label: str,
        labels: Sequence[str],
        options: ClassifyOptions | None = None,
        *,
        cancel: Cancel | None = None,
    ) -> Relevance:
        """Say which places of a picture speak for one of the candidate labels."""
        candidates = classify_question(labels, options).model_dump()
        question = checked(LabelQuestion, {"label": label, **candidates})
        asked = self._about([picture], "/v1/explain-label", question)
        [answer] = self._ask("classifier", _LABEL_MAP, asked, cancel)
        return answer.relevance

    def explain_caption(
        self,
        picture: "Picture | Image.Image",
        caption: str,
        *,
        cancel: Cancel | None = None,
    ) -> WordRelevance:
        """Say where the captioner looks for each word of a caption."""
        question = checked(WordsQuestion, {"caption": caption})
        asked = self._about([picture], "/v1/explain-caption", question)
        [answer] = self._ask("captioner", _WORD_MAPS, asked, cancel)
        return answer.relevance

    def close(self) -> None:
        """Drop the connections; the service keeps its models."""
        self._requests.close()

    def _about(
        self, pictures: "Sequence[Picture | Image.Image]", path: str, question: BaseModel
    ) -> list[Request]:
        """Return a request with the question for each picture."""
        form = {"question": question.model_dump_json()}

        def about(picture: "Picture | Image.Image") -> Request:
            def make() -> tuple[str, dict[str, Any]]:
                file = packed(picture, self._most_bytes, self._most_pixels)
                name = getattr(picture, "name", "picture")
                return path, {"data": form, "files": {"picture": (name, file)}}

            return make

        return [about(picture) for picture in pictures]

    def _ask(
        self,
        role: Role,
        answer: TypeAdapter[A],
        requests: Sequence[Request],
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> list[A]:
        """Return the answers; take note of who gave them, or that nobody does."""
        try:
            answers = self._requests.post(answer, requests, cancel, progress)
        except (ServiceError, ModelError) as error:
            self._tell_failed([role], error)
            raise
        self._tell_ready(role, answers)
        return answers

    def _tell_ready(self, role: Role, answers: Iterable[object]) -> None:
        for name in {getattr(each, "model", "") for each in answers} - {""}:
            self._tell(ModelEvent(role, name, "ready"))

    def _tell_failed(self, roles: Iterable[Role], error: Exception) -> None:
        for role in roles:
            name = self._events[role].checkpoint
            self._tell(ModelEvent(role, name, "failed", message=str(error)))

    def _tell(self, event: ModelEvent) -> None:
        if self._events[event.role] != event:
            self._events[event.role] = event
            self._listener(event)


def _ignore(_: ModelEvent) -> None:
    pass


def _posting(path: str, question: BaseModel | None = None) -> Request:
    return lambda: (
        path,
        {"content": question.model_dump_json(), "headers": _JSON} if question else {},
    )


def _rows(answers: Iterable[Embeddings]) -> "NDArray[np.float32]":
    return np.concatenate(
        [np.asarray(each.embeddings, np.float32).reshape(-1, each.dim) for each in answers]
    )
