import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgcap.feedback.csv import CsvStore
from imgcap.feedback.csv.format import encode, header
from tests.feedback_files import comments, record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.csv"


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
