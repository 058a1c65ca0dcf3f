"""What charts of all pictures and of all prompts draw, fetched in the background."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imgcap.charts import KINDS, NOTHING_YET, Drawable, Embeddings, ScoreTable, Subject
from imgcap.inference import CancelledError, Classification, ClassifyOptions, Description, Engine
from imgcap.labels import ENSEMBLE_TEMPLATES, prompts
from imgcap.widgets.answering import answerer
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState

COMPARING = "Comparing the picture with the labels …"
NOT_COMPARED = "Nothing to chart: this picture was not compared with the labels."
COMPARING_ALL = "Comparing the pictures with the labels …"
NONE_COMPARED = "Nothing to chart: fewer than two pictures were compared with the labels."
TOO_FEW = "Bring two pictures or more to see this chart: it compares them."
STOPPED = "Cancelled: “Go on” takes it up again."
AVERAGED = "All averaged"
_UNDERWAY: dict[Subject, str] = {
    "prompts": "Asking with each prompt …",
    "pictures": "Drawing all pictures …",
    "space": "Finding the places of pictures and labels …",
}


class Answers(Protocol):
    """Who knows what was said about every picture: the analyst."""

    def description(self, picture_id: str) -> Description | None:
        """Return what is known so far about a picture under the present question."""


@dataclass(frozen=True)
class Question:
    """What a chart asks for; equal questions have equal answers."""

    subject: Subject
    engine: Engine
    checkpoint: str
    labels: tuple[str, ...]
    options: ClassifyOptions
    pictures: tuple[Shown, ...]
    answers: tuple[Classification, ...]

    def continues(self, other: "Question") -> bool:
        """Whether the other's answer may be shown until this one's is there."""
        pictures, answers = self.pictures, self.answers
        if self.subject == "prompts":
            return self == other
        return self == replace(other, pictures=pictures, answers=answers)


class Gatherer:
    """Fetches what the chosen chart draws if it needs more than the answers for one picture.

    Like the analyst it takes no orders: `look` compares what the chart needs with what is there.
    One fetch runs at a time, and one that nobody waits for any more is broken off. All methods are
    called with the state's lock held.

    Parameters
    ----------
    state : AppState
        Its chosen chart, pictures and question decide what is fetched.
    analyst : Answers
        Knows the scores of every picture.
    tell : callable
        Called when there is something new to draw.
    progress : callable
        Called with the share that is done, or None when nothing is being done.
    """

    def __init__(
        self,
        state: AppState,
        analyst: Answers,
        tell: Callable[[], object],
        progress: Callable[[float | None], object],
    ) -> None:
        self._state = state
        self._analyst = analyst
        self._tell = tell
        self._progress = progress
        self._busy = self._stopped = False
        self._have: tuple[Question, Drawable] | None = None
        self._failed: tuple[Question, str] | None = None

    def look(self) -> tuple[Drawable | None, str]:
        """Return what there is to draw now, and the sentence if that is nothing.

        What is missing comes later, and `tell` says when.
        """
        question, sentence = self._question()
        if question is None:
            return None, sentence
        have = self._have[0] if self._have else None
        failed = self._failed is not None and self._failed[0] == question
        if have != question and not (failed or self._busy or self._stopped):
            self._fetch(question)
        if self._have and have and question.continues(have):
            return self._have[1], ""
        if failed and self._failed:
            return None, self._failed[1]
        return None, STOPPED if self._stopped else _UNDERWAY[question.subject]

    @property
    def ended(self) -> bool:
        """Whether something is missing that only `go_on` fetches."""
        return self._stopped or self._failed is not None

    def stop(self) -> None:
        """Break off what is being fetched until `go_on`."""
        self._stopped = True

    def go_on(self) -> None:
        """Fetch again, also what failed."""
        self._stopped, self._failed = False, None
        self._tell()

    def _question(self) -> tuple[Question | None, str]:
        """Return what the chosen chart asks for, or why it cannot be asked."""
        state = self._state
        subject = KINDS[state.chart_kind].subject
        of_one = subject == "prompts"
        wanted = [p for p in state.pictures if not of_one or p.id == state.selected]
        if of_one and not wanted:
            return None, NOTHING_YET
        if not of_one and len(wanted) < 2:  # noqa: PLR2004  # as the sentence says
            return None, TOO_FEW
        known = [(shown, self._answer(shown)) for shown in wanted]
        answered = [(shown, answer) for shown, answer in known if answer]
        if len(answered) < (1 if of_one else 2):
            busy = any(state.statuses.get(p.id) in {"waiting", "working"} for p in wanted)
            if busy and not state.paused:
                return None, COMPARING if of_one else COMPARING_ALL
            return None, NOT_COMPARED if of_one else NONE_COMPARED
        pictures, answers = zip(*answered, strict=True)
        checkpoint = answerer(state, "classifier")
        labels, options = state.labels, state.classify_options
        engine = state.engine
        return Question(subject, engine, checkpoint, labels, options, pictures, answers), ""

    def _answer(self, shown: Shown) -> Classification | None:
        description = self._analyst.description(shown.id)
        answer = description.classification if description else None
        return answer if answer and answer.predictions else None

    def _fetch(self, question: Question) -> None:
        self._busy = True
        if question.subject != "pictures":  # which asks no model
            self._progress(0)
        self._state.in_background(
            lambda: self._work(question),
            lambda data: self._end(question, data),
            lambda sentence: self._end(question, None, sentence),
        )

    def _end(self, question: Question, data: Drawable | None, sentence: str = "") -> None:
        self._busy = False
        self._progress(None)
        if data is not None:
            self._have, self._failed = (question, data), None
        elif sentence:
            self._failed = (question, sentence)
        if not self._state.closed:
            self._tell()

    def _work(self, question: Question) -> Drawable | None:
        try:
            if question.subject == "prompts":
                return self._prompts(question)
            table = ScoreTable.of([p.name for p in question.pictures], question.answers)
            return table if question.subject == "pictures" else self._space(question, table)
        except (CancelledError, KeyError):
            if self._is_stale(question):  # KeyError: a picture has been taken away meanwhile
                return None
            raise

    def _prompts(self, question: Question) -> ScoreTable:
        [shown] = question.pictures
        picture = self._state.shelf.open(shown.id, shown.edits)
        templates = tuple(dict.fromkeys((*question.options.templates, *ENSEMBLE_TEMPLATES)))
        rows = [*((template,) for template in templates), templates]
        answers: list[Classification] = []
        for row in rows:
            answers += question.engine.classify(
                [picture],
                question.labels,
                replace(question.options, templates=row),
                cancel=lambda: self._is_stale(question),
            )
            self._advance(len(answers) / len(rows))
        names = [*(template.replace("{}", "…") for template in templates), AVERAGED]
        return ScoreTable.of(names, answers)

    def _space(self, question: Question, table: ScoreTable) -> Embeddings:
        pictures = self._vectors(question)
        asked = [prompts(label, question.options.templates) for label in table.labels]
        flat = [prompt for row in asked for prompt in row]
        vectors = question.engine.embed_texts(flat, cancel=lambda: self._is_stale(question))
        ends = np.cumsum([len(row) for row in asked])[:-1]
        labels = np.stack([part.mean(axis=0) for part in np.split(vectors, ends)])
        embeddings = Embeddings(
            table, pictures, labels / np.linalg.norm(labels, axis=1, keepdims=True)
        )
        embeddings.components  # noqa: B018  # here, where nobody waits for it
        return embeddings

    def _vectors(self, question: Question) -> NDArray[np.float32]:
        """Return `(n_pictures, dim)` embeddings; to decode pictures again is what takes long."""
        embeddings, engine, shown = self._state.embeddings, question.engine, question.pictures
        for done in embeddings.fetch(engine, shown, lambda: self._is_stale(question)):
            self._advance(done / len(shown))
        rows = [embeddings.get(engine, each) for each in shown]
        if any(row is None for row in rows):  # its picture has been taken away meanwhile
            raise KeyError
        return np.stack([row for row in rows if row is not None])

    def _advance(self, share: float) -> None:
        self._state.guarded(self._progress)(share)

    def _is_stale(self, question: Question) -> bool:
        with self._state.lock:
            if self._stopped or self._state.closed:
                return True
            present, _ = self._question()
            if present is None or not present.continues(question):
                return True
            return not {p.version for p in question.pictures} <= {
                p.version for p in present.pictures
            }
