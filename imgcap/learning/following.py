"""Reading feedback once, and after that only what was added to it."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imgcap.feedback import FeedbackRecord, Query, Store

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

_STARS = range(1, 6)


class Follower:
    """Tells what came to a store since it was last looked at, and whether anything else happened.

    Parameters
    ----------
    store : Store
        Whose records are followed. Whether some are gone is told by how many there are of each
        rating.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ratings: Counter[int] | None = None
        self._newest: datetime | None = None
        self._ids: set[UUID] = set()

    def everything(self) -> Iterator[FeedbackRecord]:
        """Yield every record, newest first; `added` goes on from there once all were taken."""
        self._ratings, self._newest = None, None
        ratings: Counter[int] = Counter()
        ids: set[UUID] = set()
        newest: datetime | None = None
        for record in self._store.iterate():
            newest = newest or record.time
            ratings[record.rating] += 1
            if record.time == newest:
                ids.add(record.id)
            yield record
        self._ratings, self._newest, self._ids = ratings, newest, ids

    def added(self) -> list[FeedbackRecord] | None:
        """Return what is new, newest first; None if everything has to be read anew.

        That is so at first, and after records were deleted or came that are older than those known.

        Raises
        ------
        FeedbackError
            If the store cannot be read.
        """
        if self._ratings is None:
            return None
        since = Query(since=self._newest)
        new = [each for each in self._store.iterate(since) if each.id not in self._ids]
        ratings = self._ratings + Counter(record.rating for record in new)
        if tuple(ratings[stars] for stars in _STARS) != self._store.summary().ratings:
            return None
        self._ratings = ratings
        if new:
            last, self._newest = self._newest, new[0].time
            kept = self._ids if self._newest == last else set()
            self._ids = kept | {each.id for each in new if each.time == self._newest}
        return new
