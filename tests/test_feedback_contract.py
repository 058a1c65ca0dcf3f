"""What every store must do: keep, give and delete records, on a file and on real servers."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from imgcap.feedback import FeedbackError, FeedbackRecord, Query, Store, Summary, open_store_at
from imgcap.feedback.record import MAX_COMMENT
from imgcap.feedback.store import outline_of
from imgcap.inference.results import Prediction
from imgcap.labels import MAX_LABELS
from tests.feedback_places import (
    HOUR,
    Place,
    by_id,
    record,
    some,
)
from tests.feedback_records import RECORDS

GENERATE = (Phase.explicit, Phase.generate)  # to shrink a failure takes a server minutes


def test_whatever_is_typed_comes_back_exactly(store: Store) -> None:
    kept: dict[UUID, FeedbackRecord] = {}

    @settings(
        max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=GENERATE
    )
    @given(st.lists(RECORDS, min_size=1, max_size=4))
    def check(records: list[FeedbackRecord]) -> None:
        kept.update({each.id: each for each in records})
        assert store.extend(records) == len(records)
        assert by_id(store.get([each.id for each in records])) == by_id(records)

    check()
    assert by_id(store.read()) == by_id(kept.values())
    assert Counter(store.outline()) == Counter(map(outline_of, kept.values()))


def test_the_longest_comment_comes_back(store: Store) -> None:
    longest = record('x\x00\ud800😀é"\\\n' * (MAX_COMMENT // 8))
    assert len(longest.comment) == MAX_COMMENT
    store.append(longest)
    assert store.read() == [longest]


def test_as_many_labels_as_can_be_asked_come_back(store: Store) -> None:
    labels = [f"{n:06}" * 166 for n in range(MAX_LABELS)]
    scores = tuple(Prediction(label, 1 / MAX_LABELS) for label in labels[:5])
    longest = record("x" * MAX_COMMENT, labels=tuple(labels), predictions=scores)
    store.append(longest)
    assert store.get([longest.id]) == [longest]


@pytest.mark.parametrize("moment", [datetime.min, datetime.max, datetime(1582, 10, 9)])  # noqa: DTZ001, DTZ901
def test_every_moment_of_the_calendar_is_kept(store: Store, moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    far = FeedbackRecord(rating=1, time=moment)
    store.extend([far, record()])
    assert (
        store.page(Query(since=moment, before=moment + HOUR / 60)).records == (far,)
        if (moment.year < 9999)
        else store.page(Query(since=moment)).records == (far,)
    )


def test_an_id_that_is_there_changes_nothing(store: Store) -> None:
    first, second = some(2)
    store.append(first)
    store.append(first)
    assert store.extend([first, second, second]) == 1
    store.append(record("another", id=first.id, rating=1))
    assert store.read() == [second, first]
    assert store.summary().count == 2


def test_many_are_stored_at_once_and_only_the_new_ones_count(store: Store) -> None:
    records = some(1_203)
    assert store.extend([]) == 0
    assert store.extend(iter(records[:1_001])) == 1_001
    assert store.extend(reversed(records)) == 202
    assert store.extend(records) == 0
    assert store.read() == records[::-1]


def test_storing_many_may_stop_halfway_and_be_done_again(store: Store) -> None:
    records = some(700)

    def broken() -> Iterator[FeedbackRecord]:
        yield from records[:600]
        raise FeedbackError("The import file is damaged.")

    with pytest.raises(FeedbackError, match="damaged"):
        store.extend(broken())
    before = store.summary().count
    assert store.extend(records) == 700 - before
    assert store.read() == records[::-1]


def test_records_are_got_by_id(store: Store) -> None:
    records = some(30)
    store.extend(records)
    assert store.get([]) == []
    assert store.get([uuid4()]) == []
    assert store.get([records[3].id, records[3].id]) == [records[3]]
    wanted = {each.id for each in records} | {uuid4() for _ in range(40_000)}
    assert by_id(store.get(wanted)) == by_id(records)


def test_what_is_deleted_is_gone_for_good_and_nothing_else(store: Store, place: Place) -> None:
    records = some(40)
    store.extend(records)
    unwanted = [each.id for each in records[10:20]]
    assert store.delete([]) == 0
    assert store.delete([*unwanted, unwanted[0], uuid4()]) == 10
    assert store.delete(unwanted) == 0
    kept = (records[:10] + records[20:])[::-1]
    for each in (store, open_store_at(place.url)):
        assert each.read() == kept
        assert each.page().total == each.summary().count == len(list(each.outline())) == 30
        assert each.get(unwanted) == []
        each.close()
    store.append(records[10])
    assert store.get(unwanted) == [records[10]]
    everything = {each.id for each in records} | {uuid4() for _ in range(40_000)}
    assert store.delete(everything) == 31
    assert store.read() == []


def test_records_are_counted_by_the_picture_that_was_kept(store: Store, place: Place) -> None:
    shas = [f"{n:064x}" for n in range(600)]
    some_twice = [record(picture_file=sha) for sha in (*shas, *shas[:3], "", "")]
    store.extend(some_twice)
    other = open_store_at(place.url)
    for each in (store, other):
        assert each.picture_counts([]) == each.picture_counts(["f" * 64]) == {}
        assert each.picture_counts([shas[1], shas[9], "e" * 64]) == {shas[1]: 2, shas[9]: 1}
        assert each.picture_counts(shas) == dict.fromkeys(shas, 1) | dict.fromkeys(shas[:3], 2)
    store.delete([some_twice[0].id, some_twice[9].id])
    assert other.picture_counts(shas[:1] + shas[9:11]) == {shas[0]: 1, shas[10]: 1}
    other.close()


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.read() == []
    assert list(store.outline()) == []
    assert (store.page().records, store.page().total) == ((), 0)
    assert store.summary() == Summary()
    assert store.get([uuid4()]) == []
    assert store.picture_counts(["a" * 64]) == {}
    assert store.delete([uuid4()]) == 0


def test_a_closed_store_is_taken_up_again(store: Store) -> None:
    store.close()
    store.append(record("first"))
    store.close()
    store.close()
    assert [each.comment for each in store.read()] == ["first"]
