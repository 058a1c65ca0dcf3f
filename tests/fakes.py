"""An engine without models that answers as it is asked, and waits while it is held."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgcap.inference import (
    CancelledError,
    Caption,
    CaptionOptions,
    Captions,
    Classification,
    ClassifyOptions,
    ModelEvent,
    Relevance,
    WordRelevance,
)
from imgcap.inference.describing import Describing
from imgcap.inference.events import Cancel, Progress, Role, Words
from tests.fake_answers import captioned, commit_of, embedded, id_of, mapped, scored


class HeldEngine(Describing):
    """A whole `Engine` whose answers follow from the question, and wait while it is held.

    Attributes
    ----------
    begun, done
        What was asked and what was answered, in order: step, the picture's name, the question.
    broken_off
        How many requests ended because they were cancelled.
    problems
        Part of a picture's name to the error that work on it raises; a step and a name, such as
        ``caption cat.png``, for one step only.
    load_problems
        Role to the error that loading its model raises.
    saying
        What is told of a caption while it is held.
    trying
        As `imgcap.inference.local.LocalEngine` has it; no adapter changes an answer.
    """

    def __init__(
        self,
        classifier: str = "fake-classifier",
        captioner: str = "fake-captioner",
        listener: Callable[[ModelEvent], None] = lambda _: None,
    ) -> None:
        self._names: dict[Role, str] = {"classifier": classifier, "captioner": captioner}
        self._stages: dict[Role, Any] = dict.fromkeys(self._names, "waiting")
        self._messages: dict[Role, str] = dict.fromkeys(self._names, "")
        self._gates = {"answer": threading.Event(), "load": threading.Event()}
        for gate in self._gates.values():
            gate.set()
        self.listener = listener
        self.trying: dict[Role, str] = {}
        self.begun: list[tuple[str, str, Any]] = []
        self.done: list[tuple[str, str, Any]] = []
        self.problems: dict[str, Exception] = {}
        self.load_problems: dict[Role, Exception] = {}
        self._passes = threading.Semaphore(0)
        self.saying = ""
        self.broken_off = 0
        self.closed = False

    @contextmanager
    def held(self, what: str = "answer") -> Iterator[None]:
        """Finish no answer, or no ``load``, until the block ends."""
        self._gates[what].clear()
        try:
            yield
        finally:
            self._gates[what].set()

    def pass_one(self) -> None:
        """Let one answer through while answers are held."""
        self._passes.release()

    @property
    def models(self) -> Mapping[Role, ModelEvent]:
        return {
            role: ModelEvent(role, name, self._stages[role], message=self._messages[role])
            for role, name in self._names.items()
        }

    def load(self, *roles: Role, cancel: Cancel | None = None) -> None:
        for role in roles or tuple(self._names):
            self._load(role, cancel)

    def classify(
        self,
        pictures: Sequence[Any],
        labels: Sequence[str],
        options: ClassifyOptions | None = None,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,  # noqa: ARG002  # of the protocol
    ) -> list[Classification]:
        self._load("classifier", cancel)
        options = options or ClassifyOptions()
        for picture in pictures:
            self._work("classify", picture, (tuple(labels), options), cancel)
        name = self._names["classifier"]
        return [
            Classification(
                scored(id_of(picture), labels), options.independent, name, 1.0, commit_of(name)
            )
            for picture in pictures
        ]

    def caption(
        self,
        pictures: Sequence[Any],
        options: CaptionOptions | None = None,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,  # noqa: ARG002  # of the protocol
        on_words: Words | None = None,
    ) -> list[Captions]:
        self._load("captioner", cancel)
        options = options or CaptionOptions()
        alone = on_words if len(pictures) == 1 else None
        for picture in pictures:
            self._work("caption", picture, options, cancel, alone)
        name = self._names["captioner"]
        texts = [captioned(id_of(picture), options) for picture in pictures]
        if alone:
            alone(texts[0])
        return [Captions((Caption(text, -0.5),), name, 2.0, commit_of(name)) for text in texts]

    def embed(
        self,
        pictures: Sequence[Any],
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        self._load("classifier", cancel)
        for count, picture in enumerate(pictures, 1):
            self._work("embed", picture, None, cancel)
            if progress:
                progress(count, len(pictures))
        return embedded([picture.sha256 for picture in pictures])

    def embed_texts(
        self, texts: Sequence[str], *, cancel: Cancel | None = None
    ) -> NDArray[np.float32]:
        self._load("classifier", cancel)
        return embedded(texts)

    def explain_label(
        self,
        picture: Any,
        label: str,
        labels: Sequence[str],
        options: ClassifyOptions | None = None,
        *,
        cancel: Cancel | None = None,
    ) -> Relevance:
        self._load("classifier", cancel)
        question = (label, tuple(labels), options or ClassifyOptions())
        self._work("explain_label", picture, question, cancel)
        [score] = [p.score for p in scored(picture.sha256, labels) if p.label == label]
        shown = mapped(f"{picture.sha256} {label}") - 0.5
        return Relevance(shown, label, score, "a fake method", self._names["classifier"], 1.0)

    def explain_caption(
        self, picture: Any, caption: str, *, cancel: Cancel | None = None
    ) -> WordRelevance:
        self._load("captioner", cancel)
        self._work("explain_caption", picture, caption, cancel)
        words = tuple(caption.split())
        maps = np.stack([mapped(f"{picture.sha256} {word}") for word in words])
        return WordRelevance(
            words,
            maps / maps.sum((1, 2), keepdims=True),
            "a fake method",
            self._names["captioner"],
            1.0,
            place_shares=(0.7,) * len(words),
            concepts=("cat", "dog"),
            concept_shares=((0.15, 0.05),) * len(words),
        )

    def close(self) -> None:
        self.closed = True
        for role in self._names:
            self._tell(role, "waiting")

    def _load(self, role: Role, cancel: Cancel | None) -> None:
        if self._stages[role] == "ready":
            return
        self._tell(role, "load")
        problem = self.load_problems.get(role) or self._wait("load", cancel)
        if problem is not None:
            self._tell(role, "failed", str(problem))
            raise problem
        self._tell(role, "ready")

    def _work(
        self,
        step: str,
        picture: Any,
        question: Any,
        cancel: Cancel | None,
        on_words: Words | None = None,
    ) -> None:
        name = getattr(picture, "name", "")
        call = (step, name, question)
        self.begun.append(call)
        problem = self._wait("answer", cancel, on_words)
        for part, error in self.problems.items():
            if part in f"{step} {name}":
                problem = error
        if problem is not None:
            raise problem
        self.done.append(call)

    def _wait(
        self, what: str, cancel: Cancel | None, on_words: Words | None = None
    ) -> Exception | None:
        while not (cancel and cancel()):
            if self._gates[what].wait(0.005):
                return None
            if what == "answer" and self._passes.acquire(blocking=False):
                return None
            if on_words and self.saying:
                on_words(self.saying)
        self.broken_off += 1
        return CancelledError()

    def _tell(self, role: Role, stage: str, message: str = "") -> None:
        self._stages[role], self._messages[role] = stage, message
        self.listener(self.models[role])
