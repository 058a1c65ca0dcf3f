"""What every store must do: one suite, on a file and on real database servers."""

import itertools
import random
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from imgcap.feedback import FeedbackError, FeedbackRecord, Query, Store, Summary, open_store_at
from imgcap.feedback.record import MAX_COMMENT
from imgcap.feedback.store import outline_of
from imgcap.inference.results import Prediction
from imgcap.labels import MAX_LABELS
from tests.feedback_records import RECORDS
from tests.feedback_servers import PASSWORD, Server, free_port

FILES, SERVERS = ("csv", "sqlite"), ("postgresql", "mongodb")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANSWER_SECONDS = 8.0
GENERATE = (Phase.explicit, Phase.generate)  # to shrink a failure takes a server minutes


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


@pytest.fixture(params=[*FILES, *SERVERS])
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
        lambda: store.delete([uuid4()]),
    ]


# What is kept


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


# What is found

WORDS = [
    "a cat on a mat, 100% sure",
    "A CAT! a_b c%d [x] (y) {z} ^$ .* \\d \\",
    "Straße and STRASSE",
    "İstanbul ǅ ΐ",
    "nul \x00 here",
    "back\\\x00slash",
    "half \ud83d an emoji, a whole 😀",
    "typed \\u{0} and \\\\u{41}",
    "two\nlines\tand a tab",
    "'quoted' \"twice\" ; -- =1+1",
    "",
]
TEXTS = [
    *("cat", "CAT a", "cat mat", "%", "_", "a_b", "c%d", "a%d", "[x]", "(y)", "^$", ".*", "\\d"),
    *("\\", "\\\\", "strasse", "ß", "i̇", "ǆ", "ΐ", "\x00", "\\\x00", "\ud83d", "😀", "\ude00"),
    *("u{0}", "\\u{0}", "0}", "u{41}", "\\u{41}", "lines and", "'quoted'", "--", '"', "dog", "  "),
    *("label", "corrected", "shown.png", "caption", "mat " * 2, "x" * 900),
]
QUERIES = [
    Query(),
    *(Query(text) for text in TEXTS),
    Query(ratings=frozenset({1, 5})),
    Query(ratings=frozenset({9, 2**70})),
    Query(session="one"),
    Query(session="\x00\ud800"),
    Query(session="nobody's"),
    Query(since=NOON + HOUR),
    Query(before=NOON + HOUR),
    Query(since=NOON, before=NOON + timedelta(microseconds=1)),
    Query(since=(NOON + HOUR).astimezone(datetime.fromisoformat("2026-01-01T00+09:30").tzinfo)),
    Query(since=NOON + HOUR, before=NOON),
    Query("a", frozenset({1, 2, 3}), "one", NOON, NOON + 3 * HOUR),
]


def filling() -> list[FeedbackRecord]:
    """Return records of few moments and ratings, so that many are equal in them."""
    chance = random.Random(3)  # noqa: S311  # no secret
    records = [
        record(
            comment,
            rating=chance.randint(1, 5),
            hours=chance.randint(-2, 4),
            session=session,
            id=UUID(int=chance.getrandbits(128), version=4),
        )
        for comment, session in itertools.product(WORDS, ("one", "two", "\x00\ud800", ""))
    ]
    shown = {"picture_name": "Shown.png", "caption": "the caption", "corrected_label": "corrected"}
    shown["id"] = UUID(int=7)
    records.append(record(**shown, predictions=(Prediction("Label", 0.5), Prediction("dog", 0.5))))
    chance.shuffle(records)
    return records


def expected(records: Iterable[FeedbackRecord], query: Query) -> list[FeedbackRecord]:
    return sorted(
        filter(query.finds, records),
        key=lambda each: (each.rating * (query.sort == "rating"), each.time, each.id),
        reverse=query.descending,
    )


@pytest.fixture(scope="module", params=[*FILES, *SERVERS])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    place = new_place(request.param, request, tmp_path_factory.mktemp("filled"))
    store = open_store_at(place.url)
    store.extend(filling())
    yield store
    store.close()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: ascii(query)[:60])
def test_a_query_finds_exactly_what_it_should(filled: Store, query: Query) -> None:
    found = expected(filling(), query)
    page = filled.page(query)
    assert list(page.records) == found
    assert page.total == len(found)
    assert list(filled.iterate(query)) == found


