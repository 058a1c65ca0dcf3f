"""What a query means in SQL: which rows, in which order, and which of them come later."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, RowMapping, func, literal, tuple_

from imgcap.feedback.record import FeedbackError
from imgcap.feedback.sql.table import TABLE, searchable
from imgcap.feedback.store import Query
from imgcap.feedback.text import escape

_MOST_WORDS: Final = 200  # SQLite lets an expression have a thousand levels, some a word


def conditions(query: Query, substring: str) -> Iterator[ColumnElement[bool]]:
    """Yield what holds for every row that the query finds.

    Parameters
    ----------
    substring : str
        The SQL function that finds one text in another, and gives 0 where it does not. Unlike
        LIKE it knows no wildcards, no case and no longest pattern.

    Raises
    ------
    FeedbackError
        If there are too many words.
    """
    words = set(query.words)
    if len(words) > _MOST_WORDS:
        raise FeedbackError(f"A search can have {_MOST_WORDS} words, not {len(words):,}.")
    if query.ratings:
        yield TABLE.c.rating.in_(query.ratings & {1, 2, 3, 4, 5})  # no number that is too large
    if query.session:
        yield TABLE.c.session == escape(query.session)
    if query.since is not None:
        yield TABLE.c.time >= query.since
    if query.before is not None:
        yield TABLE.c.time < query.before
    for word in words:
        yield getattr(func, substring)(TABLE.c.searchable, searchable(word)) > 0


def ordering(query: Query) -> list[ColumnElement[Any]]:
    """Return what the rows are sorted by."""
    return [each.desc() if query.descending else each.asc() for each in _keys(query)]


def after(query: Query, row: RowMapping) -> ColumnElement[bool]:
    """Return what holds for every row that follows this one in the query's order."""
    keys = _keys(query)
    here = tuple_(*(literal(row[key], key.type) for key in keys))
    return tuple_(*keys) < here if query.descending else tuple_(*keys) > here


def _keys(query: Query) -> list[Column[Any]]:
    keys = [TABLE.c.time, TABLE.c.id]
    return [TABLE.c.rating, *keys] if query.sort == "rating" else keys
