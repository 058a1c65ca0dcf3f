"""Feedback in a table of a database, where it is filtered, sorted and counted."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, delete, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.sql.postgresql import PostgresDatabase
from imgcap.feedback.sql.search import after, conditions, ordering
from imgcap.feedback.sql.sqlite import SqliteDatabase
from imgcap.feedback.sql.table import (
    FIELDS,
    HAS_PICTURE,
    OUTLINE,
    TABLE,
    to_outline,
    to_record,
    to_row,
)
from imgcap.feedback.store import Outline, Page, Query, Store, Summary

_CHUNK: Final = 200
"""How many rows one statement stores, reads or removes, and are in memory at once."""
_MOST_NOTED: Final = 1_000


class SqlStore(Store):
    """The table ``imgcap_feedback`` of a SQLite file or a PostgreSQL database.

    It is made when the first record is stored, and brought to the present version when it is
    found to be older. A row that a person has made unreadable is left out; the summary names it
    once it was met.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST:PORT/NAME``.

    Raises
    ------
    FeedbackError
        If the address is none of these, or the library for it is missing.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):  # its text may hold a password
            raise FeedbackError("The address of the feedback database cannot be read.") from None
        kind = SqliteDatabase if parsed.get_backend_name() == "sqlite" else PostgresDatabase
        self._database = kind(parsed)
        self._unreadable: dict[Any, str] = {}

    def extend(self, records: Iterable[FeedbackRecord]) -> int:
        """Store many; return how many were new."""
        new = 0
        for chunk in _chunks(records):
            # In one order, lest two writers of the same records wait for each other.
            rows = [to_row(record) for record in sorted(chunk, key=lambda record: record.id)]
            with self._database.writing("saved") as connection:
                added = connection.execution_options(preserve_rowcount=True).execute(
                    self._database.insertion, rows
                )
                new += added.rowcount
        return new

    def iterate(self, query: Query | None = None) -> Iterator[FeedbackRecord]:
        """Yield what `query` finds, in its order, without keeping others from writing."""
        query = query or Query()
        statement = self._select(query).order_by(*ordering(query)).limit(_CHUNK)
        rows = self._rows(statement)
        while rows:
            yield from self._readable(rows)
            rows = self._rows(statement.where(after(query, rows[-1])))

    def page(self, query: Query | None = None, offset: int = 0, limit: int = 100) -> Page:
        """Return up to `limit` of the records that `query` finds, from the `offset`-th on."""
        query = query or Query()
        with self._database.reading() as connection:
            while connection is not None:
                noted = len(self._unreadable)
                found = self._select(query)
                count = found.with_only_columns(func.count(), maintain_column_froms=True)
                total = connection.scalars(count).one()
                # Only ids are sorted and skipped: whole rows are many times as long.
                ids = found.with_only_columns(TABLE.c.id).order_by(*ordering(query))
                place = TABLE.c.id.in_(ids.offset(offset).limit(limit))
                part = select(*FIELDS).where(place).order_by(*ordering(query))
                rows = connection.execute(part).mappings() if offset < total else ()
                records = tuple(self._readable(rows))
                if len(self._unreadable) == noted:
                    return Page(records, total)
        return Page((), 0)

    def get(self, ids: Collection[UUID]) -> list[FeedbackRecord]:
        """Return the records with these ids, as far as they are there."""
        return [record for chunk in _chunks(set(ids)) for record in self._get(chunk)]

    def summary(self) -> Summary:
        """Count the records by rating, without making them."""
        noted, self._unreadable = self._unreadable, {}
        for chunk in _chunks(noted):  # which may be mended or gone
            list(self._get(chunk))
        counts = select(TABLE.c.rating, func.count().label("number")).where(*self._left_out())
        rows = self._rows(counts.group_by(TABLE.c.rating))
        numbers = {row["rating"]: row["number"] for row in rows}
        one, two, three, four, five = (numbers.get(stars, 0) for stars in range(1, 6))
        return Summary((one, two, three, four, five), tuple(self._unreadable.values()))

    def outline(self) -> Iterator[Outline]:
        """Yield every record's outline, from the columns that hold it."""
        with self._database.reading() as connection:
            if connection is not None:
                stream = connection.execution_options(yield_per=_CHUNK).execute(select(*OUTLINE))
                yield from filter(None, map(to_outline, stream))

    def picture_counts(self, pictures: Collection[str]) -> dict[str, int]:
        """Count, for each of these kept pictures that some name, the records that name it."""
        name = TABLE.c.picture_file
        count = select(name, func.count().label("number")).where(HAS_PICTURE).group_by(name)
        return {
            row["picture_file"]: row["number"]
            for chunk in _chunks(set(pictures))
            for row in self._rows(count.where(name.in_(chunk)))
        }

    def delete(self, ids: Collection[UUID]) -> int:
        """Remove the records with these ids for good; return how many were there."""
        with self._database.reading() as connection:
            if connection is None:
                return 0
        removed = 0
        with self._database.writing("deleted") as connection:
            for chunk in _chunks(set(ids)):
                removed += connection.execute(delete(TABLE).where(TABLE.c.id.in_(chunk))).rowcount
        self._database.forget_deleted()
        return removed

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._database.close()

    def _select(self, query: Query) -> Select[Any]:
        found = conditions(query, self._database.substring)
        return select(*FIELDS).where(*found, *self._left_out())

    def _left_out(self) -> list[ColumnElement[bool]]:
        return [TABLE.c.id.not_in(list(self._unreadable))] if self._unreadable else []

    def _get(self, ids: list[Any]) -> Iterator[FeedbackRecord]:
        return self._readable(self._rows(select(*FIELDS).where(TABLE.c.id.in_(ids))))

    def _rows(self, statement: Select[Any]) -> Sequence[RowMapping]:
        with self._database.reading() as connection:
            return [] if connection is None else connection.execute(statement).mappings().all()

    def _readable(self, rows: Iterable[RowMapping]) -> Iterator[FeedbackRecord]:
        """Make the records; note the rows of which none can be made."""
        for row in rows:
            try:
                yield to_record(row)
            except FeedbackError as error:
                if len(self._unreadable) < _MOST_NOTED:
                    why = f"{str(error)[:1].lower()}{str(error)[1:]}"
                    which = str(row["id"])[:50]
                    self._unreadable[row["id"]] = f"Record “{which}” is left out: {why}"


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    waiting = iter(values)
    while chunk := list(islice(waiting, _CHUNK)):
        yield chunk
