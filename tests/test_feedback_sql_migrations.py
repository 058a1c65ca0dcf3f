"""Databases of other versions: made, upgraded step by step, or refused."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from imgcap.feedback import FeedbackError
from imgcap.feedback.sql import migrations
from imgcap.feedback.sql.migrations import REVISIONS, VERSION_TABLE
from imgcap.feedback.sql.table import TABLE
from tests.feedback_databases import Open, comments, run
from tests.feedback_files import record
from tests.feedback_servers import Server

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


def test_the_steps_are_in_order_and_lead_to_the_table(database: Path, open_store: Open) -> None:
    steps = ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
    assert tuple(step.revision for step in steps)[::-1] == REVISIONS
    open_store(database).append(record())
    assert differences(f"sqlite:///{database}") == []


def test_the_steps_lead_to_the_table_on_a_server(postgresql: Server, open_store: Open) -> None:
    url = postgresql.url(postgresql.new_database())
    open_store(url).append(record())
    assert differences(url.replace("postgresql:", "postgresql+psycopg:")) == []


def make_old(execute: Callable[[str], object]) -> None:
    """Take back all steps but the first."""
    for name in ("time", "rating", "session", "picture"):
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


def test_many_processes_make_or_upgrade_one_file_at_once(database: Path, open_store: Open) -> None:
    url = f"sqlite:///{database}"
    append_at_once(url)
    assert open_store(database).summary().ratings == (4,) * 5
    with sqlite3.connect(database) as handle:
        make_old(handle.execute)
    handle.close()
    append_at_once(url)
    assert open_store(database).summary().ratings == (8,) * 5
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


def test_an_older_database_is_upgraded_when_it_is_read(database: Path, open_store: Open) -> None:
    open_store(database).append(record("kept"))
    with sqlite3.connect(database) as handle:
        make_old(handle.execute)
    handle.close()
    assert comments(open_store(database)) == ["kept"]
    assert differences(f"sqlite:///{database}") == []


def test_a_newer_database_is_refused_and_not_touched(database: Path, open_store: Open) -> None:
    store = open_store(database)
    store.append(record())
    store.close()
    run(database, f"UPDATE {VERSION_TABLE} SET version_num = '0999'")  # noqa: S608  # our own
    before = database.read_bytes()
    for each in (store, open_store(database)):
        for use in (each.read, each.summary, lambda each=each: each.append(record())):
            with pytest.raises(FeedbackError, match="made by a newer version of this program"):
                use()
        each.close()
    assert database.read_bytes() == before
