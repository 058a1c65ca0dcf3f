"""Learning from the feedback that waits: begun, followed and broken off by a person."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

import ipywidgets as widgets

from imgcap.learning.background import Learned, Learning, Method
from imgcap.learning.waiting import Waiting
from imgcap.widgets.elements import Message, Progress, row
from imgcap.widgets.learning.words import can_teach, waiting_words
from imgcap.widgets.state import AppState

DONE: Final = "Done: see below what was learned."
CANCELLED: Final = "Cancelled; nothing was kept."
METHODS: Final[dict[str, Method]] = {
    "Labels": "probe",
    "Labels, from memory": "cache",
    "Labels, thoroughly": "lora",
    "Captions": "captions",
}
HINTS: Final[dict[Method, str]] = {
    "probe": "Moves corrected labels towards their pictures: the usual way. It takes seconds.",
    "cache": "Remembers corrected pictures, and which new ones look like them. It takes seconds.",
    "lora": "Teaches the model to look at pictures in another way as well. It takes minutes.",
    "captions": "Teaches the model to write as people corrected it. It takes minutes.",
}
_NEEDS_PEFT: Final = {"lora", "captions"}
_DOING: Final = {
    "models": "Loading the models …",
    "pictures": "Looking at the judged pictures …",
    "measuring": "Learning, and measuring on pictures that were held out …",
}


def offered() -> list[tuple[str, Method]]:
    """Return the ways to learn that this installation has, by name."""
    has_peft = find_spec("peft") is not None
    return [each for each in METHODS.items() if has_peft or each[1] not in _NEEDS_PEFT]


class Learner(widgets.VBox):
    """Says what waits, and learns from it in a process of its own: the page goes on meanwhile.

    Parameters
    ----------
    state : AppState
        Whose feedback teaches.
    on_learned : callable
        Called with the id of an adapter that was made.
    """

    def __init__(self, state: AppState, on_learned: Callable[[str], object]) -> None:
        self._state = state
        self._on_learned = on_learned
        self._learning: Learning | None = None
        self._cancelled = False
        self._waiting = Waiting()
        self.count, self.hint, self.message = Message(), Message(), Message()
        self.method = widgets.Dropdown(description="Teach", options=offered())
        self.learn = widgets.Button(description="Learn from them", icon="graduation-cap")
        self.cancel = widgets.Button(description="Cancel", icon="times")
        self.progress = Progress("Progress of learning")
        super().__init__(
            [
                self.count,
                row(self.method, self.hint),
                row(self.learn, self.progress, self.cancel),
                self.message,
            ]
        )
        self.method.observe(state.guarded(self._show), "value")
        self.learn.on_click(state.guarded(self._start))
        self.cancel.on_click(state.guarded(self._stop))
        state.observe(state.guarded(self._stop), "closed")
        self._show()

    def show(self, waiting: Waiting) -> None:
        """Say what waits."""
        self.count.tell(waiting_words(waiting))
        self._waiting = waiting
        self._show()

    def _show(self, _change: object = None) -> None:
        busy = self._learning is not None
        self.learn.disabled = busy or not can_teach(self._waiting, self.method.value)
        self.method.disabled = busy
        self.hint.tell(HINTS[self.method.value])
        for widget in (self.progress, self.cancel):
            widget.layout.display = None if busy else "none"

    def _start(self, _button: object) -> None:
        if self._learning:
            return
        state = self._state
        learning = self._learning = Learning(state.settings, self.method.value)
        self._cancelled = False
        self._follow("models", 0, 0)
        self._show()
        follow = state.guarded(self._follow)
        state.in_background(lambda: learning.wait(follow), self._end, self._fail)

    def _stop(self, _change: object) -> None:
        if self._learning:
            self._cancelled = True
            self._learning.cancel()

    def _follow(self, stage: str, done: int, total: int) -> None:
        self.progress.show(done / total if total else None)
        self.message.tell(_DOING.get(stage, ""))

    def _end(self, learned: Learned) -> None:
        self._learning = None
        self.message.tell(DONE)
        self._show()
        self._on_learned(learned.adapter)

    def _fail(self, sentence: str) -> None:
        self._learning = None
        if self._cancelled:
            self.message.tell(CANCELLED)
        else:
            self.message.warn(sentence)
        self._show()
