"""Databases that are locked, damaged, full, gone or not ours: one sentence, and nothing lost."""

import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import imgcap.feedback.sql.postgresql
import imgcap.feedback.sql.sqlite
from imgcap.feedback import FeedbackError, Query
from imgcap.feedback.sql import SqlStore
from imgcap.feedback.sql.migrations import VERSION_TABLE
from tests.feedback_databases import Open, comments, run
from tests.feedback_files import record
from tests.feedback_places import refusal
from tests.feedback_servers import PASSWORD, Server


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


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro"])
def test_a_database_that_is_no_file_is_refused(url: str) -> None:
    with pytest.raises(FeedbackError, match=r"sqlite:///PATH"):
        SqlStore(url)


def test_an_address_that_cannot_be_read_is_refused_without_telling_its_password() -> None:
    with pytest.raises(FeedbackError) as refusal:
        SqlStore(f"postgresql://anna:{PASSWORD}@host:port/name")
    assert PASSWORD not in str(refusal.value)


def test_a_file_that_stays_locked_is_one_sentence(
    database: Path, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imgcap.feedback.sql.sqlite, "WAIT_SECONDS", 0.1)
    store = open_store(database)
    with sqlite3.connect(database, isolation_level=None) as handle:
        handle.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FeedbackError, match=r"“.*feedback.db” is in use by another program"):
            store.append(record())
        handle.execute("COMMIT")
        store.append(record())
        handle.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FeedbackError, match=r"could not be saved: “.*” is in use by another"):
            store.append(record())
    handle.close()
    assert store.summary().count == 1


