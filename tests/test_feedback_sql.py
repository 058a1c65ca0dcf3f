"""Feedback in a SQLite file: what it holds, and how it is shared."""

import sqlite3
import threading
from pathlib import Path
from random import Random

import pytest

from tests.feedback_databases import Open, comments, run
from tests.feedback_files import record


def test_reading_makes_no_file_and_storing_makes_its_folder(
    tmp_path: Path, open_store: Open
) -> None:
    store = open_store(tmp_path / "new" / "feedback.db")
    assert store.read() == store.get([record().id]) == list(store.outline()) == []
    assert (store.summary().count, store.page().total, store.delete([record().id])) == (0, 0, 0)
    assert list(tmp_path.iterdir()) == []
    store.append(record("kept"))
    assert comments(store) == ["kept"]


def test_reading_leaves_an_empty_file_and_the_database_of_others_alone(
    database: Path, open_store: Open
) -> None:
    database.touch()
    assert open_store(database).read() == []
    assert database.read_bytes() == b""
    run(database, "CREATE TABLE theirs (name)", "INSERT INTO theirs VALUES ('kept')")
    before = database.read_bytes()
    assert open_store(database).summary().count == 0
    assert database.read_bytes() == before
    open_store(database).append(record())
    assert run(database, "SELECT name FROM theirs") == [("kept",)]


def test_a_relative_path_starts_at_the_directory_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_store: Open
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///some/50%/feedback.db")
    monkeypatch.chdir("/")
    store.append(record())
    assert (tmp_path / "some" / "50%" / "feedback.db").is_file()


def test_people_can_read_the_table(database: Path, open_store: Open) -> None:
    said = record("so\0", rating=4).model_copy(update={"labels": ("a cat", "ü")})
    open_store(database).append(said)
    columns = "id, time, rating, comment, labels"
    assert run(database, f"SELECT {columns} FROM imgcap_feedback") == [  # noqa: S608  # our own
        (str(said.id), "2026-05-01T00:00:00.000000Z", 4, "so\\u{0}", '["a cat", "ü"]')
    ]


def test_deleted_text_is_nowhere_in_the_files(database: Path, open_store: Open) -> None:
    chance = Random(5)  # noqa: S311  # no secret
    words = [f"word{chance.getrandbits(64):016x}" for _ in range(400)]
    said = [record(word * chance.randint(1, 600), seconds=chance.randint(0, 99)) for word in words]
    store, other = open_store(database), open_store(database)
    for n in range(0, 400, 40):
        store.extend(said[n : n + 40])
        assert other.summary().count == n + 40
    deleted = chance.sample(said, 150)
    assert store.delete([each.id for each in deleted]) == 150
    files = b"".join(file.read_bytes() for file in database.parent.iterdir())
    gone = {each.comment[:20] for each in deleted}
    assert [word for word in gone if word.encode() in files] == []
    assert {word for word in words if word.encode() in files} == set(words) - gone
    assert other.summary().count == 250


def test_a_reader_does_not_wait_for_a_writer(database: Path, open_store: Open) -> None:
    store = open_store(database)
    store.append(record("kept"))
    with sqlite3.connect(database, isolation_level=None) as handle:
        handle.execute("BEGIN IMMEDIATE")
        handle.execute("DELETE FROM imgcap_feedback")
        assert comments(store) == ["kept"]
        handle.execute("COMMIT")
    handle.close()
    assert comments(store) == []


def test_a_writer_waits_for_its_turn(database: Path, open_store: Open) -> None:
    store = open_store(database)
    store.append(record())
    handle = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    handle.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.5, handle.execute, ["COMMIT"])
    timer.start()
    store.append(record())
    timer.join()
    handle.close()
    assert store.summary().count == 2


def test_those_who_store_the_same_at_once_count_each_record_once(
    database: Path, open_store: Open
) -> None:
    said = [record(f"{n}", seconds=n) for n in range(600)]
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda part=part: counts.append(open_store(database).extend(part)))
        for part in (said, said[::-1], said * 2, said[300:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 4
    assert sum(counts) == open_store(database).summary().count == 600
