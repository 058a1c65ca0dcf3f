"""Which pictures of a page are nearest to a phrase, found in the background."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from imgcap.images import Picture
from imgcap.inference import CancelledError, Engine
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOGETHER: Final = 8


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
    missing, a few pictures at a time. Embeddings are kept as long as their pictures are here. All
    methods are called with the state's lock held.

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
        self._vectors: dict[tuple[str, str], NDArray[np.float32]] = {}
        self._failed: set[str] = set()
        self.phrase = ""
        self.problem = ""

    @property
    def is_busy(self) -> bool:
        """Whether something is still missing."""
        return bool(self.phrase) and self._busy

    def search(self, phrase: str) -> None:
        """Search for a phrase; an empty one ends the search."""
        self.phrase, self.problem = phrase, ""
        self._failed.clear()
        self._tell()

    def look(self) -> dict[str, float]:
        """Return how near each picture is by its id, as far as that is known."""
        state, checkpoint = self._state, self._checkpoint()
        here = {(checkpoint, shown.version) for shown in state.pictures}
        self._vectors = {key: kept for key, kept in self._vectors.items() if key in here}
        text = self._texts.get((checkpoint, self.phrase))
        missing = [shown for shown in state.pictures if self._is_missing(checkpoint, shown)]
        wanted = self.phrase and not self.problem and (missing or text is None)
        if wanted and not self._busy and not state.closed:
            self._fetch(Wish(self.phrase, state.engine, checkpoint, tuple(missing)))
        if not self.phrase or text is None:
            return {}
        return {
            shown.id: float(self._vectors[checkpoint, shown.version] @ text)
            for shown in state.pictures
            if (checkpoint, shown.version) in self._vectors
        }

    def _checkpoint(self) -> str:
        checkpoint: str = self._state.engine.models["classifier"].checkpoint
        return checkpoint

    def _is_missing(self, checkpoint: str, shown: Shown) -> bool:
        key = (checkpoint, shown.version)
        return key not in self._vectors and shown.version not in self._failed

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

        def cancel() -> bool:
            return self._is_stale(wish)

        try:
            [text] = wish.engine.embed_texts([wish.phrase], cancel=cancel)
            with state.lock:
                self._texts = {(wish.checkpoint, wish.phrase): text}
            waiting = iter(wish.pictures)
            while group := list(islice(waiting, _TOGETHER)):
                if cancel():
                    return
                opened = [(shown, self._open(shown)) for shown in group]
                there = [(shown, picture) for shown, picture in opened if picture]
                rows = wish.engine.embed([picture for _, picture in there], cancel=cancel)
                with state.lock:
                    self._failed |= {shown.version for shown, picture in opened if not picture}
                    for (shown, _), row in zip(there, rows, strict=True):
                        self._vectors[wish.checkpoint, shown.version] = row
                    state.guarded(self._tell)()
        except CancelledError:
            return

    def _open(self, shown: Shown) -> Picture | None:
        try:
            return self._state.shelf.open(shown.id, shown.edits)
        except KeyError:  # it was removed meanwhile
            return None

    def _is_stale(self, wish: Wish) -> bool:
        with self._state.lock:
            state = self._state
            return state.closed or wish.phrase != self.phrase or wish.engine is not state.engine
