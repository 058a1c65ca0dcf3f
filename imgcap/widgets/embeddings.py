"""The embeddings of a page's pictures: each is computed once, whoever asks for it."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from imgcap.inference import CancelledError, Engine
from imgcap.inference.events import Cancel
from imgcap.widgets.shelf import Edits, Shelf, Shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imgcap.images import Picture

KEPT: Final = 4
"""Of one picture: enough to go back to recent edits and models; one is a few kilobytes."""

_TOGETHER: Final = 8
_SECONDS: Final = 0.05


class PictureEmbeddings:
    """Keeps the latest `KEPT` embeddings of each picture, by checkpoint and edits.

    Bounded for each picture by itself: what is wanted now is one a picture, and never goes. Any
    thread may use it.

    Parameters
    ----------
    shelf : Shelf
        Where the pictures are; nothing is kept of those that it has no more.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._kept: dict[str, OrderedDict[tuple[str, Edits], NDArray[np.float32]]] = {}

    def get(self, engine: Engine, shown: Shown) -> "NDArray[np.float32] | None":
        """Return the `(dim,) float32` unit vector of a picture as it is edited, if it is known."""
        key = _key(engine, shown)
        with self._lock:
            kept = self._kept.get(shown.id, OrderedDict())
            if key in kept:
                kept.move_to_end(key)
            return kept.get(key)

    def fetch(self, engine: Engine, pictures: Sequence[Shown], cancel: Cancel) -> Iterator[int]:
        """Embed those pictures that are not known, a few at a time; not with the state's lock held.

        Those that have been removed meanwhile are passed over.

        Yields
        ------
        int
            How many of the pictures have been looked after, as it grows.

        Raises
        ------
        CancelledError
            Once `cancel` says so.
        EngineError, EditError
            If one cannot be embedded.
        """
        missing = [shown for shown in pictures if self.get(engine, shown) is None]
        for start in range(0, len(missing), _TOGETHER):
            group = missing[start : start + _TOGETHER]
            with self._in_turn(cancel):
                self._embed(engine, group, cancel)
            yield len(pictures) - len(missing) + start + len(group)

    def forget(self, picture_id: str) -> None:
        """Forget all about a picture."""
        with self._lock:
            self._kept.pop(picture_id, None)

    @contextmanager
    def _in_turn(self, cancel: Cancel) -> Iterator[None]:
        """Wait until nobody else is embedding: it may be the same pictures."""
        while not self._turn.acquire(timeout=_SECONDS):
            if cancel():
                raise CancelledError
        try:
            yield
        finally:
            self._turn.release()

    def _embed(self, engine: Engine, group: Sequence[Shown], cancel: Cancel) -> None:
        there: list[tuple[Shown, Picture]] = []
        for shown in group:
            if cancel():
                raise CancelledError
            if self.get(engine, shown) is None:
                with suppress(KeyError):  # it was removed meanwhile
                    there.append((shown, self._shelf.open(shown.id, shown.edits)))
        rows = engine.embed([picture for _, picture in there], cancel=cancel) if there else ()
        with self._lock:
            for (shown, _), row in zip(there, rows, strict=True):
                if shown.id in self._shelf:
                    kept = self._kept.setdefault(shown.id, OrderedDict())
                    kept[_key(engine, shown)] = row
                    if len(kept) > KEPT:
                        kept.popitem(last=False)


def _key(engine: Engine, shown: Shown) -> tuple[str, Edits]:
    return engine.models["classifier"].checkpoint, shown.edits
