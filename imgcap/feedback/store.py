"""What every feedback store can do, and the one that the settings ask for."""

from dataclasses import dataclass
from typing import Literal, Protocol

from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.settings import Settings


@dataclass(frozen=True)
class Query:
    """Which records, in which order; an empty one means all, newest first.

    Parameters
    ----------
    text : str
        Words that occur somewhere in what a person wrote, in the caption, the top label or the
        picture's name; letter case does not matter.
    ratings : frozenset of int
        Only these ratings; empty for any.
    sort : {"time", "rating"}
        Records of equal rating stand in the order of time, and of equal time in that of id.
    descending : bool
        Largest first.
    """

    text: str = ""
    ratings: frozenset[int] = frozenset()
    sort: Literal["time", "rating"] = "time"
    descending: bool = True


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


class Store(Protocol):
    """Keeps feedback. Every method may be called from any thread, and raises `FeedbackError`.

    Several stores, in one process or in many, may be open on the same place; each sees what the
    others have stored.
    """

    def append(self, record: FeedbackRecord) -> None:
        """Store the record; return once it is safe. An id that is there already changes nothing."""

    def read(self) -> list[FeedbackRecord]:
        """Return every record, newest first."""

    def page(self, query: Query | None = None, offset: int = 0, limit: int = 100) -> Page:
        """Return up to `limit` of the records that `query` finds, from the `offset`-th on."""

    def summary(self) -> Summary:
        """Count the records by rating, without making them."""

    def close(self) -> None:
        """Free what the store holds; a later call takes it up again."""


def open_store(settings: Settings | None = None) -> Store:
    """Return the store that `Settings.feedback` names, at once; nothing is read or made yet.

    Parameters
    ----------
    settings : Settings, optional
        By default read from the environment. ``csv:PATH`` is a file; a relative path starts at
        the current directory, which for the dashboard is the folder of the notebook.

    Raises
    ------
    FeedbackError
        If there is no such store.
    """
    where = (settings or Settings()).feedback
    scheme, _, rest = where.partition(":")
    if scheme == "csv" and rest:
        from imgcap.feedback.csv import CsvStore  # noqa: PLC0415  # only the chosen store loads

        return CsvStore(rest)
    # Only the scheme is repeated: the rest of a database's address may hold a password.
    raise FeedbackError(
        f"There is no feedback store of the kind “{scheme[:30]}”; "
        "give IMGCAP_FEEDBACK a file such as csv:data/feedback.csv."
    )
