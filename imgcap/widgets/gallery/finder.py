"""Which pictures of a page are nearest to a phrase, found in the background."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgcap.inference import CancelledError, Engine
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Wish:
    """What is searched for, among what, by whom."""

    phrase: str
    engine: Engine
    checkpoint: str
    pictures: tuple[Shown, ...]


class Finder:
    """Knows how near each picture is to a phrase: the cosine similarity of their embeddings.

    It takes no orders: `look` compares what is wished for with what is known, and fetches what is
    missing, a few pictures at a time. All methods are called with the state's lock held.

    Parameters
    ----------
    state : AppState
        Its pictures are searched.
    tell : callable
        Called when more is known.
    """

    def __init__(self, state: AppState, tell: Callable[[], object]) -> None:
        self._state = state
        self._tell = tell
        self._busy = False
        self._texts: dict[tuple[str, str], NDArray[np.float32]] = {}
        self.phrase = ""
        self.problem = ""

    @property
    def is_busy(self) -> bool:
        """Whether something is still missing."""
        return bool(self.phrase) and self._busy

    def search(self, phrase: str) -> None:
        """Search for a phrase; an empty one ends the search."""
        self.phrase, self.problem = phrase, ""
        self._tell()

    def look(self) -> dict[str, float]:
        """Return how near each picture is by its id, as far as that is known."""
        state, embeddings = self._state, self._state.embeddings
        checkpoint: str = state.engine.models["classifier"].checkpoint
        text = self._texts.get((checkpoint, self.phrase))
        known = {shown.id: embeddings.get(state.engine, shown) for shown in state.pictures}
        missing = tuple(shown for shown in state.pictures if known[shown.id] is None)
        wanted = self.phrase and not self.problem and (missing or text is None)
        if wanted and not self._busy and not state.closed:
            self._fetch(Wish(self.phrase, state.engine, checkpoint, missing))
        if not self.phrase or text is None:
            return {}
        return {key: float(vector @ text) for key, vector in known.items() if vector is not None}

    def _fetch(self, wish: Wish) -> None:
        self._busy = True

        def end(sentence: str = "") -> None:
            self._busy = False
            if sentence and not self._is_stale(wish):
                self.problem = sentence
            if not self._state.closed:
                self._tell()

        self._state.in_background(lambda: self._work(wish), lambda _: end(), end)

    def _work(self, wish: Wish) -> None:
        state = self._state
        try:
            [text] = wish.engine.embed_texts([wish.phrase], cancel=lambda: self._is_stale(wish))
            with state.lock:
                self._texts = {(wish.checkpoint, wish.phrase): text}
            # Another phrase needs the same pictures: those that are underway are not in vain.
            for _ in state.embeddings.fetch(
                wish.engine, wish.pictures, lambda: self._is_idle(wish)
            ):
                if self._is_stale(wish):
                    return
                state.guarded(self._tell)()
        except CancelledError:
            return

    def _is_stale(self, wish: Wish) -> bool:
        with self._state.lock:
            return wish.phrase != self.phrase or self._is_idle(wish)

    def _is_idle(self, wish: Wish) -> bool:
        with self._state.lock:
            state = self._state
            return state.closed or not self.phrase or wish.engine is not state.engine
