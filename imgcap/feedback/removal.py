"""Feedback removed on request, together with the pictures that were kept with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import FeedbackRecord
from imgcap.feedback.store import Store


@dataclass(frozen=True)
class Removal:
    """What is to be removed.

    Parameters
    ----------
    ids : frozenset of UUID
        Of the records.
    pictures : frozenset of str
        SHA-256 of the pictures that were kept with them.
    first, last : datetime, optional
        Times of the oldest and the newest of them; None without any.
    """

    ids: frozenset[UUID] = frozenset()
    pictures: frozenset[str] = frozenset()
    first: datetime | None = None
    last: datetime | None = None


def removal_of(records: Iterable[FeedbackRecord], pictures: PictureFolder) -> Removal:
    """Return what removing these records would remove, without holding them in memory."""
    ids: set[UUID] = set()
    kept: set[str] = set()
    first = last = None
    for record in records:
        ids.add(record.id)
        if record.picture_file in pictures:
            kept.add(record.picture_file)
        first = min(first or record.time, record.time)
        last = max(last or record.time, record.time)
    return Removal(frozenset(ids), frozenset(kept), first, last)


def remove(removal: Removal, store: Store, pictures: PictureFolder) -> tuple[int, int]:
    """Remove for good the pictures that no other record of the store has, then the records.

    In this order, because a record is all that leads to its picture: whatever ends it early, doing
    it again with the records that are left removes the rest.

    Returns
    -------
    tuple of int
        How many records and how many pictures were removed.

    Raises
    ------
    FeedbackError
        If a picture or a record cannot be removed.
    """
    removed = sum(map(pictures.delete, _unused(removal, store)))
    return store.delete(removal.ids), removed


def _unused(removal: Removal, store: Store) -> set[str]:
    """Return the pictures that only the removed records have."""
    unused = set(removal.pictures)
    others = store.iterate() if unused else ()
    for record in others:
        if record.picture_file in unused and record.id not in removal.ids:
            unused.remove(record.picture_file)
            if not unused:
                break
    return unused
