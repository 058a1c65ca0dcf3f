"""Feedback removed on request with its kept pictures, and pictures that no feedback names."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import FeedbackRecord
from imgcap.feedback.store import Store

GRACE: Final = timedelta(hours=1)
"""How old a picture is before it counts as one that no record will name any more."""

_CHUNK: Final = 200
"""Pictures that are removed at once, while nobody can keep any."""


@dataclass(frozen=True)
class Removal:
    """What is to be removed.

    Parameters
    ----------
    ids : frozenset of UUID
        Of the records.
    pictures : mapping of str to set of UUID
        SHA-256 of the pictures that were kept with them, and which of the records name each.
    first, last : datetime, optional
        Times of the oldest and the newest of them; None without any.
    """

    ids: frozenset[UUID] = frozenset()
    pictures: Mapping[str, set[UUID]] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None


def removal_of(records: Iterable[FeedbackRecord], pictures: PictureFolder) -> Removal:
    """Return what removing these records would remove, without holding them in memory."""
    ids: set[UUID] = set()
    kept: defaultdict[str, set[UUID]] = defaultdict(set)
    first = last = None
    for record in records:
        ids.add(record.id)
        if record.picture_file in pictures:
            kept[record.picture_file].add(record.id)
        first = min(first or record.time, record.time)
        last = max(last or record.time, record.time)
    return Removal(frozenset(ids), dict(kept), first, last)


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
    removed = 0
    for chunk in _chunks(removal.pictures):
        with pictures.removing():
            counts = store.picture_counts(chunk)
            # Asked after the count: a record that someone else deletes meanwhile is then missing
            # here, and its picture stays.
            records = store.get({each for picture in chunk for each in removal.pictures[picture]})
            ours = Counter(record.picture_file for record in records)
            unused = (each for each in chunk if counts.get(each, 0) <= ours[each])
            removed += sum(map(pictures.delete, unused))
    return store.delete(removal.ids), removed


def unnamed(
    stores: Sequence[Store], pictures: PictureFolder, age: timedelta = GRACE
) -> Iterator[str]:
    """Yield the pictures of that age that no record of any of these stores names."""
    for chunk in _chunks(pictures):
        old = [each for each in chunk if pictures.is_older(each, age)]
        yield from _unnamed(old, stores)


def remove_unnamed(
    found: Iterable[str],
    stores: Sequence[Store],
    pictures: PictureFolder,
    age: timedelta = timedelta(0),
) -> int:
    """Remove those of these pictures that have that age and that still no record names.

    Nor will one soon: it waits for everybody who is just saving a picture.

    Returns
    -------
    int
        How many were removed.
    """
    removed = 0
    for chunk in _chunks(found):
        with pictures.removing():
            old = [each for each in chunk if pictures.is_older(each, age)]
            removed += sum(map(pictures.delete, _unnamed(old, stores)))
    return removed


def _unnamed(found: Sequence[str], stores: Sequence[Store]) -> list[str]:
    named = {picture for store in stores for picture in store.picture_counts(found)}
    return [each for each in found if each not in named]


def _chunks(found: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(found)
    while chunk := list(islice(waiting, _CHUNK)):
        yield chunk
