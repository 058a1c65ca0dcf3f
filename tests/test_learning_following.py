from datetime import UTC, datetime, timedelta

import pytest

from imgcap.feedback import FeedbackRecord, Store, open_store
from imgcap.learning.following import Follower
from imgcap.settings import Settings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def record(minutes: int = 0, rating: int = 3) -> FeedbackRecord:
    return FeedbackRecord(rating=rating, time=NOON + timedelta(minutes=minutes))


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings)


@pytest.fixture
def follower(store: Store) -> Follower:
    """One that has read two records of the same time, and an older one."""
    store.extend([record(-9), record(), record(rating=5)])
    follower = Follower(store)
    assert follower.added() is None, "nothing was read yet"
    assert len([*follower.everything()]) == 3
    return follower


def test_only_what_came_is_read_again_also_at_an_equal_time(
    store: Store, follower: Follower
) -> None:
    assert follower.added() == []
    for new in (record(), record(), record(7), record(7), record(7, rating=1)):
        store.append(new)
        assert follower.added() == [new]
    store.extend(two := [record(8), record(9)])
    assert follower.added() == two[::-1]
    assert follower.added() == []


def test_an_empty_store_is_followed_from_its_first_record_on(store: Store) -> None:
    follower = Follower(store)
    assert [*follower.everything()] == []
    store.append(first := record())
    assert follower.added() == [first]
    assert follower.added() == []


def test_after_a_deletion_or_an_older_record_all_is_to_be_read_anew(
    store: Store, follower: Follower
) -> None:
    [*_, oldest] = store.iterate()
    store.delete([oldest.id])
    store.append(record(3))
    assert follower.added() is None
    assert len([*follower.everything()]) == 3
    assert follower.added() == []
    store.append(record(-5))
    assert follower.added() is None


def test_reading_that_was_broken_off_is_no_reading(store: Store, follower: Follower) -> None:
    store.append(record(1))
    next(follower.everything())
    assert follower.added() is None
