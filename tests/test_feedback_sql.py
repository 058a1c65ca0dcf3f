import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import imgcap.feedback.sql.postgresql
import imgcap.feedback.sql.sqlite
from imgcap.feedback import FeedbackError, FeedbackRecord, Query
from imgcap.feedback.sql import SqlStore, migrations
from imgcap.feedback.sql.migrations import REVISIONS, VERSION_TABLE
from imgcap.feedback.sql.table import TABLE
from tests.feedback_servers import PASSWORD, Server

APPEND = """
import sys
from imgcap.feedback import FeedbackRecord
from imgcap.feedback.sql import SqlStore, migrations

store = SqlStore(sys.argv[1])
print("ready", flush=True)
input()
for n in range(5):
    store.append(FeedbackRecord(rating=1 + n, comment=sys.argv[2]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.db"


@pytest.fixture
def open_store() -> Iterator[Callable[[object], SqlStore]]:
    """Give a way to open stores that are closed when the test ends."""
    stores: list[SqlStore] = []

    def open_one(place: object) -> SqlStore:
        store = SqlStore(place if isinstance(place, str) else f"sqlite:///{place}")
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        store.close()


Open = Callable[[object], SqlStore]


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


def record(comment: str = "", *, rating: int = 3, seconds: int = 0) -> FeedbackRecord:
    time = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return FeedbackRecord(rating=rating, comment=comment, time=time)


def run(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """Do what a person does with another program."""
    handle = sqlite3.connect(path)
    try:
        rows = [row for statement in statements for row in handle.execute(statement)]
        handle.commit()
        return rows
    finally:
        handle.close()


def comments(store: SqlStore) -> list[str]:
    return [each.comment for each in store.read()]


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
    path: Path, open_store: Open
) -> None:
    path.touch()
    assert open_store(path).read() == []
    assert path.read_bytes() == b""
    run(path, "CREATE TABLE theirs (name)", "INSERT INTO theirs VALUES ('kept')")
    before = path.read_bytes()
    assert open_store(path).summary().count == 0
    assert path.read_bytes() == before
    open_store(path).append(record())
    assert run(path, "SELECT name FROM theirs") == [("kept",)]


def test_a_relative_path_starts_at_the_directory_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_store: Open
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///some/50%/feedback.db")
    monkeypatch.chdir("/")
    store.append(record())
    assert (tmp_path / "some" / "50%" / "feedback.db").is_file()


def test_people_can_read_the_table(path: Path, open_store: Open) -> None:
    said = record("so\0", rating=4).model_copy(update={"labels": ("a cat", "ü")})
    open_store(path).append(said)
    columns = "id, time, rating, comment, labels"
    assert run(path, f"SELECT {columns} FROM imgcap_feedback") == [  # noqa: S608  # our own
        (str(said.id), "2026-05-01T00:00:00.000000Z", 4, "so\\u{0}", '["a cat", "ü"]')
    ]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro"])
def test_a_database_that_is_no_file_is_refused(url: str) -> None:
    with pytest.raises(FeedbackError, match=r"sqlite:///PATH"):
        SqlStore(url)


def test_an_address_that_cannot_be_read_is_refused_without_telling_its_password() -> None:
    with pytest.raises(FeedbackError) as refusal:
        SqlStore(f"postgresql://anna:{PASSWORD}@host:port/name")
    assert PASSWORD not in str(refusal.value)


def differences(url: str) -> list[object]:
    """Return what Alembic would change in the database to make it as the table is declared."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            options = {"version_table": VERSION_TABLE, "compare_type": True}
            context = MigrationContext.configure(connection, opts=options)
            return list(compare_metadata(context, TABLE.metadata))
    finally:
        engine.dispose()


def test_the_steps_are_in_order_and_lead_to_the_table(path: Path, open_store: Open) -> None:
    steps = ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
    assert tuple(step.revision for step in steps)[::-1] == REVISIONS
    open_store(path).append(record())
    assert differences(f"sqlite:///{path}") == []


def test_the_steps_lead_to_the_table_on_a_server(postgresql: Server, open_store: Open) -> None:
    url = postgresql.url(postgresql.new_database())
    open_store(url).append(record())
    assert differences(url.replace("postgresql:", "postgresql+psycopg:")) == []


