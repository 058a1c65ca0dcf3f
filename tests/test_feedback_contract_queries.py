"""What every store must find, count and sort, on a file and on real servers."""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from imgcap.feedback import FeedbackRecord, Query, Store, Summary, open_store_at
from imgcap.feedback.store import outline_of
from imgcap.inference.results import Prediction
from tests.feedback_places import (
    HOUR,
    KINDS,
    NOON,
    new_place,
    record,
)

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


@pytest.fixture(scope="module", params=KINDS)
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


def test_a_time_beyond_the_calendar_is_before_or_after_all(filled: Store) -> None:
    east, west = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
    first, last = datetime.min.replace(tzinfo=east), datetime.max.replace(tzinfo=west)
    for all_of_them in (Query(since=first), Query(before=last), Query(since=first, before=last)):
        assert filled.page(all_of_them).total == len(list(filled.iterate(all_of_them)))
        assert filled.page(all_of_them).total == len(filling())
    for none in (Query(before=first), Query(since=last), Query(since=last, before=last)):
        assert filled.page(none).total == len(list(filled.iterate(none))) == 0
        assert not any(map(none.finds, filling()))


def test_outlines_and_counts_are_those_of_the_records(filled: Store) -> None:
    records = filling()
    assert Counter(filled.outline()) == Counter(map(outline_of, records))
    ratings = [each.rating for each in records]
    assert filled.summary() == Summary(tuple(ratings.count(stars) for stars in range(1, 6)))
