"""Which pictures of a page would teach the most, found in the background."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from imgcap.feedback import Query
from imgcap.inference import CancelledError, Classification, ClassifyOptions, Engine
from imgcap.learning import FEWEST
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.answering import turn
from imgcap.widgets.gallery.cards import UNKNOWN
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState

_FEWEST_LABELS: Final = 2


@dataclass(frozen=True, eq=False)
class Lesson:
    """Among what is chosen, and what was asked of whom."""

    engine: Engine
    adapter_turn: int
    labels: tuple[str, ...]
    options: ClassifyOptions
    answers: Mapping[Shown, Classification]


class Teacher:
    """Chooses the pictures of a page that are most worth a label, and crosses off what is judged.

    All methods are called with the state's lock held.

    Parameters
    ----------
    state : AppState
        Its pictures are chosen from.
    analyst : Analyst
        Knows what they show.
    tell : callable
        Called when more is known.
    """

    def __init__(self, state: AppState, analyst: Analyst, tell: Callable[[], object]) -> None:
        self._state = state
        self._analyst = analyst
        self._tell = tell
        self._lesson: Lesson | None = None
        self._chosen: dict[str, str] | None = None
        self._judged: set[str] = set()
        self.seen = 0
        self.problem = ""
        state.observe(state.guarded(self._look_for_judged), "saved")

    @property
    def is_busy(self) -> bool:
        """Whether it is choosing now."""
        return self._lesson is not None and self._chosen is None

    @property
    def total(self) -> int:
        """How many pictures it chooses, or chose, from."""
        return len(self._lesson.answers) if self._lesson else 0

    @property
    def chosen(self) -> int | None:
        """How many pictures it chose, those that have been judged since included."""
        return None if self._chosen is None else len(self._chosen)

    def why_not(self) -> str:
        """Say why there is nothing to choose now; empty if there is."""
        state = self._state
        if len(state.pictures) < FEWEST:
            return f"With {FEWEST} pictures or more, the page can say which to label next."
        if len(state.labels) < _FEWEST_LABELS or state.classify_options.independent:
            return "What to label next is known for labels of which one is to be chosen."
        if any(state.statuses.get(each.id, "waiting") in UNKNOWN for each in state.pictures):
            return "What to label next is known once all pictures are described."
        return ""

    def begin(self) -> None:
        """Choose anew."""
        state = self._state
        described = [(each, self._analyst.description(each.id)) for each in state.pictures]
        answers = {
            each: known.classification
            for each, known in described
            if known and known.classification
        }
        self.end()
        if len(answers) < FEWEST:
            self.problem = f"Fewer than {FEWEST} pictures could be described."
            return
        self.seen, self._judged = 0, set()
        asked = turn(state, "classifier"), state.labels, state.classify_options
        lesson = Lesson(state.engine, *asked, answers)
        self._lesson = lesson
        state.in_background(
            lambda: self._choose(lesson),
            lambda choices: self._take(lesson, choices),
            lambda sentence: self._fail(lesson, sentence),
        )

    def end(self) -> None:
        """Choose nothing any more, and forget what was chosen."""
        self._lesson = self._chosen = None
        self.problem = ""
        self._tell()

    def look(self) -> dict[str, str]:
        """Return why each picture by its id is worth a label, the worthiest first."""
        lesson, state = self._lesson, self._state
        if lesson and not self._is_current(lesson):
            self.end()
            self.problem = "The labels or the model have changed: what to label next has as well."
        return {
            key: reason
            for key, reason in (self._chosen or {}).items()
            if key not in self._judged and state.find(key)
        }

    def _is_current(self, lesson: Lesson) -> bool:
        state = self._state
        asked = turn(state, "classifier"), state.labels, state.classify_options
        was_asked = lesson.adapter_turn, lesson.labels, lesson.options
        return lesson.engine is state.engine and was_asked == asked

    def _is_stale(self, lesson: Lesson) -> bool:
        with self._state.lock:
            return self._state.closed or lesson is not self._lesson or not self._is_current(lesson)

    def _choose(self, lesson: Lesson) -> dict[str, str]:
        from imgcap.widgets.gallery.choosing import choose_pictures  # noqa: PLC0415  # half a second

        def tell(seen: int) -> None:
            self.seen = seen
            self._state.guarded(self._tell)()

        try:
            return choose_pictures(
                self._state, lesson.engine, lesson.answers, lambda: self._is_stale(lesson), tell
            )
        except CancelledError:
            return {}

    def _take(self, lesson: Lesson, chosen: dict[str, str]) -> None:
        if not self._is_stale(lesson):
            self._chosen = chosen
            self._tell()

    def _fail(self, lesson: Lesson, sentence: str) -> None:
        if not self._is_stale(lesson):
            self.end()
            self.problem = sentence

    def _look_for_judged(self, _change: object) -> None:
        state = self._state
        if self._lesson is None:
            return

        def judged() -> set[str]:
            given = state.store.iterate(Query(session=state.session))
            return {each.picture_sha256 for each in given if each.corrected_label.strip()}

        def take(ids: set[str]) -> None:
            self._judged |= ids
            self._tell()

        def fail(sentence: str) -> None:
            self.problem = sentence
            self._tell()

        state.in_background(judged, take, fail)
