"""What every store must do while it is walked through or others use it, on real servers too."""

import itertools
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgcap.feedback import FeedbackRecord, Query, Store, open_store_at
from tests.feedback_places import (
    HOUR,
    NOON,
    Place,
    record,
    some,
)


def test_records_are_walked_through_without_holding_them_all(store: Store) -> None:
    size, number = 12_000, 1_200
    store.extend(record(f"{n:06}" * (size // 6), hours=n) for n in range(number))
    tracemalloc.start()
    try:
        times = [each.time for each in store.iterate()]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert times == [NOON + n * HOUR for n in reversed(range(number))]
    assert peak < size * number * 2 / 3


@pytest.mark.parametrize("descending", [True, False])
def test_a_walk_meets_once_what_stays_while_others_come_and_go(
    store: Store,
    place: Place,
    descending: bool,  # noqa: FBT001  # pytest's parameter
) -> None:
    records = some(1_200)
    store.extend(records)
    walk = store.iterate(Query(descending=descending))
    met = list(itertools.islice(walk, 10))
    other = open_store_at(place.url)
    gone = {each.id for each in records[300:600]}
    other.delete(gone)
    other.extend(record("late", hours=n + 0.5) for n in range(1_200))
    other.close()
    met += walk
    assert len({each.id for each in met}) == len(met)
    stayed = [each for each in met if each.comment != "late" and each.id not in gone]
    there = [each for each in records if each.id not in gone]
    assert stayed == (there[::-1] if descending else there)


def test_a_walk_may_be_left_before_its_end(store: Store) -> None:
    store.extend(some(600))
    for _ in range(4):
        next(store.iterate())
        next(store.outline())
    store.append(record("after"))
    assert store.summary().count == 601


def test_stores_on_one_place_see_each_other(store: Store, place: Place) -> None:
    other = open_store_at(place.url)
    first, second, third = some(3)
    assert other.read() == []
    store.append(first)
    assert other.read() == [first]
    other.append(second)
    other.append(first)
    assert store.read() == [second, first]
    assert other.delete([first.id]) == 1
    assert store.page().records == (second,)
    store.append(third)
    assert other.summary().count == 2
    other.close()


def test_threads_may_append_at_once(store: Store) -> None:
    records = some(200)

    def work(own: Sequence[FeedbackRecord]) -> int:
        for each in own:
            store.append(each)
        return store.page(limit=1).total

    with ThreadPoolExecutor(8) as threads:
        totals = list(threads.map(work, [records[n::8] for n in range(8)]))
    assert max(totals) == 200
    assert store.read() == records[::-1]


def test_threads_that_store_the_same_store_each_once(store: Store, place: Place) -> None:
    records = some(120)
    other = open_store_at(place.url)
    chance = random.Random(5)  # noqa: S311  # no secret
    shuffled = [chance.sample(records, len(records)) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        counts = list(threads.map(lambda n: (store, other)[n % 2].extend(shuffled[n]), range(6)))
    other.close()
    assert sum(counts) == 120
    assert store.read() == records[::-1]


def test_another_process_may_append(store: Store, place: Place) -> None:
    mine = some(20, session="mine")
    code = (
        "import sys; from imgcap.feedback import FeedbackRecord, open_store_at\n"
        "store = open_store_at(sys.argv[1])\n"
        "for n in range(20): store.append(FeedbackRecord(rating=1, session='its'))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, place.url]) as process:
        for each in mine:
            store.append(each)
    assert process.returncode == 0
    assert list(store.iterate(Query(session="mine"))) == mine[::-1]
    assert store.page(Query(session="its")).total == 20
