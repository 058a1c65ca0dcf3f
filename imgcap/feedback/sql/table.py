"""The table that holds feedback, and the way of a record into one of its rows and back."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    Index,
    MetaData,
    RowMapping,
    SmallInteger,
    Table,
    Text,
    Uuid,
    literal_column,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.store import Outline
from imgcap.feedback.text import escape, unescape

_JSON: Final = frozenset({"edits", "labels", "templates", "predictions"})
# NUL and half an emoji as private characters, one for one, so that what occurs in a text still
# does; `escape` would not keep that.
_SEARCHABLE: Final = {code: 0x100000 + code for code in (0, *range(0xD800, 0xE000))}


class _Readable(TypeDecorator[Any]):
    """SQLite keeps the value as text that people can read and that sorts as the value does.

    What is read comes as the driver gives it: a row that a person has made unreadable must not
    hide those around it.
    """

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401
        if dialect.name != "sqlite" or not isinstance(value, datetime):
            return str(value) if dialect.name == "sqlite" else value
        time = value.astimezone(UTC).isoformat(timespec="microseconds")
        return time.replace("+00:00", "Z")


class _Time(_Readable):
    impl = DateTime(timezone=True)
    cache_ok = True


class _Id(_Readable):
    impl = Uuid()
    cache_ok = True


def _column(name: str, kind: type[TypeEngine[Any]] = Text) -> Column[Any]:
    return Column(name, kind, nullable=False)


TABLE: Final = Table(
    "imgcap_feedback",
    MetaData(),
    Column("id", _Id, primary_key=True),
    _column("time", _Time),
    _column("rating", SmallInteger),
    _column("comment"),
    _column("corrected_label"),
    _column("corrected_caption"),
    _column("picture_name"),
    _column("picture_sha256"),
    Column("picture_width", BigInteger),
    Column("picture_height", BigInteger),
    _column("picture_file"),
    _column("edits"),
    _column("labels"),
    _column("templates"),
    _column("independent", Boolean),
    _column("predictions"),
    _column("caption"),
    _column("classifier"),
    _column("classifier_revision"),
    _column("captioner"),
    _column("captioner_revision"),
    Column("classify_ms", Double),
    Column("caption_ms", Double),
    _column("session"),
    _column("schema_version", SmallInteger),
    # What follows from the others, for queries.
    _column("label"),
    Column("score", Double),
    _column("searchable"),
    CheckConstraint("rating IN (1, 2, 3, 4, 5)", name="imgcap_feedback_rating"),
    Index("imgcap_feedback_by_time", "time", "id", "rating"),
    Index("imgcap_feedback_by_rating", "rating", "time", "id"),
    # A session's name can be longer than PostgreSQL lets an entry of a B-tree be.
    Index("imgcap_feedback_by_session", "session", postgresql_using="hash"),
)
HAS_PICTURE: Final = TABLE.c.picture_file != literal_column("''")  # to SQLite no parameter is it
Index(
    "imgcap_feedback_by_picture",
    TABLE.c.picture_file,
    postgresql_where=HAS_PICTURE,
    sqlite_where=HAS_PICTURE,
)
FIELDS: Final = tuple(TABLE.c[name] for name in FeedbackRecord.model_fields)
OUTLINE: Final = tuple(TABLE.c[name] for name in Outline._fields)


def to_row(record: FeedbackRecord) -> dict[str, Any]:
    """Return the row of a record."""
    row = {name: _stored(name, getattr(record, name)) for name in FeedbackRecord.model_fields}
    row["label"] = escape(record.label)
    row["score"] = record.predictions[0].score if record.predictions else None
    row["searchable"] = searchable(record.searchable)
    return row


def to_record(row: RowMapping) -> FeedbackRecord:
    """Return the record of a row; raises `FeedbackError` if it holds what no record can."""
    return FeedbackRecord(**{name: _value(name, row[name]) for name in FeedbackRecord.model_fields})


def to_outline(row: Sequence[Any]) -> Outline | None:
    """Return the outline in a row of the columns `OUTLINE`, None if there is none."""
    time, rating, label, score, *texts, independent = row
    try:
        moment = time if isinstance(time, datetime) else datetime.fromisoformat(time)
        label, *texts = map(unescape, (label, *texts))
        answer = moment.astimezone(UTC), rating, label, score
        return Outline._make((*answer, *texts, bool(independent)))
    except (TypeError, ValueError, OverflowError):
        return None


def searchable(text: str) -> str:
    """Return `text` as the column of that name holds it."""
    return text.translate(_SEARCHABLE)


def _stored(name: str, value: Any) -> Any:  # noqa: ANN401  # any field's
    if name in _JSON:
        plain = [vars(each) for each in value] if name == "predictions" else value
        return escape(json.dumps(plain, ensure_ascii=False))
    return escape(value) if isinstance(value, str) else value


def _value(name: str, stored: Any) -> Any:  # noqa: ANN401  # any field's
    if isinstance(stored, str):
        stored = unescape(stored)
    if name not in _JSON:
        return stored
    try:
        return json.loads(stored)
    except (TypeError, ValueError, RecursionError) as error:
        raise FeedbackError(f"Its {name} cannot be read.") from error
