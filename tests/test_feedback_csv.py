import csv
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgcap.feedback import FeedbackError, FeedbackRecord, Query
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.csv.format import encode, header
from imgcap.feedback.record import MAX_COMMENT
from imgcap.feedback.store import outline_of
from imgcap.inference.results import Prediction
from tests.disks import full_disk
from tests.feedback_files import comments, record
from tests.feedback_records import RECORDS, TEXT

EACH_WRITES = settings(  # and the disk takes what it takes
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.csv"


def test_without_a_file_there_is_no_feedback_and_none_is_made(path: Path) -> None:
    store = CsvStore(path)
    assert store.read() == []
    assert store.summary().count == 0
    assert not path.exists()


@settings(EACH_WRITES, max_examples=60)
@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_every_record_comes_back_as_it_was(path: Path, records: list[FeedbackRecord]) -> None:
    path.unlink(missing_ok=True)
    store = CsvStore(path)
    for each in records:
        store.append(each)
    newest_first = sorted(records, key=lambda each: (each.time, each.id), reverse=True)
    assert store.read() == newest_first
    assert CsvStore(path).read() == newest_first


def test_a_comment_of_a_megabyte_comes_back(path: Path) -> None:
    said = ('"=1\r\n\0' * MAX_COMMENT)[:MAX_COMMENT]
    CsvStore(path).append(FeedbackRecord(rating=1, comment=said))
    CsvStore(path).append(FeedbackRecord(rating=2))
    assert comments(path) == [said, ""]


def test_a_page_is_sorted_filtered_and_counted(path: Path) -> None:
    store = CsvStore(path)
    words = ["Ä cat", "a DOG", "cat; =1", "bird", "ä CAT"]
    for n, word in enumerate(words):
        store.append(record(word, rating=1 + n % 3, seconds=-n))

    def found(**query: object) -> list[str]:
        return [each.comment for each in store.page(Query(**query)).records]  # type: ignore[arg-type]

    assert found() == words
    assert found(descending=False) == words[::-1]
    assert found(text="cat") == ["Ä cat", "cat; =1", "ä CAT"]
    assert found(text="; =") == ["cat; =1"]
    assert found(text="ä c") == ["Ä cat", "ä CAT"]
    assert found(ratings=frozenset({1, 3})) == ["Ä cat", "cat; =1", "bird"]
    assert found(sort="rating") == ["cat; =1", "a DOG", "ä CAT", "Ä cat", "bird"]
    page = store.page(Query(text="cat"), offset=1, limit=1)
    assert ([each.comment for each in page.records], page.total) == (["cat; =1"], 3)
    assert store.page(offset=99).records == ()
    assert store.summary().ratings == (2, 2, 1, 0, 0)
    assert store.summary().mean_rating == pytest.approx(1.8)


def test_what_a_search_finds_can_be_a_label_a_caption_or_a_name(path: Path) -> None:
    shown = FeedbackRecord(
        rating=1,
        picture_name="tom.jpg",
        caption="asleep on a mat",
        predictions=(Prediction("tabby", 0.9), Prediction("lynx", 0.1)),
    )
    CsvStore(path).append(shown)
    for text, total in {"TOM.": 1, "mat": 1, "Tabby": 1, "lynx": 0, "score": 0}.items():
        assert CsvStore(path).page(Query(text=text)).total == total


def test_pandas_and_python_read_the_file(path: Path) -> None:
    said = ['She said "hi", twice', "two\nlines", "😀", "=1+1"]
    store = CsvStore(path)
    for comment in said:
        store.append(FeedbackRecord(rating=4, comment=comment))
    table = pd.read_csv(path)
    assert list(table.comment) == [*said[:3], "'=1+1"]
    assert list(table.rating) == [4] * 4
    assert table.time.str.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$").all()
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["comment"] for row in csv.DictReader(file)] == [*said[:3], "'=1+1"]


FOLDING = st.text(st.sampled_from("aAkKsSfFßſ\u212a\ufb00İäÄ '=\\\"\n"), max_size=12)


@settings(EACH_WRITES, max_examples=150)
@given(st.lists(RECORDS, min_size=1, max_size=4), TEXT, FOLDING, FOLDING, st.data())
def test_a_search_finds_what_the_records_say(  # noqa: PLR0913, PLR0917  # one a thing to vary
    path: Path,
    records: list[FeedbackRecord],
    said: str,
    folding: str,
    text: str,
    data: st.DataObject,
) -> None:
    path.unlink(missing_ok=True)
    records.append(FeedbackRecord(rating=1, comment=folding, session=said))
    CsvStore(path).extend(records)
    searchable = data.draw(st.sampled_from(records)).searchable
    start = data.draw(st.integers(0, len(searchable)))
    part = searchable[start : start + data.draw(st.integers(1, 6))]
    for query in (Query(text), Query(part), Query(part.upper()), Query(session=said)):
        found = [each for each in records if query.finds(each)]
        page = CsvStore(path).page(query)
        assert sorted(page.records, key=records.index) == found
        assert page.total == len(found)


