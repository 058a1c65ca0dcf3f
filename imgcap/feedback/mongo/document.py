"""A record as MongoDB keeps it, the way back, and a query as MongoDB understands it.

A document has the record's fields with the id as ``_id``, and `searchable`. Times are text of
fixed width, because BSON's own have milliseconds only; edits are JSON, because their keys and
numbers may be such as BSON does not have; other texts are as `imgcap.feedback.text` writes them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from imgcap.feedback.record import SCHEMA_VERSION, FeedbackError, FeedbackRecord
from imgcap.feedback.store import Outline, Query
from imgcap.feedback.text import escape, unescape

Document = Mapping[str, Any]

OUTLINE: Final = {
    **{name: 1 for name in Outline._fields if name not in {"label", "score"}},
    "predictions": {"$slice": 1},
}
"""What to ask the database for to make an `Outline`."""

_RATINGS: Final = frozenset(range(1, 6))
_LONGEST_PATTERN: Final = 32_000  # bytes; MongoDB takes 32,764
# No UTF-8 can hold half an emoji and no pattern a NUL: where words are searched they stand as
# private characters, so that a word is found exactly where it is.
_SEARCHABLE: Final = {code: 0x10_0000 + code for code in (0, *range(0xD800, 0xE000))}


def document_of(record: FeedbackRecord) -> dict[str, Any]:
    """Return what is stored of a record."""
    return {
        "_id": str(record.id),
        **_texts(record.model_dump(exclude={"id", "time", "edits"}), escape),
        "time": _time(record.time),
        "edits": escape(json.dumps(record.edits, ensure_ascii=False)),  # else halves become one
        "searchable": record.searchable.translate(_SEARCHABLE),
    }


def record_from(document: Document) -> FeedbackRecord:
    """Return the record of a document; raises `FeedbackError` where someone has spoilt it."""
    fields = {name: document[name] for name in FeedbackRecord.model_fields if name in document}
    try:
        fields = _texts(fields, unescape)
        fields |= {"id": document["_id"], "edits": json.loads(fields.get("edits", "[]"))}
    except (TypeError, ValueError, RecursionError) as error:
        raise FeedbackError("The edits are not as this program writes them.") from error
    return FeedbackRecord(**fields)


def outline_from(document: Document) -> Outline:
    """Return the outline of a document with the fields of `OUTLINE`; raises `FeedbackError`."""
    try:
        top = next(iter(document["predictions"]), {"label": "", "score": None})
        fields = {name: document.get(name, "") for name in Outline._fields} | top
        fields |= {"time": datetime.fromisoformat(document["time"])}
        fields |= {"independent": document.get("independent") is True}
        return Outline(**_texts(fields, unescape))
    except (KeyError, TypeError, ValueError) as error:
        raise FeedbackError("The document is not as this program writes it.") from error


def conditions(query: Query, *, without: Iterable[str] = ()) -> dict[str, Any]:
    """Return the filter for what a query finds.

    Documents of another kind or a newer version are never found, nor those with the ids
    `without`.

    Raises
    ------
    FeedbackError
        If a word is longer than a pattern may be.
    """
    patterns = [re.escape(word.translate(_SEARCHABLE)) for word in query.words]
    if any(len(pattern.encode()) > _LONGEST_PATTERN for pattern in patterns):
        raise FeedbackError("The words to search for are too long.")
    time = {"$gte": _time(query.since) if query.since else ""}
    if query.before:
        time["$lt"] = _time(query.before)
    unwanted = list(without)
    found: dict[str, Any] = {
        # Any text is at least "", nothing else is. What is empty is left out: it costs, too.
        "_id": {"$gte": "", **({"$nin": unwanted} if unwanted else {})},
        "time": time,
        "rating": {"$in": sorted(query.ratings & _RATINGS if query.ratings else _RATINGS)},
        "schema_version": {"$lte": SCHEMA_VERSION},
    }
    if query.session:
        found["session"] = escape(query.session)
    if patterns:
        found["$and"] = [{"searchable": {"$regex": pattern}} for pattern in patterns]
    return found


def strangers() -> dict[str, Any]:
    """Return the filter for the documents that no query finds; each part has an index."""
    known = conditions(Query())
    return {"$or": [{name: {"$not": condition}} for name, condition in known.items()]}


def order(query: Query) -> list[tuple[str, int]]:
    """Return what to sort by."""
    names = ("rating", "time", "_id") if query.sort == "rating" else ("time", "_id")
    return [(name, -1 if query.descending else 1) for name in names]


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _texts(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  # any field's
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _texts(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(each, change) for each in value]
    return value
