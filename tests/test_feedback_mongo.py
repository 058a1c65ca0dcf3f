import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from pymongo.collection import Collection

from imgcap.feedback import FeedbackError, FeedbackRecord, Query, Summary
from imgcap.feedback.mongo import MongoStore
from imgcap.feedback.mongo.document import conditions, order, strangers
from imgcap.feedback.record import MAX_COMMENT, SCHEMA_VERSION
from imgcap.inference.results import Prediction
from imgcap.labels import MAX_LABELS
from tests.feedback_servers import MongoDB, Server, running
from tests.ports import free_port

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(mongodb: Server) -> str:
    return mongodb.url(mongodb.new_database())


@pytest.fixture
def store(url: str) -> Iterator[MongoStore]:
    store = MongoStore(url)
    yield store
    store.close()


@pytest.fixture
def documents(url: str) -> Iterator[Collection[Any]]:
    """Give the collection as someone sees it who edits it by hand."""
    with pymongo.MongoClient[Any](url) as client:
        yield client.get_default_database().feedback


def some(number: int) -> list[FeedbackRecord]:
    return [
        FeedbackRecord(rating=1 + n % 5, comment=f"number {n}", time=NOON + timedelta(hours=n))
        for n in range(number)
    ]


def sentence(store: MongoStore, *records: FeedbackRecord) -> str:
    with pytest.raises(FeedbackError) as refusal:
        store.extend(records)
    return str(refusal.value)


def test_a_document_can_be_read_by_others(store: MongoStore, documents: Collection[Any]) -> None:
    store.append(
        FeedbackRecord(
            rating=4,
            comment="Two\nlines, 😀",
            time=NOON,
            labels=("cat", "dog"),
            predictions=(Prediction("cat", 0.75),),
            picture_width=640,
        )
    )
    document = documents.find_one({"predictions.label": "cat"})
    assert document
    assert document["comment"] == "Two\nlines, 😀"
    assert document["time"] == "2026-05-01T12:00:00.000000Z"
    assert document["labels"] == ["cat", "dog"]
    assert document["predictions"] == [{"label": "cat", "score": 0.75}]
    assert document["picture_width"] == 640


def test_the_database_has_a_name_where_the_address_gives_none(mongodb: Server) -> None:
    store = MongoStore(mongodb.url(""))
    [record] = some(1)
    store.append(record)
    with pymongo.MongoClient[Any](mongodb.url("")) as client:
        assert client.imgcap.feedback.find_one({"_id": str(record.id)})
    store.close()


def test_writes_wait_for_the_journals_of_the_majority_whatever_the_address_says(url: str) -> None:
    store = MongoStore(f"{url}&w=1&journal=false&readPreference=secondary")
    store.extend(some(3))
    documents = store._connect()
    assert documents.write_concern.document["w"] == "majority"
    assert documents.write_concern.document["j"] is True
    assert len(store.read()) == 3
    store.close()


def test_every_question_has_its_index(store: MongoStore, documents: Collection[Any]) -> None:
    store.extend(some(2))
    keys = [list(index["key"]) for index in documents.list_indexes()]
    for sort in ("time", "rating"):
        names = [name for name, _ in order(Query(sort=sort))]
        [index] = [key for key in keys if key[: len(names)] == names]
        assert set(conditions(Query())) <= set(index), "counting would open every document"
    first = {key[0] for key in keys}
    assert {name for part in strangers()["$or"] for name in part} <= first
    assert {"session", "picture_file"} <= first


@pytest.mark.parametrize(
    "spoilt",
    [
        {"rating": 7},
        {"rating": "5"},
        {"rating": None},
        {"time": NOON},
        {"time": "yesterday"},
        {"schema_version": SCHEMA_VERSION + 1},
        {"schema_version": "new"},
        {"edits": "{broken"},
        {"edits": [1]},
        {"labels": 3},
        {"predictions": "cat"},
        {"predictions": [{"label": 1}]},
        {"comment": None},
        {"classify_ms": "quick"},
    ],
    ids=str,
)
def test_a_document_that_was_spoilt_by_hand_is_left_out_until_it_is_mended(
    store: MongoStore, documents: Collection[Any], spoilt: dict[str, object]
) -> None:
    records = some(8)
    store.extend(records)
    place = {"_id": str(records[5].id)}
    sound = documents.find_one(place)
    assert sound
    documents.update_one(place, {"$set": spoilt})
    rest = [*records[:5], *records[6:]][::-1]

    assert store.page(limit=7).records == tuple(rest)
    assert store.page().total == 7
    assert store.page(limit=3).records == tuple(rest[:3])
    assert store.read() == rest
    assert {each.time for each in store.outline()} == {each.time for each in rest}
    assert store.get([each.id for each in records[4:6]]) == [records[4]]
    summary = store.summary()
    assert summary.count == 7
    [reason] = summary.unreadable
    assert str(records[5].id) in reason
    assert "left out: " in reason
    assert reason.endswith(".")

    documents.replace_one(place, sound)
    assert store.summary().unreadable == ()
    assert store.read() == records[::-1]
    assert store.page().total == 8


