"""One model of the service: a process that answers pictures from all pages together."""

import asyncio
import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from imgcap.images import Picture, open_picture
from imgcap.inference.errors import EngineError
from imgcap.inference.events import ModelEvent, Role
from imgcap.inference.local import LocalEngine
from imgcap.labels import LabelError
from imgcap.remote.errors import kind_of
from imgcap.remote.wire import (
    CaptionQuestion,
    ClassifyQuestion,
    Embeddings,
    EmbedQuestion,
    LabelMap,
    LabelQuestion,
    LoadQuestion,
    Problem,
    Question,
    TextsQuestion,
    WordMaps,
    WordsQuestion,
)
from imgcap.serve.batches import Batches
from imgcap.settings import Settings

logger = logging.getLogger(__name__)

_LOOKS_A_WAIT: Final = 4

Answer = Any
"""What `imgcap.remote.wire` or the engine's results say, or a `Problem`."""


@dataclass(frozen=True)
class Job:
    """A question about one picture."""

    question: ClassifyQuestion | CaptionQuestion | EmbedQuestion
    picture: Picture


class ModelServer:
    """Answers questions to one model; pictures with the same question are computed together.

    Errors that are meant for the person who asked come back as a `Problem`, whatever process
    that person's request is in.

    Parameters
    ----------
    role : {"classifier", "captioner"}
        Which model. It is loaded when it is first needed, and leaves memory after
        `serve_idle_s` seconds without a question.
    settings : Settings
        Which checkpoint and device, the limits of a picture, and the size of a batch.
    threads : int
        On how many it computes. The models wait for each other more often than not, so that
        together they may have more than there are cores.
    """

    def __init__(self, role: Role, settings: Settings, threads: int) -> None:
        os.environ["OMP_NUM_THREADS"] = str(threads)  # before torch is loaded, which reads it
        self._role = role
        self._settings = settings
        self._engine = LocalEngine(settings)
        self._asked = 0
        self._last = time.monotonic()
        self._batches = Batches(self._answer_jobs, settings.serve_batch)
        if settings.serve_idle_s:
            threading.Thread(target=self._unload_when_idle, daemon=True).start()

    async def event(self) -> ModelEvent:
        """Say which checkpoint this is, and how far its loading is."""
        return self._engine.models[self._role]

    async def ask(self, question: Question, data: bytes | None, name: str = "") -> Answer:
        """Answer a question, about the picture in `data` if it is about one."""
        with self._at_work():
            try:
                picture = await self._picture(data, name)
                if (
                    picture
                    and isinstance(question, ClassifyQuestion | CaptionQuestion | EmbedQuestion)
                    and not isinstance(question, LabelQuestion)
                ):
                    answer = await self._batches.answer(Job(question, picture))
                else:
                    answer = await asyncio.to_thread(self._answer_one, question, picture)
            except Exception as error:  # noqa: BLE001  # told, and logged if unexpected
                answer = error
        return _problem(answer) if isinstance(answer, Exception) else answer

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._asked += 1
        try:
            yield
        finally:
            self._asked -= 1
            self._last = time.monotonic()

    async def _picture(self, data: bytes | None, name: str) -> Picture | None:
        if data is None:
            return None
        settings = self._settings
        return await asyncio.to_thread(
            open_picture,
            data,
            name,
            max_bytes=settings.max_upload_mb * 2**20,
            max_pixels=settings.max_pixels,
        )

    def _answer_jobs(self, jobs: Sequence[Job]) -> list[Answer]:
        """Return an answer or an exception for each job, in order."""
        alike: defaultdict[Question, list[int]] = defaultdict(list)
        for index, job in enumerate(jobs):
            alike[job.question].append(index)
        answers: list[Answer] = [None] * len(jobs)
        for question, indices in alike.items():
            found = self._answer_alike(question, [jobs[index].picture for index in indices])
            for index, answer in zip(indices, found, strict=True):
                answers[index] = answer
        return answers

    def _answer_alike(self, question: Question, pictures: list[Picture]) -> Sequence[Answer]:
        try:
            return self._compute(question, pictures)
        except (EngineError, LabelError) as error:
            return [error] * len(pictures)
        except Exception as error:  # noqa: BLE001  # of one picture, so the others get a try
            if len(pictures) == 1:
                return [error]
            return [self._answer_alike(question, [picture])[0] for picture in pictures]

    def _compute(self, question: Question, pictures: list[Picture]) -> Sequence[Answer]:
        match question:
            case ClassifyQuestion():
                return self._engine.classify(pictures, question.labels, question.options)
            case CaptionQuestion():
                return self._engine.caption(pictures, question.options)
            case _:
                return [self._embeddings([row]) for row in self._engine.embed(pictures)]

    def _answer_one(self, question: Question, picture: Picture | None) -> Answer:
        engine = self._engine
        match question:
            case LoadQuestion():
                engine.load(self._role)
                return engine.models[self._role]
            case TextsQuestion():
                return self._embeddings(engine.embed_texts(question.texts))
            case LabelQuestion() if picture:
                return LabelMap.of(
                    engine.explain_label(picture, question.label, question.labels, question.options)
                )
            case WordsQuestion() if picture:
                return WordMaps.of(engine.explain_caption(picture, question.caption))
        raise EngineError("This question needs a picture.")

    def _embeddings(self, rows: Any) -> Embeddings:
        array = np.asarray(rows)
        return Embeddings(
            embeddings=array.tolist(),
            dim=array.shape[1],
            model=self._engine.models[self._role].checkpoint,
        )

    def _unload_when_idle(self) -> None:
        patience = self._settings.serve_idle_s
        while True:
            time.sleep(patience / _LOOKS_A_WAIT)
            idle = not self._asked and time.monotonic() - self._last > patience
            if idle and self._engine.models[self._role].stage == "ready":
                self._engine.close()


def _problem(error: Exception) -> Problem:
    kind = kind_of(error)
    if kind is None:
        logger.error("Something unexpected happened to a request.", exc_info=error)
        return Problem(kind="failed", message="Something unexpected went wrong in the service.")
    return Problem(kind=kind, message=str(error))