def make_old(execute: Callable[[str], object]) -> None:
    """Take back the last step."""
    for name in ("time", "rating", "session"):
        execute(f"DROP INDEX imgcap_feedback_by_{name}")
    execute(f"UPDATE {VERSION_TABLE} SET version_num = '0001'")  # noqa: S608  # our own


def append_at_once(url: str, processes: int = 4) -> None:
    """Let many processes open the store and append at the same moment."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, url, f"writer {n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(processes)
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("\n")
        writer.stdin.flush()
    outputs = [writer.communicate() for writer in writers]
    assert outputs == [("", "")] * processes
    assert [writer.returncode for writer in writers] == [0] * processes


def test_many_processes_make_or_upgrade_one_file_at_once(path: Path, open_store: Open) -> None:
    url = f"sqlite:///{path}"
    append_at_once(url)
    assert open_store(path).summary().ratings == (4,) * 5
    with sqlite3.connect(path) as handle:
        make_old(handle.execute)
    handle.close()
    append_at_once(url)
    assert open_store(path).summary().ratings == (8,) * 5
    assert differences(url) == []


def test_many_processes_make_or_upgrade_one_table_of_a_server_at_once(
    postgresql: Server, open_store: Open
) -> None:
    url = postgresql.url(postgresql.new_database())
    append_at_once(url)
    with psycopg.connect(url) as connection:
        make_old(connection.execute)
    append_at_once(url)
    assert open_store(url).summary().ratings == (8,) * 5
    assert differences(url.replace("postgresql:", "postgresql+psycopg:")) == []


def test_an_older_database_is_upgraded_when_it_is_read(path: Path, open_store: Open) -> None:
    open_store(path).append(record("kept"))
    with sqlite3.connect(path) as handle:
        make_old(handle.execute)
    handle.close()
    assert comments(open_store(path)) == ["kept"]
    assert differences(f"sqlite:///{path}") == []


def test_a_newer_database_is_refused_and_not_touched(path: Path, open_store: Open) -> None:
    store = open_store(path)
    store.append(record())
    store.close()
    run(path, f"UPDATE {VERSION_TABLE} SET version_num = '0999'")  # noqa: S608  # our own
    before = path.read_bytes()
    for each in (store, open_store(path)):
        for use in (each.read, each.summary, lambda each=each: each.append(record())):
            with pytest.raises(FeedbackError, match="made by a newer version of this program"):
                use()
        each.close()
    assert path.read_bytes() == before


def test_deleted_text_is_nowhere_in_the_files(path: Path, open_store: Open) -> None:
    chance = Random(5)  # noqa: S311  # no secret
    words = [f"word{chance.getrandbits(64):016x}" for _ in range(400)]
    said = [record(word * chance.randint(1, 600), seconds=chance.randint(0, 99)) for word in words]
    store, other = open_store(path), open_store(path)
    for n in range(0, 400, 40):
        store.extend(said[n : n + 40])
        assert other.summary().count == n + 40
    deleted = chance.sample(said, 150)
    assert store.delete([each.id for each in deleted]) == 150
    files = b"".join(file.read_bytes() for file in path.parent.iterdir())
    gone = {each.comment[:20] for each in deleted}
    assert [word for word in gone if word.encode() in files] == []
    assert {word for word in words if word.encode() in files} == set(words) - gone
    assert other.summary().count == 250


def test_a_reader_does_not_wait_for_a_writer(path: Path, open_store: Open) -> None:
    store = open_store(path)
    store.append(record("kept"))
    with sqlite3.connect(path, isolation_level=None) as handle:
        handle.execute("BEGIN IMMEDIATE")
        handle.execute("DELETE FROM imgcap_feedback")
        assert comments(store) == ["kept"]
        handle.execute("COMMIT")
    handle.close()
    assert comments(store) == []


def test_a_file_that_stays_locked_is_one_sentence(
    path: Path, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imgcap.feedback.sql.sqlite, "WAIT_SECONDS", 0.1)
    store = open_store(path)
    with sqlite3.connect(path, isolation_level=None) as handle:
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


def test_a_writer_waits_for_its_turn(path: Path, open_store: Open) -> None:
    store = open_store(path)
    store.append(record())
    handle = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    handle.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.5, handle.execute, ["COMMIT"])
    timer.start()
    store.append(record())
    timer.join()
    handle.close()
    assert store.summary().count == 2


def test_a_full_disk_is_one_sentence_and_loses_nothing(path: Path, open_store: Open) -> None:
    store, said = open_store(path), record("x" * 500_000, seconds=1)
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
    path: Path, open_store: Open, content: bytes
) -> None:
    path.write_bytes(content)
    store = open_store(path)
    for use in (store.read, store.summary, lambda: store.append(record())):
        with pytest.raises(FeedbackError, match="is no SQLite database"):
            use()
    assert path.read_bytes() == content


def test_a_damaged_file_is_one_sentence(path: Path, open_store: Open) -> None:
    store = open_store(path)
    store.extend(record("x" * 3_000, seconds=n) for n in range(50))
    store.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
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
    path = as_nobody / "feedback.db"
    store = open_store(path)
    store.append(record("kept"))
    store.close()
    path.chmod(0o444)
    with pytest.raises(FeedbackError, match="could not be saved: this program may not open"):
        store.append(record())
    assert comments(store) == ["kept"]
    store.close()
    as_nobody.chmod(0o555)
    with pytest.raises(FeedbackError, match="could not be saved: this program may not open"):
        open_store(path).append(record())
    for place in (as_nobody / "new.db", as_nobody / "new" / "feedback.db"):
        with pytest.raises(FeedbackError, match="could not be saved: this program may not open"):
            open_store(place).append(record())
    as_nobody.chmod(0o755)
    for file in as_nobody.iterdir():  # SQLite gave the log the permissions of its database
        file.chmod(0o644)
    store.append(record("after", seconds=1))
    assert comments(store) == ["after", "kept"]


def test_a_file_that_was_moved_away_gets_nothing_more(path: Path, open_store: Open) -> None:
    store = open_store(path)
    store.append(record("first"))
    path.rename(path.with_name("moved.db"))
    assert store.read() == []
    store.append(record("second"))
    assert comments(open_store(path)) == comments(store) == ["second"]


def test_rows_made_unreadable_by_hand_are_named_and_hurt_no_other(
    path: Path, open_store: Open
) -> None:
    store, said = open_store(path), [record(f"row {n}", seconds=n) for n in range(9)]
    store.extend(said)
    edits = {1: "time = 'yesterday'", 3: "labels = '[1'", 5: "comment = x'ff'", 7: "id = 'seven'"}
    for n, edit in edits.items():
        run(path, f"UPDATE imgcap_feedback SET {edit} WHERE comment = 'row {n}'")  # noqa: S608
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
    run(path, f"UPDATE imgcap_feedback SET labels = '[]' WHERE id = '{said[3].id}'")  # noqa: S608
    assert (store.summary().count, len(store.summary().unreadable)) == (6, 3)
    assert store.page().total == 6


def test_a_rating_that_is_none_cannot_be_put_in_by_hand(path: Path, open_store: Open) -> None:
    open_store(path).append(record())
    for rating in ("9", "2.5", "'good'", "NULL"):
        with pytest.raises(sqlite3.IntegrityError):
            run(path, f"UPDATE imgcap_feedback SET rating = {rating}")  # noqa: S608  # our own


def test_a_search_of_too_many_words_is_one_sentence(path: Path, open_store: Open) -> None:
    store = open_store(path)
    store.append(record(" ".join(map(str, range(2_000)))))
    assert store.page(Query(" ".join(map(str, range(200))))).total == 1
    with pytest.raises(FeedbackError, match=r"200 words, not 2,000\.$"):
        store.page(Query(" ".join(map(str, range(2_000)))))


def test_those_who_store_the_same_at_once_count_each_record_once(
    path: Path, open_store: Open
) -> None:
    said = [record(f"{n}", seconds=n) for n in range(600)]
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda part=part: counts.append(open_store(path).extend(part)))
        for part in (said, said[::-1], said * 2, said[300:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 4
    assert sum(counts) == open_store(path).summary().count == 600


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
    stranger = open_store(url.replace(PASSWORD, "Wrong.1"))
    with pytest.raises(FeedbackError, match="refuses: password authentication failed") as refusal:
        stranger.read()
    assert "Wrong.1" not in str(refusal.value)


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
