"""A SQLite file: how it is opened, shared between processes and kept free of deleted text."""

import errno
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import uniform
from stat import S_ISREG

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from imgcap.feedback.record import FeedbackError
from imgcap.feedback.sql.database import WAIT_SECONDS, Database
from imgcap.feedback.sql.table import TABLE

_BEGIN = "sqlite_begin"
_PATIENT = f"PRAGMA busy_timeout={1000 * WAIT_SECONDS}"
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_ENTRY = "this program may not open “{}” or write beside it"
_IN_USE = "“{}” is in use by another program; try again"
_ANSWERS = {
    "BUSY": _IN_USE,
    "LOCKED": _IN_USE,
    "PROTOCOL": _IN_USE,
    "FULL": "there is no room left on the disk",
    "IOERR": "the disk is full or gives an error",
    "PERM": _NO_ENTRY,
    "READONLY": _NO_ENTRY,
    "CANTOPEN": _NO_ENTRY,
    "NOTADB": "“{}” is no SQLite database; move it away",
    "CORRUPT": "“{}” is damaged; put a backup in its place",
}

_log = logging.getLogger(__name__)


class SqliteDatabase(Database):
    """A file in write-ahead-log mode: readers and one writer at a time do not wait for each other.

    Parameters
    ----------
    url : URL
        With the file's path, which is made with its folder when the first record is stored. A
        relative path starts at the directory that is current now.
    """

    insertion = insert(TABLE).on_conflict_do_nothing()
    substring = "instr"

    def __init__(self, url: URL) -> None:
        if url.database in {None, "", ":memory:"} or url.host or url.query:
            raise FeedbackError("A SQLite store is named sqlite:///PATH, and nothing else.")
        self._shown = str(url.database)
        self._path = Path(self._shown).expanduser().resolve()
        self._file: tuple[int, int] | None = None
        super().__init__(_engine(self._path))

    def forget_deleted(self) -> None:
        """Empty the log, where the pages stand as they were before."""
        with self._explained("deleted"), self._outside() as connection:
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if busy:
            _log.warning("Deleted text stays in %s-wal until its readers end.", self._path)

    def _find(self, *, make: bool) -> bool:
        """Look for the file, and forget the one that was there before."""
        status = self._status()
        if make and status is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
            status = self._status()
        if status and not S_ISREG(status.st_mode):
            raise FeedbackError(f"“{self._shown}” is no file that feedback could be kept in.")
        file = (status.st_dev, status.st_ino) if status else None
        if file != self._file:  # SQLite would go on writing to a file that was moved or removed
            self.close()
            self._made = False
            self._file = file
        return status is not None

    def _status(self) -> os.stat_result | None:
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        """Begin as a writer at once: a reader that becomes one is refused instead of waiting."""
        with self._outside() as connection, connection.begin():
            _insist(connection, "BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _begin_alone(self) -> Iterator[Connection]:
        """Begin to write, in a file that has the write-ahead log."""
        with self._outside() as connection:
            _insist(connection, "PRAGMA journal_mode=WAL")
        with self._begin() as connection:
            yield connection

    @contextmanager
    def _outside(self) -> Iterator[Connection]:
        """Connect without beginning a transaction of the driver's or of ours."""
        with self._engine.connect().execution_options(**{_BEGIN: ""}) as connection:
            yield connection

    def _answer(self, error: DBAPIError) -> str:
        code = _code(error)
        kind = code.partition("_")[0]
        unknown = f"“{{}}” gives an error ({code or 'unknown'})"
        return _ANSWERS.get(kind, unknown).format(self._shown)

    def _reason(self, error: Exception) -> str:
        if not isinstance(error, OSError):
            return super()._reason(error)
        if error.errno in _FORBIDDEN:
            return _ANSWERS["PERM"].format(self._shown)
        return f"“{self._shown}” gives an error ({(error.strerror or 'unknown').lower()})"


def _insist(connection: Connection, statement: str) -> None:
    """Execute what may have to wait for others.

    SQLite by itself waits longer and longer, so that of many writers the last to come is served
    first, and for some statements it does not wait at all.
    """
    handle = connection.connection.driver_connection
    assert isinstance(handle, sqlite3.Connection)  # noqa: S101  # for the type checker
    end = time.monotonic() + WAIT_SECONDS
    handle.execute("PRAGMA busy_timeout=0")
    while True:
        try:
            handle.execute(statement)
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise OperationalError(statement, None, error) from error
            time.sleep(uniform(0.001, 0.005))  # noqa: S311  # no secret
    handle.execute(_PATIENT)


def _code(error: DBAPIError) -> str:
    name: str = getattr(error.orig, "sqlite_errorname", "")
    return name.removeprefix("SQLITE_")


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=os.fspath(path)),
        pool_timeout=WAIT_SECONDS,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(handle: sqlite3.Connection, _: object) -> None:
        handle.isolation_level = None  # the driver's own transactions leave out much
        handle.execute(_PATIENT)
        handle.execute("PRAGMA synchronous=FULL")  # what is stored outlives a power cut
        handle.execute("PRAGMA secure_delete=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if statement := connection.get_execution_options().get(_BEGIN, "BEGIN"):
            connection.exec_driver_sql(statement)

    return engine