def test_documents_of_another_kind_are_left_out(
    store: MongoStore, documents: Collection[Any]
) -> None:
    store.extend(some(2))
    documents.insert_many([{"rating": 3}, {"_id": "x", "rating": 3}, {"_id": 5, "name": "Anna"}])
    fields = documents.find_one({"rating": 1}) or {}
    documents.insert_one({**fields, "_id": "no id of ours"})
    assert len(store.read()) == 2
    assert store.page().total == 2
    summary = store.summary()
    assert summary.count == 2
    assert len(summary.unreadable) == 4


def test_a_spoilt_document_can_be_deleted(store: MongoStore, documents: Collection[Any]) -> None:
    records = some(2)
    store.extend(records)
    documents.update_many({}, {"$set": {"edits": "{"}})
    assert store.read() == []
    assert store.delete([records[0].id, records[1].id, uuid4()]) == 2
    assert store.summary() == Summary()


def test_all_labels_that_a_picture_can_have_fit_into_a_document(store: MongoStore) -> None:
    labels = tuple(f"{n:04}".ljust(1_000, "x") for n in range(MAX_LABELS))
    predictions = tuple(Prediction(label, 0.5) for label in labels)
    large = FeedbackRecord(
        rating=1, comment="\0" * MAX_COMMENT, labels=labels, predictions=predictions
    )
    store.append(large)
    assert store.read() == [large]


def test_a_record_that_is_too_large_is_one_sentence_and_the_others_are_kept(
    store: MongoStore,
) -> None:
    records = some(3)
    large = FeedbackRecord(
        rating=1, comment="😀" * MAX_COMMENT, labels=["\ud800" * 1_000] * MAX_LABELS
    )
    said = sentence(store, records[0], large, *records[1:])
    assert "at most 16 MB" in said
    assert store.extend(records) <= 2
    assert store.read() == records[::-1]


def test_words_that_are_too_long_are_one_sentence(store: MongoStore) -> None:
    for use in (store.page, lambda query: list(store.iterate(query))):
        with pytest.raises(FeedbackError, match="words to search for are too long"):
            use(Query("x" * 50_000))


def test_an_index_of_someone_elses_loses_nothing_in_silence(
    store: MongoStore, documents: Collection[Any]
) -> None:
    documents.create_index("rating", unique=True)
    first, second = (FeedbackRecord(rating=3) for _ in range(2))
    store.append(first)
    assert sentence(store, second).startswith("The feedback could not be saved: the database ")
    documents.drop_index("rating_1")
    store.append(second)
    assert len(store.read()) == 2


def test_a_server_that_is_away_is_told_within_seconds() -> None:
    store = MongoStore(f"mongodb://127.0.0.1:{free_port()}/feedback")
    started = time.monotonic()
    assert "cannot be reached" in sentence(store, *some(1))
    assert time.monotonic() - started < 10
    store.close()


def test_a_server_that_refuses_the_user_says_why() -> None:
    class Guarded(MongoDB):
        options = ("--auth",)

    with running(Guarded) as server:
        for user, said in {
            "": "asks for a user and a password, and the address has none.",
            "anna:guess@": "refuses the user or the password, or keeps its users elsewhere",
            "anna@": "MongoDB database names a user, but no password.",
        }.items():
            store = MongoStore(server.url("feedback").replace("//", f"//{user}"))
            told = sentence(store, *some(1))
            assert said in told
            assert "guess" not in told
            store.close()


def test_without_the_library_the_sentence_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pymongo'] = None\n"
        "from imgcap.feedback import FeedbackError, open_store_at\n"
        "try: open_store_at('mongodb://127.0.0.1')\n"
        "except FeedbackError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("pip install 'imgcap[mongo]'.")
