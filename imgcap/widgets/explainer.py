"""What is asked of the engine about its own answers: in the background, one question at a time."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from imgcap.edits import Edit
from imgcap.inference import CancelledError, ClassifyOptions, Engine, Relevance, WordRelevance
from imgcap.inference.events import Cancel
from imgcap.widgets.state import AppState

KEPT = 64
"""Answers; one is a few kilobytes."""


@dataclass(frozen=True)
class LabelQuestion:
    """Why a label got its score, with everything that the answer depends on."""

    picture: str
    edits: tuple[Edit, ...]
    checkpoint: str
    label: str
    labels: tuple[str, ...]
    options: ClassifyOptions


@dataclass(frozen=True)
class CaptionQuestion:
    """Why each word of a caption was written, with everything that the answer depends on."""

    picture: str
    edits: tuple[Edit, ...]
    checkpoint: str
    caption: str


Question = LabelQuestion | CaptionQuestion
Answer = Relevance | WordRelevance | str
"""What the engine says, or the sentence why it says nothing."""


class Explainer:
    """Answers the last question that was asked, and breaks off any other.

    Parameters
    ----------
    state : AppState
        Its engine answers.
    on_answer : callable
        Called when the answer that `ask` did not know is there, and the question is still asked.
    """

    def __init__(self, state: AppState, on_answer: Callable[[], object]) -> None:
        self._state = state
        self._on_answer = on_answer
        self._kept: OrderedDict[Question, Answer] = OrderedDict()
        self._asked: Question | None = None
        self._task: object = None

    def ask(self, question: Question | None) -> Answer | None:
        """Return the answer, or None and begin to look for it; None asks for nothing any more."""
        if question is None or question in self._kept:
            self._asked = self._task = None
            if question is None:
                return None
            self._kept.move_to_end(question)
            return self._kept[question]
        if question != self._asked:
            self._begin(question)
        return None

    def forget_failures(self) -> None:
        """Forget what failed, so that it can be tried again."""
        for question in [key for key, kept in self._kept.items() if isinstance(kept, str)]:
            del self._kept[question]

    def _begin(self, question: Question) -> None:
        state, engine = self._state, self._state.engine
        task = self._task = object()
        self._asked = question

        def is_unwanted() -> bool:
            return self._task is not task or state.closed

        def look() -> Relevance | WordRelevance | None:
            try:
                return self._answer(engine, question, is_unwanted)
            except (CancelledError, KeyError):  # or the picture was removed meanwhile
                if is_unwanted():
                    return None
                raise

        def take(answer: Answer | None) -> None:
            if answer is None or is_unwanted():
                return
            self._kept[question] = answer
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            self._on_answer()

        state.in_background(look, take, take)

    def _answer(
        self, engine: Engine, question: Question, cancel: Cancel
    ) -> Relevance | WordRelevance:
        picture = self._state.shelf.open(question.picture, question.edits)
        if isinstance(question, CaptionQuestion):
            return engine.explain_caption(picture, question.caption, cancel=cancel)
        return engine.explain_label(
            picture, question.label, question.labels, question.options, cancel=cancel
        )
