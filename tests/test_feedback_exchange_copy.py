import tracemalloc
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgcap.feedback import FeedbackError, FeedbackRecord, Store, open_store_at
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.exchange import copy, same_place
from tests.feedback_records import RECORDS


def records(count: int) -> list[FeedbackRecord]:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    return [
        FeedbackRecord(rating=1 + n % 5, comment=f"no. {n}", time=start + timedelta(minutes=n))
        for n in range(count)
    ]


@pytest.fixture
def addresses(tmp_path: Path) -> list[str]:
    return [
        f"csv:{tmp_path / 'one.csv'}",
        f"sqlite:///{tmp_path / 'two.db'}",
        f"csv:{tmp_path / 'three.csv'}",
    ]


@pytest.fixture
def stores(addresses: list[str]) -> list[Store]:
    return [open_store_at(address) for address in addresses]


def test_a_copy_of_a_copy_is_the_original(stores: list[Store]) -> None:
    said = records(1_234)
    stores[0].extend(said)
    first = copy(stores[0], stores[1])
    second = copy(stores[1], stores[2])
    assert stores[2].read() == said[::-1]
    assert (first.count, first.new, first.unreadable) == (1_234, 1_234, ())
    assert first == second
    assert copy(stores[0], stores[2]).new == 0
    stores[2].extend(records(1))
    assert copy(stores[2], stores[0]).checksum != first.checksum
    for store in stores:
        store.close()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=st.lists(RECORDS, max_size=4))
def test_whatever_was_said_arrives(stores: list[Store], said: list[FeedbackRecord]) -> None:
    for store in stores:
        store.delete([record.id for record in store.read()])
    stores[0].extend(said)
    copy(stores[0], stores[1])
    copied = copy(stores[1], stores[2])
    assert copied.count == len(said)
    assert stores[2].read() == stores[0].read()
    assert {record.id: record for record in stores[2].read()} == {each.id: each for each in said}


def test_a_copy_that_was_stopped_goes_on(stores: list[Store]) -> None:
    said = records(1_200)
    stores[0].extend(said)
    answers = iter([False, True])
    with pytest.raises(FeedbackError, match="stopped; do it again"):
        copy(stores[0], stores[1], cancel=lambda: next(answers))
    there = stores[1].summary().count
    assert 0 < there < 1_200
    assert stores[1].read() == said[:there][::-1]  # the oldest came first
    again = copy(stores[0], stores[1])
    assert (again.count, again.new) == (1_200, 1_200 - there)
    assert stores[1].read() == said[::-1]


def test_what_the_target_had_before_stays(stores: list[Store]) -> None:
    mine = FeedbackRecord(rating=5, comment="mine")
    stores[2].append(mine)
    stores[0].extend(said := records(3))
    copied = copy(stores[0], stores[2])
    assert (copied.count, copied.new) == (3, 3)
    assert stores[2].read() == [mine, *said[::-1]]


def test_progress_goes_from_nothing_to_all(stores: list[Store]) -> None:
    stores[0].extend(records(1_100))
    told: list[tuple[int, int]] = []
    copy(stores[0], stores[2], progress=lambda done, of: told.append((done, of)))
    assert told == sorted(told)
    assert len(told) > 4
    assert told[-1] == (2_200, 2_200)
    assert all(done <= of for done, of in told)


class Forgetful(CsvStore):
    def extend(self, records: Iterable[FeedbackRecord]) -> int:
        return super().extend(each for each in records if each.comment != "no. 7")


class Altering(CsvStore):
    def extend(self, records: Iterable[FeedbackRecord]) -> int:
        return super().extend(
            FeedbackRecord(**{**dict(each), "comment": "fine", "corrected_label": "cat"})
            if each.comment == "no. 7"
            else each
            for each in records
        )


class Amnesiac(CsvStore):
    def get(self, ids: Collection[UUID]) -> list[FeedbackRecord]:
        return super().get(ids)[:0]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Forgetful, "^1 of the records .*; the first, {}, is missing there."),
        (Altering, "^1 of the records .*, {}, has another comment, corrected label there."),
        (Amnesiac, "^20 of the records .* is missing there."),
    ],
)
def test_a_target_that_keeps_something_else_is_found_out(
    stores: list[Store], tmp_path: Path, kind: type[CsvStore], said: str
) -> None:
    stores[0].extend(given := records(20))
    with pytest.raises(FeedbackError, match=said.format(given[7].id)):
        copy(stores[0], kind(tmp_path / "bad.csv"))


def test_another_record_under_the_same_id_is_told(stores: list[Store]) -> None:
    [one] = records(1)
    stores[0].append(one)
    stores[2].append(FeedbackRecord(**{**dict(one), "rating": 3}))
    with pytest.raises(FeedbackError, match=f"{one.id}, has another rating there"):
        copy(stores[0], stores[2])


def test_a_row_that_cannot_be_read_is_told(stores: list[Store], tmp_path: Path) -> None:
    stores[0].extend(records(3))
    file = tmp_path / "one.csv"
    file.write_bytes(file.read_bytes().replace(b'"3","no. 2"', b'"9","no. 2"'))
    copied = copy(stores[0], stores[2])
    assert copied.count == 2
    assert len(copied.unreadable) == 1


def test_memory_does_not_grow_with_the_number_of_records(stores: list[Store]) -> None:
    peaks = []
    for _ in range(2):
        stores[0].extend(FeedbackRecord(rating=1, comment="long " * 1_000) for _ in range(1_000))
        tracemalloc.start()
        try:
            copy(stores[0], stores[1])
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_store_is_not_copied_to_itself(stores: list[Store], addresses: list[str]) -> None:
    stores[0].extend(records(3))
    with pytest.raises(FeedbackError, match="cannot be copied to itself"):
        copy(stores[0], stores[0])
    assert copy(stores[0], open_store_at(addresses[0])).new == 0
    assert stores[0].summary().count == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("csv:data/feedback.csv", "csv:./data/../data/feedback.csv", True),
        ("csv:feedback.csv", "csv:other.csv", False),
        ("csv:feedback.csv", "sqlite:///feedback.csv", False),
        ("sqlite:///a.db", "sqlite:///./a.db?timeout=3", True),
        ("sqlite:////srv/a.db", "sqlite:///a.db", False),
        ("postgresql://anna:secret@Host/db", "postgresql+psycopg://host/db", True),
        ("postgresql://host/db", "postgresql://host/other", False),
        ("mongodb://a,b/db", "mongodb://me:pw@a,b/db?w=1", True),
        ("mongodb://a/db", "postgresql://a/db", False),
    ],
)
def test_two_addresses_of_one_place_are_seen(*, one: str, other: str, same: bool) -> None:
    assert same_place(one, other) == same
