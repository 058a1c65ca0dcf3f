"""Feedback in a collection of a MongoDB database."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

from imgcap.feedback.mongo.document import (
    OUTLINE,
    Document,
    conditions,
    document_of,
    order,
    outline_from,
    record_from,
    strangers,
)
from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.store import Outline, Page, Query, Store, Summary

try:
    from bson import encode
    from bson.errors import BSONError
    from bson.raw_bson import RawBSONDocument
    from pymongo import IndexModel, MongoClient, ReadPreference, WriteConcern, errors
    from pymongo.collection import Collection as Documents

    from imgcap.feedback.mongo.answers import DUPLICATE, reason_of, userinfo
except ImportError as error:
    raise FeedbackError(
        "Feedback in MongoDB needs a library that is missing: pip install 'imgcap[mongo]'."
    ) from error

COLLECTION: Final = "feedback"
DATABASE: Final = "imgcap"
"""Where the URL names none."""

_OPTIONS: Final[dict[str, Any]] = {
    "appname": "imgcap",
    "connectTimeoutMS": 5_000,
    "serverSelectionTimeoutMS": 5_000,
    "socketTimeoutMS": 60_000,
}
_SAFE: Final = WriteConcern(w="majority", j=True, wtimeout=10_000)
# The fields of `conditions` stand in them all, so that counting need not open the documents.
_INDEXES: Final = [
    IndexModel(["time", "_id", "rating", "schema_version"]),
    IndexModel(["rating", "time", "_id", "schema_version"]),
    IndexModel(["schema_version"]),
    IndexModel(["session"]),
    IndexModel(["picture_file"], partialFilterExpression={"picture_file": {"$gt": ""}}),
]
_WHOLE: Final = {"searchable": 0}
_READ: Final = 200
_WRITTEN: Final = 500
_WRITTEN_BYTES: Final = 2**23
_MOST_TOLD: Final = 1_000  # of another program's documents there may be millions
_MOST: Final = 2**31 - 1


class MongoStore(Store):
    """A collection named `COLLECTION`, made with its indexes when the first record is stored.

    A write counts as done once the majority of the servers have it in their journals. Reads go
    to the primary server, so that what was stored is seen at once.

    Parameters
    ----------
    url : str
        ``mongodb://...`` or ``mongodb+srv://...``, with the name of the database (`DATABASE` if
        there is none) and any options of the driver.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._client: MongoClient[Document] | None = None
        self._indexed = False
        self._spoilt: dict[str, str] = {}  # a sentence for each id whose record cannot be made

    def extend(self, records: Iterable[FeedbackRecord]) -> int:
        """Store many; return how many were new, once the servers have written them down."""
        new = 0
        for batch in _batches(records):
            with self._collection("saved") as documents:
                if not self._indexed:
                    documents.create_indexes(_INDEXES)
                    self._indexed = True
                new += _insert(documents, batch)
        return new

    def iterate(self, query: Query | None = None) -> Iterator[FeedbackRecord]:
        """Yield what `query` finds, in its order."""
        query = query or Query()
        with (
            self._collection("read") as documents,
            documents.find(conditions(query), _WHOLE, sort=order(query), batch_size=_READ) as found,
        ):
            yield from filter(None, map(self._record, found))

    def page(self, query: Query | None = None, offset: int = 0, limit: int = 100) -> Page:
        """Return up to `limit` of the records that `query` finds, from the `offset`-th on."""
        query = query or Query()
        with self._collection("read") as documents:
            while True:
                wanted = conditions(query, without=list(self._spoilt))
                total = documents.count_documents(wanted)
                if limit < 1 or offset >= total:
                    return Page((), total)
                found = documents.find(wanted, _WHOLE, sort=order(query))
                some = found.skip(offset).limit(min(limit, _MOST))
                records = [self._record(document) for document in some]
                if None not in records:
                    return Page(tuple(filter(None, records)), total)

    def get(self, ids: Collection[UUID]) -> list[FeedbackRecord]:
        """Return the records with these ids, as far as they are there."""
        with self._collection("read") as documents:
            return self._get(documents, map(str, ids))

    def summary(self) -> Summary:
        """Count the records by rating, without making them."""
        with self._collection("read") as documents:
            spoilt = list(self._spoilt)
            self._spoilt.clear()
            self._get(documents, spoilt)  # those that are still spoilt are noted again
            known = conditions(Query(), without=list(self._spoilt))
            count = {"$group": {"_id": "$rating", "count": {"$sum": 1}}}
            counts = {
                row["_id"]: row["count"] for row in documents.aggregate([{"$match": known}, count])
            }
            unknown = map(_refusal, documents.find(strangers(), _WHOLE).limit(_MOST_TOLD))
            unreadable = (*list(self._spoilt.values()), *unknown)
        return Summary(tuple(counts.get(stars, 0) for stars in range(1, 6)), unreadable)

    def outline(self) -> Iterator[Outline]:
        """Yield every record's outline."""
        with (
            self._collection("read") as documents,
            documents.find(conditions(Query()), OUTLINE, batch_size=_READ) as found,
        ):
            for document in found:
                if document["_id"] in self._spoilt:
                    continue
                try:
                    yield outline_from(document)
                except FeedbackError:
                    self._spoilt[document["_id"]] = _refusal(document)

    def picture_counts(self, pictures: Collection[str]) -> dict[str, int]:
        """Count, for each of these kept pictures that some name, the records that name it."""
        count = {"$group": {"_id": "$picture_file", "count": {"$sum": 1}}}
        with self._collection("read") as documents:
            return {
                row["_id"]: row["count"]
                for some in _some(set(pictures))
                # The index has no others, and is not used unless the question says so.
                for row in documents.aggregate(
                    [{"$match": {"picture_file": {"$in": some, "$gt": ""}}}, count]
                )
            }

    def delete(self, ids: Collection[UUID]) -> int:
        """Remove the records with these ids."""
        with self._collection("deleted") as documents:
            return sum(
                documents.delete_many({"_id": {"$in": some}}).deleted_count
                for some in _some(map(str, ids))
            )

    def close(self) -> None:
        """Part from the servers; a later call connects anew."""
        with self._lock:
            client, self._client, self._indexed = self._client, None, False
        if client is not None:
            client.close()

    @contextmanager
    def _collection(self, done: str) -> Iterator[Documents[Document]]:
        """Give the collection, and turn what the driver says into a sentence."""
        try:
            yield self._connect()
        except (errors.PyMongoError, BSONError) as error:
            reason = reason_of(error, known=bool(userinfo(self._url)))
            raise FeedbackError(
                f"The feedback could not be {done}: the database {reason}."
            ) from error

    def _connect(self) -> Documents[Document]:
        with self._lock:
            if self._client is None:
                given = {name.lower() for name in parse_qs(self._url.partition("?")[2])}
                options = {name: _OPTIONS[name] for name in _OPTIONS if name.lower() not in given}
                try:
                    self._client = MongoClient(self._url, **options)
                except (ValueError, errors.PyMongoError):
                    # What the driver says may repeat the password.
                    user, _, password = userinfo(self._url).partition(":")
                    if user and not password:
                        raise FeedbackError(
                            "The address of the feedback's MongoDB database names a user, but "
                            "no password."
                        ) from None
                    raise FeedbackError(
                        "The address of the feedback's MongoDB database cannot be used, or its "
                        "server's name cannot be found."
                    ) from None
            return self._client.get_default_database(DATABASE).get_collection(
                COLLECTION, read_preference=ReadPreference.PRIMARY, write_concern=_SAFE
            )

    def _get(self, documents: Documents[Document], ids: Iterable[str]) -> list[FeedbackRecord]:
        wanted = ({**conditions(Query()), "_id": {"$in": some}} for some in _some(ids))
        found = (document for each in wanted for document in documents.find(each, _WHOLE))
        return list(filter(None, map(self._record, found)))

    def _record(self, document: Document) -> FeedbackRecord | None:
        """Make the record; None if that is impossible, and then it no longer counts."""
        try:
            return record_from(document)
        except FeedbackError:
            self._spoilt[document["_id"]] = _refusal(document)
            return None


def _insert(documents: Documents[Document], batch: Sequence[RawBSONDocument]) -> int:
    try:
        documents.insert_many(batch, ordered=False)
    except errors.BulkWriteError as error:
        details = error.details
        if details["writeConcernErrors"] or not all(map(_is_stored, details["writeErrors"])):
            raise
        return int(details["nInserted"])
    return len(batch)


def _is_stored(problem: Document) -> bool:
    """Whether a write failed only because the id is there, not for an index of someone else's."""
    return problem["code"] == DUPLICATE and list(problem.get("keyPattern", ["_id"])) == ["_id"]


def _batches(records: Iterable[FeedbackRecord]) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    size = 0
    for record in records:
        batch.append(RawBSONDocument(encode(document_of(record))))
        size += len(batch[-1].raw)
        if len(batch) == _WRITTEN or size > _WRITTEN_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _some(ids: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(ids)
    while some := list(islice(remaining, _WRITTEN)):
        yield some


def _refusal(document: Document) -> str:
    reason = "It is not as this program writes it."
    try:
        record_from(document)
    except FeedbackError as error:
        reason = str(error)
    name = repr(document["_id"])[:60]
    return f"The document {name} is left out: {reason[:1].lower()}{reason[1:]}"
