import csv
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import imgcap.feedback.csv.place
from imgcap.feedback import FeedbackError, FeedbackRecord, Query
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.csv.format import encode, header
from imgcap.feedback.record import MAX_COMMENT
from imgcap.inference.results import Prediction

TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=40)
PLAIN = st.text(max_size=20)
RECORDS = st.builds(
    FeedbackRecord,
    time=st.datetimes(timezones=st.just(UTC)),
    rating=st.integers(1, 5),
    comment=TEXT,
    corrected_label=TEXT,
    corrected_caption=TEXT,
    picture_name=TEXT,
    picture_sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True) | st.just(""),
    picture_width=st.none() | st.integers(1, 10**6),
    edits=st.lists(st.dictionaries(PLAIN, PLAIN | st.integers() | st.booleans()), max_size=2).map(
        tuple
    ),
    labels=st.lists(TEXT, max_size=3).map(tuple),
    templates=st.lists(TEXT, max_size=2).map(tuple),
    independent=st.booleans(),
    predictions=st.lists(st.builds(Prediction, PLAIN, st.floats(0, 1)), max_size=3).map(tuple),
    caption=TEXT,
    classifier_revision=TEXT,
    classify_ms=st.none() | st.floats(0, allow_infinity=False),
)
WRITER = [sys.executable, str(Path(__file__).with_name("feedback_writer.py"))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.csv"


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """Give a folder of an ordinary user, as whom the test then runs: nothing stops root."""
    with tempfile.TemporaryDirectory() as folder:
        root = os.geteuid() == 0
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
            Path(folder).chmod(0o700)


def comments(path: Path) -> list[str]:
    return [record.comment for record in CsvStore(path).read()[::-1]]


def record(comment: str = "", *, rating: int = 3, seconds: int = 0) -> FeedbackRecord:
    time = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return FeedbackRecord(rating=rating, comment=comment, time=time)


def test_without_a_file_there_is_no_feedback_and_none_is_made(path: Path) -> None:
    store = CsvStore(path)
    assert store.read() == []
    assert store.summary().count == 0
    assert not path.exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_the_same_id_is_stored_once(path: Path) -> None:
    store, again = CsvStore(path), FeedbackRecord(rating=1)
    for each in (store, store, CsvStore(path)):
        each.append(again)
    assert CsvStore(path).read() == [again]
    assert len(path.read_bytes().splitlines()) == 2


def test_two_stores_see_each_others_rows(path: Path) -> None:
    one, two = CsvStore(path), CsvStore(path)
    for n in range(3):
        one.append(record(f"one {n}", seconds=2 * n))
        assert two.read()[0].comment == f"one {n}"
        two.append(record(f"two {n}", seconds=2 * n + 1))
        assert one.summary().count == 2 * n + 2
        assert one.page(limit=1).records[0].comment == f"two {n}"


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


def test_a_row_cut_anywhere_is_set_aside_and_nothing_else_is(path: Path) -> None:
    nasty = 'one\r\n"two"\n""\n"01a206c8-27d3-7a61-86d1-c0c1566a8152","x'
    whole, cut = record(nasty), encode(record(nasty, seconds=1))
    for length in range(1, len(cut)):
        Path(f"{path}.torn").unlink(missing_ok=True)
        path.write_bytes(header() + encode(whole) + cut[:length])
        if length < len(cut) - 2:  # all is there but the line break
            assert CsvStore(path).read() == [whole]
        store, after = CsvStore(path), record("after", seconds=2)
        store.append(after)
        if length == len(cut) - 2:
            assert [each.comment for each in store.read()] == ["after", nasty, nasty]
        else:
            assert CsvStore(path).read() == store.read() == [after, whole]
            assert Path(f"{path}.torn").read_bytes() == cut[:length] + b"\r\n"
            assert path.read_bytes() == header() + encode(whole) + encode(after)


def test_a_tail_of_zeros_after_a_power_cut_is_set_aside(path: Path) -> None:
    path.write_bytes(header() + encode(record("kept")) + b"\0" * 5_000)
    CsvStore(path).append(record("after", seconds=1))
    assert comments(path) == ["kept", "after"]


def test_setting_aside_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(header() + b'"01a2')
    with caplog.at_level(logging.WARNING):
        CsvStore(path).append(record())
    assert "was set aside" in caplog.text


def test_lines_edited_by_hand_are_named_and_hurt_no_other_row(path: Path) -> None:
    rows = [encode(record(f"row {n}", seconds=n)) for n in range(6)]
    rows[1] = rows[1].replace(b'"row 1"', b'"row 1')  # lost its quote
    rows[2] += b"\r\n\r\n"
    rows[3] = rows[3].replace(b'"3"', b'"9"')
    rows[4] = rows[4].replace(b'"false"', b'"perhaps"')
    path.write_bytes(header() + b"".join(rows))
    store = CsvStore(path)
    assert [each.comment for each in store.read()] == ["row 5", "row 2", "row 0"]
    assert store.summary().count == 3
    assert store.page(limit=1).total == 3
    unreadable = store.summary().unreadable
    assert [sentence.split(" is left out")[0] for sentence in unreadable] == [
        "Row 3",
        "Row 7",
        "Row 8",
    ]
    before = path.read_bytes()
    store.append(record("after", seconds=9))
    assert path.read_bytes() == before + encode(store.read()[0])


def test_a_row_typed_without_quotes_at_the_end_is_read(path: Path) -> None:
    plain = encode(record('said "so"')).decode().replace('"', "").replace("said so", "typed")
    for end in ("\r\n", "\n", "", "\n\n"):
        path.write_bytes(header() + encode(record("first")) + plain.strip().encode() + end.encode())
        store = CsvStore(path)
        assert {each.comment for each in store.read()} == {"first", "typed"}
        store.append(record("after", seconds=1))
        assert {each.comment for each in store.read()} == {"first", "typed", "after"}
        assert not Path(f"{path}.torn").exists()


def test_a_rating_changed_in_place_is_seen(path: Path) -> None:
    store = CsvStore(path)
    store.append(record(rating=1))
    assert store.summary().mean_rating == 1
    path.write_bytes(path.read_bytes().replace(b'Z","1"', b'Z","5"'))
    os.utime(path, (1, 1))
    assert store.summary().mean_rating == 5
    assert store.read()[0].rating == 5


def test_a_row_made_longer_in_place_does_not_shift_the_others(path: Path) -> None:
    store = CsvStore(path)
    for n in range(3):
        store.append(record(f"row {n}", seconds=n))
    assert store.summary().count == 3
    path.write_bytes(path.read_bytes().replace(b"row 0", b"a much longer row"))
    assert [each.comment for each in store.read()] == ["row 2", "row 1", "a much longer row"]
    store.append(record("after", seconds=9))
    assert comments(path) == ["a much longer row", "row 1", "row 2", "after"]


def test_a_row_pasted_twice_counts_once(path: Path) -> None:
    row = encode(record())
    path.write_bytes(header() + row * 2)
    assert CsvStore(path).summary().count == 1
    assert "repeats the id" in CsvStore(path).summary().unreadable[0]


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
    table = pd.read_csv(pd.io.common.BytesIO(header() + encode(kept)), dtype=str)
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


def test_a_read_only_folder_can_be_read_and_says_why_nothing_is_saved(as_nobody: Path) -> None:
    store = CsvStore(as_nobody / "feedback.csv")
    store.append(record("kept"))
    Path(f"{as_nobody}/feedback.csv.lock").unlink()
    (as_nobody / "feedback.csv").chmod(0o444)
    as_nobody.chmod(0o555)
    with pytest.raises(FeedbackError, match="could not be saved: this program may not open"):
        store.append(record("lost"))
    assert [each.comment for each in CsvStore(as_nobody / "feedback.csv").read()] == ["kept"]
    with pytest.raises(FeedbackError, match="could not be saved"):
        CsvStore(as_nobody / "new" / "feedback.csv").append(record())


@pytest.mark.parametrize("content", [b"", b"Rating,Feedback\n4,good\n"])
def test_a_read_only_file_is_not_replaced(as_nobody: Path, content: bytes) -> None:
    path = as_nobody / "feedback.csv"
    path.write_bytes(content)
    path.chmod(0o444)
    with pytest.raises(FeedbackError, match="this program may not open"):
        CsvStore(path).append(record())
    assert path.read_bytes() == content


def test_a_full_disk_is_one_sentence_and_no_half_row(path: Path) -> None:
    store = CsvStore(path)
    store.append(record("kept"))
    before = path.read_bytes()
    again = record("x" * 100_000, seconds=1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50_000, limits[1]))
    try:
        with pytest.raises(FeedbackError, match="could not be saved: there is no room left"):
            store.append(again)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    store.append(again)
    assert comments(path) == ["kept", again.comment]