def test_every_letter_that_folds_to_an_ascii_one_is_found(path: Path) -> None:
    letters = [chr(code) for code in range(128, 0x3_0000) if chr(code).isalpha()]
    folding = [each for each in letters if any(part.isascii() for part in each.casefold())]
    assert len(folding) > 10
    for letter in folding:
        path.unlink(missing_ok=True)
        CsvStore(path).append(record(letter))
        word = "".join(part for part in letter.casefold() if part.isascii())
        assert CsvStore(path).page(Query(word[:1])).total == 1


@settings(EACH_WRITES, max_examples=60)
@given(st.lists(RECORDS, max_size=4))
def test_outlines_are_those_of_the_records(path: Path, records: list[FeedbackRecord]) -> None:
    path.unlink(missing_ok=True)
    CsvStore(path).extend(records)
    outlines = map(outline_of, CsvStore(path).read())
    assert sorted(CsvStore(path).outline(), key=repr) == sorted(outlines, key=repr)


@pytest.mark.parametrize(
    "predictions",
    ['[ {"label": "cat", "score": 0.5} ]', '[{"score": 1, "label": "c\\u0061t"}]', "[[[[", "7"],
)
def test_predictions_edited_by_hand_are_outlined_and_found_as_the_record_says(
    path: Path, predictions: str
) -> None:
    shown = FeedbackRecord(rating=1, predictions=(Prediction("cat", 0.25),))
    ours = b'[{""label"": ""cat"", ""score"": 0.25}]'
    assert ours in encode(shown)
    other = encode(shown).replace(ours, predictions.replace('"', '""').encode())
    path.write_bytes(header() + other + encode(record("no cat")))
    records = CsvStore(path).read()
    assert list(CsvStore(path).outline()) == [outline_of(each) for each in records[::-1]]
    assert CsvStore(path).page(Query("cat")).total == len(records)


def test_many_are_stored_with_few_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced = watch_fsync(path, monkeypatch)
    assert CsvStore(path).extend(record(f"row {n}", seconds=n) for n in range(20_000)) == 20_000
    assert 1 <= len(forced) < 10
    assert CsvStore(path).summary().count == 20_000


def test_a_row_is_forced_to_disk_before_it_is_acknowledged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, first = CsvStore(path), record("first")
    store.append(first)
    forced = watch_fsync(path, monkeypatch)
    for again in (record("second"), record("third"), first):
        forced.clear()
        store.append(again)
        assert forced[-1:] == [path.stat().st_size]


def watch_fsync(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how large the file was each time that it was forced to disk, from now on."""
    fsync, sizes = os.fsync, list[int]()

    def watched(handle: int) -> None:
        fsync(handle)
        if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
            sizes.append(os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", watched)
    return sizes


def test_a_chunk_is_stored_as_a_whole_or_not_at_all(path: Path) -> None:
    store = CsvStore(path)
    records = [record("x" * 100_000, seconds=n) for n in range(150)]
    with full_disk(10_000_000), pytest.raises(FeedbackError, match="no room left"):
        store.extend(records)
    first = CsvStore(path).summary().count
    assert 0 < first < 100
    assert path.read_bytes() == header() + b"".join(map(encode, records[:first]))
    assert store.extend(records) == 150 - first
    assert CsvStore(path).read() == records[::-1]


def test_a_generator_that_stores_feedback_itself_may_be_stored(path: Path) -> None:
    def nested() -> Iterator[FeedbackRecord]:
        for n in range(3):
            CsvStore(path).append(record("inner", seconds=n))
            yield record("outer", seconds=n)

    assert CsvStore(path).extend(nested()) == 3
    assert CsvStore(path).summary().count == 6


def test_a_walk_goes_on_in_a_file_that_was_edited_meanwhile(path: Path) -> None:
    store = CsvStore(path)
    store.extend(record(f"row {n}", seconds=n) for n in range(500))
    walk = store.iterate(Query(descending=False))
    met = [next(walk)]
    path.write_bytes(path.read_bytes().replace(b'"row 1"', b'"a longer row"'))
    os.utime(path, (1, 1))
    met += walk
    assert len({each.id for each in met}) == len(met) == 500
    assert [each.comment for each in met[-2:]] == ["row 498", "row 499"]


def test_a_hundred_thousand_rows_take_seconds_not_minutes(path: Path) -> None:
    with path.open("wb") as file:
        file.write(header())
        file.writelines(encode(record(f"row {n}", seconds=n)) for n in range(100_000))
    store, started = CsvStore(path), time.process_time()
    assert store.page(limit=100).total == 100_000
    found = sum("99" in str(n) for n in range(100_000))
    assert store.page(Query("row 99")).total == found
    assert store.page(Query("absent")).total == 0
    assert sum(1 for _ in store.outline()) == 100_000
    assert store.delete([each.id for each in store.page(limit=10).records]) == 10
    assert time.process_time() - started < 15