def test_a_full_disk_is_one_sentence_and_loses_nothing(database: Path, open_store: Open) -> None:
    store, said = open_store(database), record("x" * 500_000, seconds=1)
    store.append(record("kept"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        with pytest.raises(FeedbackError, match="could not be saved: the disk is full"):
            store.append(said)
        assert comments(store) == ["kept"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    store.append(said)
    assert comments(store) == [said.comment, "kept"]


@pytest.mark.parametrize("content", [b"Rating,Feedback\n4,good\n" * 99, b"\x89PNG\r\n\x1a\n" * 99])
def test_a_file_of_another_kind_is_refused_and_left_alone(
    database: Path, open_store: Open, content: bytes
) -> None:
    database.write_bytes(content)
    store = open_store(database)
    for use in (store.read, store.summary, lambda: store.append(record())):
        with pytest.raises(FeedbackError, match="is no SQLite database"):
            use()
    assert database.read_bytes() == content


def test_a_damaged_file_is_one_sentence(database: Path, open_store: Open) -> None:
    store = open_store(database)
    store.extend(record("x" * 3_000, seconds=n) for n in range(50))
    store.close()
    content = database.read_bytes()
    database.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with pytest.raises(FeedbackError, match=r"“.*feedback.db” is damaged|gives an error"):
        store.read()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_device_or_folder_is_refused(tmp_path: Path, open_store: Open) -> None:
    for place in (Path("/dev/full"), tmp_path):
        store = open_store(place)
        for use in (store.read, lambda store=store: store.append(record())):
            with pytest.raises(FeedbackError, match="no file that feedback could be kept in"):
                use()
    assert list(tmp_path.iterdir()) == []


def test_what_may_not_be_written_says_so(as_nobody: Path, open_store: Open) -> None:
    database = as_nobody / "feedback.db"
    store = open_store(database)
    store.append(record("kept"))
    store.close()
    database.chmod(0o444)
    with pytest.raises(FeedbackError, match="could not be saved: this program may not open"):
        store.append(record())
    assert comments(store) == ["kept"]
    store.close()
    as_nobody.chmod(0o555)
    with pytest.raises(FeedbackError, match="could not be saved: this program may not open"):
        open_store(database).append(record())
    for place in (as_nobody / "new.db", as_nobody / "new" / "feedback.db"):
        with pytest.raises(FeedbackError, match="could not be saved: this program may not open"):
            open_store(place).append(record())
    as_nobody.chmod(0o755)
    for file in as_nobody.iterdir():  # SQLite gave the log the permissions of its database
        file.chmod(0o644)
    store.append(record("after", seconds=1))
    assert comments(store) == ["after", "kept"]


def test_a_file_that_was_moved_away_gets_nothing_more(database: Path, open_store: Open) -> None:
    store = open_store(database)
    store.append(record("first"))
    database.rename(database.with_name("moved.db"))
    assert store.read() == []
    store.append(record("second"))
    assert comments(open_store(database)) == comments(store) == ["second"]


def test_rows_made_unreadable_by_hand_are_named_and_hurt_no_other(
    database: Path, open_store: Open
) -> None:
    store, said = open_store(database), [record(f"row {n}", seconds=n) for n in range(9)]
    store.extend(said)
    edits = {1: "time = 'yesterday'", 3: "labels = '[1'", 5: "comment = x'ff'", 7: "id = 'seven'"}
    for n, edit in edits.items():
        run(database, f"UPDATE imgcap_feedback SET {edit} WHERE comment = 'row {n}'")  # noqa: S608
    left = ["row 8", "row 6", "row 4", "row 2", "row 0"]
    assert comments(store) == left
    page = store.page(limit=3)
    assert ([each.comment for each in page.records], page.total) == (left[:3], 5)
    assert len(list(store.outline())) >= 5
    assert store.get([each.id for each in said[:4]]) == [said[0], said[2]]
    summary = store.summary()
    assert summary.count == 5
    assert [
        f"“{which}” is left out: " in "".join(summary.unreadable)
        for which in (said[1].id, said[3].id, said[5].id, "seven")
    ] == [True] * 4
    run(database, f"UPDATE imgcap_feedback SET labels = '[]' WHERE id = '{said[3].id}'")  # noqa: S608
    assert (store.summary().count, len(store.summary().unreadable)) == (6, 3)
    assert store.page().total == 6


def test_a_rating_that_is_none_cannot_be_put_in_by_hand(database: Path, open_store: Open) -> None:
    open_store(database).append(record())
    for rating in ("9", "2.5", "'good'", "NULL"):
        with pytest.raises(sqlite3.IntegrityError):
            run(database, f"UPDATE imgcap_feedback SET rating = {rating}")  # noqa: S608  # our own


def test_a_search_of_too_many_words_is_one_sentence(database: Path, open_store: Open) -> None:
    store = open_store(database)
    store.append(record(" ".join(map(str, range(2_000)))))
    assert store.page(Query(" ".join(map(str, range(200))))).total == 1
    with pytest.raises(FeedbackError, match=r"200 words, not 2,000\.$"):
        store.page(Query(" ".join(map(str, range(2_000)))))


def test_a_server_that_does_not_allow_the_table_says_so(
    postgresql: Server, open_store: Open
) -> None:
    url = postgresql.url(postgresql.new_database())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'Another.1'")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM public")
    guest = open_store(url.replace(f"imgcap:{PASSWORD}", "guest:Another.1"))
    assert guest.read() == []
    with pytest.raises(FeedbackError, match="could not be saved: the server does not allow"):
        guest.append(record())
    open_store(url).append(record("kept"))
    with psycopg.connect(url) as connection:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
    assert comments(guest) == ["kept"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (PASSWORD, "Wrong.1", "refuses the password of the user “imgcap”, or knows no such user."),
        ("//imgcap:", "//anna:", "refuses the password of the user “anna”, or knows no such user."),
        (f":{PASSWORD}", "", "asks for a password, and the address has none."),
        ("/postgres", "/nowhere", "has no database “nowhere”."),
        ("/postgres", "/postgres?sslmode=require", "does not encrypt as the address asks for."),
        ("/postgres", "/postgres?sslmode=Wrong.1", "has an address with an option that is wrong."),
        ("/postgres", "/postgres?colour=Wrong.1", "has an address with an option that is wrong."),
    ],
)
def test_a_server_that_lets_nobody_in_says_why(  # noqa: PLR0913, PLR0917  # pytest's parameters
    postgresql: Server,
    open_store: Open,
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    said: str,
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    sentence = refusal(open_store(postgresql.url("postgres").replace(old, new)).read)
    assert sentence == (
        f"The feedback could not be read: the database server on “127.0.0.1” {said}"
    )


def test_a_server_that_knows_no_such_user_says_so(postgresql: Server, open_store: Open) -> None:
    rules = postgresql.folder / "data" / "pg_hba.conf"
    strict = rules.read_text()
    url = postgresql.url("postgres")

    def rule(text: str) -> None:
        rules.write_text(text)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")

    stranger = url.replace("//imgcap:", "//anna:")
    try:
        rule(f"host all anna 127.0.0.1/32 trust\n{strict}")
        assert refusal(open_store(stranger).read).endswith("knows no user “anna”.")
        rule("host all imgcap 127.0.0.1/32 scram-sha-256\n")
        assert "does not let the user “anna” in from this computer" in refusal(
            open_store(stranger).read
        )
    finally:
        rule(strict)


def test_a_table_that_is_locked_or_gone_is_one_sentence(
    postgresql: Server, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        imgcap.feedback.sql.postgresql, "_SETTINGS", "SET TIME ZONE 'UTC'; SET lock_timeout = 100"
    )
    url = postgresql.url(postgresql.new_database())
    store = open_store(url)
    store.append(record())
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE imgcap_feedback")
        with pytest.raises(FeedbackError, match="the table is in use by another program"):
            store.append(record())
    store.append(record())
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP TABLE imgcap_feedback, {VERSION_TABLE}")
    with pytest.raises(FeedbackError, match="could not be saved"):
        store.append(record())
    store.append(record("again"))
    assert comments(store) == ["again"]


def test_without_its_library_a_server_is_refused_with_the_command_that_cures_it() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from imgcap.feedback import FeedbackError, open_store_at\n"
        "try: open_store_at('postgresql://anna:secret@host/name')\n"
        "except FeedbackError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'imgcap[postgres]'" in done.stdout
    assert "secret" not in done.stdout