def test_a_full_disk_stops_a_conversion_before_anything_is_lost(path: Path) -> None:
    path.write_text("Rating,Feedback\n" + "4,good\n" * 1_000)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (100, len(before) + 100):  # for the copy, then for the new file
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            with pytest.raises(FeedbackError, match="no room left"):
                CsvStore(path).append(record())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == before
    assert CsvStore(path).summary().count == 1_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_device_or_folder_is_refused(tmp_path: Path) -> None:
    for place in ("/dev/full", tmp_path):
        for use in (CsvStore(place).read, lambda place=place: CsvStore(place).append(record())):
            with pytest.raises(FeedbackError, match="no file that feedback could be kept in"):
                use()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_stays_locked_is_one_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imgcap.feedback.csv.place, "LOCK_SECONDS", 0.1)
    holder = (
        "import sys; from filelock import FileLock\n"
        "with FileLock(sys.argv[1]):\n"
        "    print('locked', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, f"{path}.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(FeedbackError, match="in use by another program; try again"):
            CsvStore(path).append(record())
        process.communicate("\n")
    CsvStore(path).append(record())
    assert CsvStore(path).summary().count == 1


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    target.write_text("Rating,Feedback\n4,good\n")
    path.symlink_to(target)
    CsvStore(path).append(record("after"))
    assert path.is_symlink()
    assert sorted(comments(target)) == ["after", "good"]


def test_processes_that_write_at_once_lose_and_double_nothing(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [*WRITER, str(path), "60", f"writer {n}"], stdout=subprocess.PIPE, text=True
        )
        for n in range(5)
    ]
    acknowledged = [line for writer in writers for line in writer.communicate()[0].split()]
    assert [writer.returncode for writer in writers] == [0] * 5
    assert len(acknowledged) == 300
    assert sorted(str(each.id) for each in CsvStore(path).read()) == sorted(acknowledged)
    assert not Path(f"{path}.torn").exists()
    assert len(pd.read_csv(path)) == 300


