import csv
import os
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord, Query
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.csv.format import COLUMNS, encode, header
from imgcap.feedback.store import outline_of
from tests.feedback_files import comments, record

OLDER = tuple(name for name in COLUMNS if name != "picture_file")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.csv"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_saved_by_a_spreadsheet_is_read_and_then_converted(
    path: Path, delimiter: str, encoding: str
) -> None:
    said = ["=1+1", 'a "b";\nc, d', "für"]
    store = CsvStore(path)
    for n, comment in enumerate(said):
        full = FeedbackRecord(rating=2, comment=comment, classify_ms=12.5, labels=("a", "b"))
        store.append(full.model_copy(update={"time": record(seconds=n).time}))
    before = store.read()
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    rows[0].append("Checked by")
    for row in rows[1:]:
        row[rows[0].index("classify_ms")] = "12,5" if delimiter == ";" else "12.5"
        row.append("Zoë")
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([*rows, []])
    edited = path.read_bytes()

    assert store.read() == before
    assert path.read_bytes() == edited
    store.append(record("after", seconds=9))
    assert store.read()[1:] == before
    assert Path(f"{path}.1.bak").read_bytes() == edited
    table = pd.read_csv(path)
    assert list(table["Checked by"].fillna("")) == ["Zoë"] * 3 + [""]
    assert store.summary().unreadable == ()


def test_a_row_that_cannot_be_converted_stays_to_be_mended(path: Path) -> None:
    path.write_text("Rating,Feedback\n4,good\n0,bad\n3,a,b,c\n,\n5,\n2\n")
    os.utime(path, (1.6e9, 1.6e9))
    store = CsvStore(path)
    old = store.read()
    assert sorted((each.rating, each.comment) for each in old) == [(2, ""), (4, "good"), (5, "")]
    assert {each.time for each in old} == {datetime.fromtimestamp(1.6e9, UTC)}
    assert len(store.summary().unreadable) == 2
    store.append(record("after", seconds=9))
    assert store.read() == CsvStore(path).read()
    assert store.read()[1:] == old
    assert len(store.summary().unreadable) == 2
    path.write_bytes(path.read_bytes().replace(b',"0","bad"', b',"1","mended"'))
    assert "mended" in comments(path)


def test_the_file_of_the_first_version_is_taken_over_exactly(path: Path) -> None:
    table = pd.DataFrame({"Rating": [5, 1, 5], "Feedback": ["=good\nvery", "'=x", "=good\nvery"]})
    table.to_csv(path, index=False)
    original = path.read_bytes()
    store = CsvStore(path)
    ids = {each.id for each in store.read()}
    assert len(ids) == 3
    store.append(FeedbackRecord(rating=2))
    assert sorted(comments(path)) == ["", "'=x", "=good\nvery", "=good\nvery"]
    assert ids < {each.id for each in store.read()}
    assert Path(f"{path}.1.bak").read_bytes() == original


def test_a_file_with_fewer_columns_gets_the_missing_ones(path: Path) -> None:
    kept = record("'=1")
    names = ["id", "time", "rating", "comment", "schema_version"]
    table = pd.read_csv(BytesIO(header() + encode(kept)), dtype=str)
    table[names].to_csv(path, index=False)
    CsvStore(path).append(record("after", seconds=1))
    assert CsvStore(path).read()[1] == kept
    path.write_bytes(b"")
    assert CsvStore(path).read() == []
    CsvStore(path).append(kept)
    assert comments(path) == ["'=1"]
    assert not Path(f"{path}.2.bak").exists()


@pytest.mark.parametrize(
    "content", [b"Name,Age\nAnna,7\n", b"\x89PNG\r\n\x1a\n\0\0", b"Rating,rating\n"]
)
def test_another_kind_of_file_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    store = CsvStore(path)
    for use in (store.read, store.summary, lambda: store.append(record())):
        with pytest.raises(FeedbackError, match="move it away or mend it"):
            use()
    assert path.read_bytes() == content


@pytest.mark.parametrize("names", [OLDER, (*OLDER[:-1], "Checked by", OLDER[-1])])
def test_the_file_of_an_older_version_is_read_and_then_gets_its_new_columns(
    path: Path, names: tuple[str, ...]
) -> None:
    records = [record(f"row {n}\n'=1", seconds=n) for n in range(5)]
    rows = [encode(each, names, {"Checked by": "Zoë"}) for each in records]
    damaged = rows[2].replace(b'"row', b'"row"', 1)
    torn = encode(record("torn"), names)[:-40]
    path.write_bytes(header(names) + b"".join(rows[:2]) + damaged + b"".join(rows[3:]) + torn)
    older, readable = path.read_bytes(), [*records[:2], *records[3:]]
    store = CsvStore(path)
    assert store.read() == readable[::-1]
    assert store.page(Query("row 4")).total == 1
    assert list(store.outline()) == [outline_of(each) for each in readable]
    assert len(store.summary().unreadable) == 1
    assert path.read_bytes() == older

    after = record("after", seconds=9).model_copy(update={"picture_file": "0" * 64})
    store.append(after)
    for each in (store, CsvStore(path)):
        assert each.read() == [after, *readable[::-1]]
        assert len(each.summary().unreadable) == 1
    assert Path(f"{path}.1.bak").read_bytes() == older
    assert Path(f"{path}.torn").read_bytes() == torn + b"\r\n"
    assert damaged in path.read_bytes()
    assert path.read_bytes().count("Zoë".encode()) == (5 if "Checked by" in names else 0)
    store.append(record("again", seconds=10))
    assert not Path(f"{path}.2.bak").exists()


def test_a_last_row_without_line_break_survives_the_new_columns(path: Path) -> None:
    records = [record("first"), record("last", seconds=1)]
    rows = b"".join(encode(each, OLDER) for each in records)
    path.write_bytes(header(OLDER) + rows.removesuffix(b"\r\n"))
    CsvStore(path).append(record("after", seconds=2))
    assert comments(path) == ["first", "last", "after"]
    assert not Path(f"{path}.torn").exists()


def test_a_failed_conversion_leaves_no_copies(path: Path) -> None:
    path.write_text('Rating,Feedback\n4,good\n5,"' + "x" * 2**26 + 'y"\n')
    before = path.stat().st_size
    for _ in range(2):
        with pytest.raises(FeedbackError, match="it is not a table"):
            CsvStore(path).append(record())
    assert path.stat().st_size == before
    assert {each.name for each in path.parent.iterdir()} <= {path.name, f"{path.name}.lock"}
