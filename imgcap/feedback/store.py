"""What every feedback store can do, and what it is asked and gives."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import MINYEAR, UTC, datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from imgcap.feedback.record import FeedbackRecord

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Query:
    """Which records, in which order; an empty one means all, newest first.

    Parameters
    ----------
    text : str
        Words, each of which occurs somewhere in `FeedbackRecord.searchable`; letter case does
        not matter.
    ratings : frozenset of int
        Only these ratings; empty for any.
    session : str
        Only what came from this page; empty for any.
    since, before : datetime, optional
        Only what was given at this time or later, and earlier than that. Aware; kept in UTC.
    sort : {"time", "rating"}
        Records of equal rating stand in the order of time, and of equal time in that of id.
    descending : bool
        Largest first.
    """

    text: str = ""
    ratings: frozenset[int] = frozenset()
    session: str = ""
    since: datetime | None = None
    before: datetime | None = None
    sort: Literal["time", "rating"] = "time"
    descending: bool = True

    def __post_init__(self) -> None:
        """Bring the times to UTC."""
        since, before = self.since, self.before
        # The calendar of another time zone may begin before, and end after, that of all records.
        try:
            before = before and before.astimezone(UTC)
        except OverflowError:
            before = _FIRST if before and before.year == MINYEAR else None
        try:
            since = since and since.astimezone(UTC)
        except OverflowError:
            since, before = (None, before) if since and since.year == MINYEAR else (_LAST, _FIRST)
        object.__setattr__(self, "since", since)
        object.__setattr__(self, "before", before)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of `text` as they stand in `FeedbackRecord.searchable`."""
        return tuple(self.text.casefold().split())

    def finds(self, record: FeedbackRecord) -> bool:
        """Whether a record is one of those that are asked for."""
        searchable = record.searchable if self.words else ""
        return (
            (not self.ratings or record.rating in self.ratings)
            and (not self.session or record.session == self.session)
            and (self.since is None or record.time >= self.since)
            and (self.before is None or record.time < self.before)
            and all(word in searchable for word in self.words)
        )


@dataclass(frozen=True)
class Page:
    """Some of the records that a query found, and how many it found in all."""

    records: tuple[FeedbackRecord, ...]
    total: int


@dataclass(frozen=True)
class Summary:
    """What stands above the grid.

    Parameters
    ----------
    ratings : tuple of int
        How many records gave 1, 2, 3, 4 and 5.
    unreadable : tuple of str
        One sentence for each stored row that cannot be read and is left out.
    """

    ratings: tuple[int, ...] = (0, 0, 0, 0, 0)
    unreadable: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(self.ratings)

    @property
    def mean_rating(self) -> float | None:
        """The mean rating, None without records."""
        total = sum(stars * number for stars, number in enumerate(self.ratings, start=1))
        return total / self.count if self.count else None


class Outline(NamedTuple):
    """The part of a record that statistics need; fields as in `FeedbackRecord`.

    `label` and `score` are those of the top prediction, `score` being None without one; it is no
    share of the others' if `independent`.
    """

    time: datetime
    rating: int
    label: str
    score: float | None
    corrected_label: str
    caption: str
    corrected_caption: str
    classifier: str
    captioner: str
    classifier_revision: str = ""
    captioner_revision: str = ""
    independent: bool = False


def outline_of(record: FeedbackRecord) -> Outline:
    """Return what statistics need of a record."""
    return Outline(
        record.time,
        record.rating,
        record.label,
        record.predictions[0].score if record.predictions else None,
        record.corrected_label,
        record.caption,
        record.corrected_caption,
        record.classifier,
        record.captioner,
        record.classifier_revision,
        record.captioner_revision,
        record.independent,
    )


class Store(ABC):
    """Keeps feedback. Every method may be called from any thread, and raises `FeedbackError`.

    Several stores, in one process or in many, may be open on the same place; each sees what the
    others have stored. A store that could not be reached is tried anew at the next call.
    """

    def append(self, record: FeedbackRecord) -> None:
        """Store the record; return once it is safe. An id that is there already changes nothing."""
        self.extend([record])

    @abstractmethod
    def extend(self, records: Iterable[FeedbackRecord]) -> int:
        """Store many, in order; return how many were new, once all are safe.

        An error may leave the first of them stored; doing it again completes the rest.
        """

    def read(self) -> list[FeedbackRecord]:
        """Return every record, newest first."""
        return list(self.iterate())

    @abstractmethod
    def iterate(self, query: Query | None = None) -> Iterator[FeedbackRecord]:
        """Yield what `query` finds, in its order, never holding all of it in memory.

        Every record that was there at the start and still is comes exactly once; one that is
        added meanwhile may come or not.
        """

    @abstractmethod
    def page(self, query: Query | None = None, offset: int = 0, limit: int = 100) -> Page:
        """Return up to `limit` of the records that `query` finds, from the `offset`-th on."""

    @abstractmethod
    def get(self, ids: Collection[UUID]) -> list[FeedbackRecord]:
        """Return the records with these ids, as far as they are there, in no special order."""

    @abstractmethod
    def summary(self) -> Summary:
        """Count the records by rating, without making them."""

    @abstractmethod
    def outline(self) -> Iterator[Outline]:
        """Yield every record's outline, in no special order, without making the records."""

    @abstractmethod
    def picture_counts(self, pictures: Collection[str]) -> dict[str, int]:
        """Count, for each of these kept pictures that some name, the records that name it.

        Pictures are told by `FeedbackRecord.picture_file`. What can no longer be read as a record
        counts too: someone may mend it.
        """

    @abstractmethod
    def delete(self, ids: Collection[UUID]) -> int:
        """Remove the records with these ids for good; return how many were there."""

    @abstractmethod
    def close(self) -> None:
        """Free what the store holds; a later call takes it up again."""