@pytest.mark.parametrize("sort", ["time", "rating"])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("text", ["", "a"])
def test_pages_follow_each_other_without_gap_or_overlap(
    filled: Store,
    sort: str,
    descending: bool,  # noqa: FBT001  # pytest's parameter
    text: str,
) -> None:
    query = Query(text, sort=sort, descending=descending)
    found = expected(filling(), query)
    pages = [filled.page(query, offset, 7) for offset in range(0, len(found) + 7, 7)]
    assert [each for page in pages for each in page.records] == found
    assert {page.total for page in pages} == {len(found)}
    assert list(filled.iterate(query)) == found


def test_a_page_beyond_the_end_or_of_no_rows_is_empty_and_still_counts(filled: Store) -> None:
    number = len(filling())
    for offset, limit in ((number, 10), (10**6, 10), (0, 0), (2**62, 10)):
        page = filled.page(offset=offset, limit=limit)
        assert (page.records, page.total) == ((), number)
    assert len(filled.page(limit=2**62).records) == number


def test_outlines_and_counts_are_those_of_the_records(filled: Store) -> None:
    records = filling()
    assert Counter(filled.outline()) == Counter(map(outline_of, records))
    ratings = [each.rating for each in records]
    assert filled.summary() == Summary(tuple(ratings.count(stars) for stars in range(1, 6)))


# Walking through all


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


# Single records


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


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.read() == []
    assert list(store.outline()) == []
    assert (store.page().records, store.page().total) == ((), 0)
    assert store.summary() == Summary()
    assert store.get([uuid4()]) == []
    assert store.delete([uuid4()]) == 0


# Many at once


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


def test_a_closed_store_is_taken_up_again(store: Store) -> None:
    store.close()
    store.append(record("first"))
    store.close()
    store.close()
    assert [each.comment for each in store.read()] == ["first"]


# What can go wrong


@pytest.mark.parametrize(
    "url",
    [
        "csv:/dev/null/feedback.csv",
        "sqlite:////dev/null/feedback.sqlite",
        f"postgresql://anna:{PASSWORD}@127.0.0.1:{{port}}/feedback",
        f"postgresql://anna:{PASSWORD}@name.invalid/feedback",
        f"mongodb://anna:{PASSWORD}@127.0.0.1:{{port}}/?serverSelectionTimeoutMS=100",
        f"mongodb://anna:{PASSWORD}@name.invalid/feedback?serverSelectionTimeoutMS=100",
    ],
)
def test_a_place_that_cannot_be_reached_is_one_sentence(url: str) -> None:
    store = open_store_at(url.format(port=free_port()))
    with ThreadPoolExecutor() as threads:
        list(threads.map(refusal, uses(store)))
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://anna:{PASSWORD}@[::1/feedback",
        f"postgresql://anna:{PASSWORD}@127.0.0.1:port/feedback",
        f"mongodb://anna:{PASSWORD}@127.0.0.1:port/feedback",
        f"mongodb://anna:{PASSWORD}@@127.0.0.1/feedback",
        f"mongodb://anna:{PASSWORD}@[::1/feedback",
        f"mongodb://anna:{PASSWORD}@127.0.0.1/a b",
    ],
)
def test_an_address_with_a_slip_is_one_sentence(url: str) -> None:
    refusal(lambda: open_store_at(url).read())
    refusal(lambda: open_store_at(url).append(record()))


def test_a_wrong_password_or_database_is_one_sentence(postgresql: Server) -> None:
    url = postgresql.url("nowhere")
    for wrong in (url, postgresql.url("postgres").replace(PASSWORD, "guessed")):
        sentence = refusal(open_store_at(wrong).read)
        assert "guessed" not in sentence


def test_a_server_that_goes_away_loses_and_doubles_nothing(served: Place) -> None:
    assert served.server
    store = open_store_at(served.url)
    first, second, third = some(3)
    store.append(first)
    served.server.kill()
    try:
        for use in (lambda: store.append(second), store.page, store.summary):
            refusal(use)
    finally:
        served.server.start()
    assert store.read() == [first]
    served.server.kill()
    served.server.start()
    store.append(second)
    store.append(second)
    assert store.extend([first, second, third]) == 1
    assert store.read() == [third, second, first]
    assert store.summary().count == 3
    store.close()


def test_a_server_that_goes_away_ends_a_walk_with_a_sentence(served: Place) -> None:
    assert served.server
    store = open_store_at(served.url)
    store.extend(some(1_200))
    walk = store.iterate()
    next(walk)
    served.server.kill()
    try:
        refusal(lambda: list(walk))
    finally:
        served.server.start()
    assert len(store.read()) == 1_200
    store.close()
