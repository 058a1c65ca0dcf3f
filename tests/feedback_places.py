"""Where the tests of what every store must do keep feedback, and what they share."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord, Store, open_store_at
from tests.feedback_servers import PASSWORD, Server

FILES, SERVERS = ("csv", "sqlite"), ("postgresql", "mongodb")
KINDS = (*FILES, *SERVERS)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANSWER_SECONDS = 8.0


@dataclass(frozen=True)
class Place:
    """Somewhere feedback can be kept, empty at first, and its server if it has one."""

    url: str
    server: Server | None = None


def new_place(kind: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    if kind in FILES:
        return Place(f"{'csv:' if kind == 'csv' else 'sqlite:///'}{folder / f'feedback.{kind}'}")
    server: Server = request.getfixturevalue(kind)
    return Place(server.url(server.new_database()), server)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place(request.param, request, tmp_path)


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place(request.param, request, tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    store = open_store_at(place.url)
    yield store
    store.close()


def record(comment: str = "", *, rating: int = 3, hours: float = 0, **fields: object) -> object:
    return FeedbackRecord(rating=rating, comment=comment, time=NOON + hours * HOUR, **fields)


def some(number: int, **fields: object) -> list[FeedbackRecord]:
    return [record(f"number {n}", rating=1 + n % 5, hours=n, **fields) for n in range(number)]


def by_id(records: Iterable[FeedbackRecord]) -> list[FeedbackRecord]:
    return sorted(records, key=lambda each: each.id)


def refusal(use: Callable[[], object]) -> str:
    """Return the sentence that ends a use that cannot succeed."""
    started = time.monotonic()
    with pytest.raises(FeedbackError) as caught:
        use()
    sentence = str(caught.value)
    assert time.monotonic() - started < ANSWER_SECONDS
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300
    assert PASSWORD not in sentence
    assert "://" not in sentence
    return sentence


def uses(store: Store) -> list[Callable[[], object]]:
    """Return every way to use a store."""
    return [
        lambda: store.append(record()),
        lambda: store.extend([record()]),
        lambda: next(store.iterate()),
        store.read,
        store.page,
        lambda: store.get([uuid4()]),
        store.summary,
        lambda: next(store.outline()),
        lambda: store.picture_counts(["a" * 64]),
        lambda: store.delete([uuid4()]),
    ]
