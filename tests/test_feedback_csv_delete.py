import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.csv.format import COLUMNS, encode, header
from tests import disks
from tests.feedback_files import comments, record

OLDER = tuple(name for name in COLUMNS if name != "picture_file")
DELETER = """
import sys
from imgcap.feedback.csv import CsvStore
store = CsvStore(sys.argv[1])
for record in store.read():
    if record.comment.startswith("private"):
        print(record.id, flush=True)
        store.delete([record.id])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.csv"


def holding(text: str, folder: Path) -> list[str]:
    """Return the files of a folder in which the text stands."""
    return [each.name for each in folder.iterdir() if text.encode() in each.read_bytes().lower()]


def test_nothing_of_what_was_deleted_stays_in_any_file(path: Path) -> None:
    kept, gone = record("kept"), record("private\n“words”", seconds=1)
    rows = [encode(kept), encode(gone)]
    older = [encode(kept, OLDER), encode(gone, OLDER)]
    by_hand = rows[1].replace(b'"', b"").upper().replace(b"\n", b" ", 1)
    damaged = rows[1].replace(b'"private', b'private"')
    places = {
        "": header() + b"".join(rows) + damaged + rows[1] + by_hand + rows[1][:-40],
        ".torn": rows[0][:-9] + b"\r\n" + rows[1][:-9] + b"\r\n" + rows[1][:-40] + b"\r\n",
        ".1.bak": header(OLDER) + b"".join(older) + older[1][:-9],
        ".new": header() + rows[1],
    }
    for end, content in places.items():
        Path(f"{path}{end}").write_bytes(content)
    assert len(holding("words", path.parent)) == 4
    store = CsvStore(path)
    assert store.delete([gone.id, uuid4()]) == 1
    assert holding("words", path.parent) == holding(str(gone.id), path.parent) == []
    assert store.read() == CsvStore(path).read() == [kept]
    assert Path(f"{path}.torn").read_bytes() == rows[0][:-9] + b"\r\n"
    assert Path(f"{path}.1.bak").read_bytes() == header(OLDER) + older[0]
    assert store.delete([gone.id]) == 0


def test_a_foreign_file_and_its_copy_lose_what_was_deleted_and_keep_the_rest(path: Path) -> None:
    path.write_text("Rating,Feedback\n4,good\n1,private\n0,unreadable\n5,better\n")
    ids = {each.comment: each.id for each in CsvStore(path).read()}
    assert CsvStore(path).delete([ids["private"]]) == 1
    assert holding("private", path.parent) == []
    copy = Path(f"{path}.1.bak")
    for each in (path, copy):
        assert {one.comment: one.id for one in CsvStore(each).read()} == {
            "good": ids["good"],
            "better": ids["better"],
        }
        assert "unreadable" in each.read_text()


def test_a_copy_without_what_was_deleted_stays_as_it_is(path: Path) -> None:
    path.write_text("Rating,Feedback\n4,good\n")
    original = path.read_bytes()
    later = record("later", seconds=9)
    CsvStore(path).append(later)
    assert CsvStore(path).delete([later.id]) == 1
    assert Path(f"{path}.1.bak").read_bytes() == original
    assert comments(path) == ["good"]


def test_a_copy_that_cannot_be_searched_is_named(path: Path) -> None:
    gone = record("gone")
    CsvStore(path).append(gone)
    Path(f"{path}.1.bak").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    Path(f"{path}.notes.bak").write_bytes(encode(gone))  # a person's own file
    with pytest.raises(FeedbackError, match=r"may still stand in “feedback.csv.1.bak”, which"):
        CsvStore(path).delete([gone.id])
    assert comments(path) == []
    assert holding(str(gone.id), path.parent) == ["feedback.csv.notes.bak"]


def test_other_stores_notice_the_new_file(path: Path) -> None:
    one, two = CsvStore(path), CsvStore(path)
    records = [record(f"row {n}", seconds=n) for n in range(10)]
    one.extend(records)
    for n, each in enumerate(records, start=1):
        assert two.summary().count == 11 - n
        one.delete([each.id])
        assert two.get([each.id]) == []
        assert two.read() == records[n:][::-1]
        if n % 3 == 0:
            two.append(each)
            assert one.delete([each.id]) == 1


def test_what_was_deleted_may_be_stored_again(path: Path) -> None:
    store, again = CsvStore(path), record("again")
    for _ in range(2):
        assert store.extend([again]) == 1
        assert store.delete([again.id]) == 1
    assert path.read_bytes() == header()


def test_a_person_s_own_columns_and_lines_are_kept(path: Path) -> None:
    names = (*COLUMNS[:-1], "Checked by", COLUMNS[-1])
    records = [record(f"row {n}", seconds=n) for n in range(3)]
    rows = [encode(each, names, {"Checked by": f"Zoë {n}"}) for n, each in enumerate(records)]
    path.write_bytes(header(names) + rows[0] + b"\r\na line of mine\r\n" + rows[1] + rows[2])
    assert CsvStore(path).delete([records[1].id]) == 1
    assert path.read_bytes() == header(names) + rows[0] + b"\r\na line of mine\r\n" + rows[2]


def test_without_a_file_nothing_is_deleted_and_none_is_made(path: Path) -> None:
    assert CsvStore(path).delete([uuid4()]) == 0
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_deletes_nothing(path: Path) -> None:
    records = [record("x" * 50_000, seconds=n) for n in range(4)]
    CsvStore(path).extend(records)
    before = path.read_bytes()
    with disks.full_disk(100_000), pytest.raises(FeedbackError, match="be deleted: there is no"):
        CsvStore(path).delete([records[0].id])
    assert path.read_bytes() == before
    assert not Path(f"{path}.new").exists()


def test_a_read_only_file_says_that_nothing_was_deleted() -> None:
    with disks.as_nobody() as folder:
        path, kept = folder / "feedback.csv", FeedbackRecord(rating=1)
        CsvStore(path).append(kept)
        path.chmod(0o444)
        with pytest.raises(FeedbackError, match="could not be deleted: this program may not open"):
            CsvStore(path).delete([kept.id])
        assert CsvStore(path).read() == [kept]


def test_the_file_keeps_its_permissions_and_stays_a_link(path: Path, tmp_path: Path) -> None:
    target, gone = tmp_path / "elsewhere.csv", record()
    path.symlink_to(target)
    store = CsvStore(path)
    store.append(gone)
    target.chmod(0o640)
    store.delete([gone.id])
    assert path.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_process_killed_while_deleting_loses_no_other_row(path: Path) -> None:
    chance = random.Random(5)  # noqa: S311  # no secret
    kept = [record(f"kept {n}" * 500, seconds=n) for n in range(300)]
    CsvStore(path).extend([*kept, *(record(f"private {n}", seconds=n) for n in range(300))])
    asked: list[str] = []
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", DELETER, path], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            asked.append(process.stdout.readline())
            time.sleep(chance.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            asked += process.stdout.read().splitlines()
        stored = CsvStore(path).read()
        assert [each for each in stored if each.comment.startswith("kept")] == kept[::-1]
        assert len(stored) >= 600 - len(asked)
        assert CsvStore(path).summary().unreadable == ()
    CsvStore(path).delete([each.id for each in stored if each not in kept])
    assert holding("private", path.parent) == []