def test_a_killed_process_loses_nothing_that_it_acknowledged(path: Path) -> None:
    chance = random.Random(7)  # noqa: S311  # no secret
    acknowledged: list[str] = []
    for _ in range(8):
        writers = [
            subprocess.Popen(
                [*WRITER, str(path), "9999", "x" * 200], stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout
            acknowledged.append(writer.stdout.readline().strip())
            time.sleep(chance.uniform(0, 0.2))
            writer.send_signal(signal.SIGKILL)
            lines = writer.stdout.read().split("\n")
            acknowledged.extend(lines[:-1])  # the last may be half an id
            writer.wait()
            writer.stdout.close()
    store = CsvStore(path)
    last = record("last")
    store.append(last)
    stored = [str(each.id) for each in store.read()]
    assert len(stored) == len(set(stored))
    assert {*acknowledged, str(last.id)} <= set(stored)
    assert len(stored) <= len(acknowledged) + 17  # a row may be whole and not yet acknowledged
    assert store.summary().unreadable == ()


def test_a_process_that_dies_halfway_through_a_row_leaves_one_torn_tail(path: Path) -> None:
    store, kept, half = CsvStore(path), record("kept"), encode(record("half\na row", seconds=1))
    store.append(kept)
    code = (
        "import os, signal, sys\n"
        "with open(sys.argv[1], 'ab', buffering=0) as file:\n"
        "    file.write(bytes.fromhex(sys.argv[2]))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    torn = half[: half.index(b"a row")]
    done = subprocess.run([sys.executable, "-c", code, str(path), torn.hex()], check=False)
    assert done.returncode == -signal.SIGKILL
    assert store.read() == [kept]
    store.append(record("after", seconds=2))
    assert comments(path) == ["kept", "after"]
    assert Path(f"{path}.torn").read_bytes() == torn + b"\r\n"
