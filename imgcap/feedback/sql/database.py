"""A database with the feedback table in it: transactions, its version, and its errors in words."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Engine, Insert, String, column, inspect, select, table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from imgcap.feedback.record import FeedbackError
from imgcap.feedback.sql.migrations import REVISIONS, VERSION_TABLE, upgrade

WAIT_SECONDS: Final = 10
"""How long to wait for a lock or a free connection."""

_VERSION: Final = select(column("version_num", String)).select_from(table(VERSION_TABLE))
_upgrading = Lock()


class Database(ABC):
    """What the databases have in common.

    Parameters
    ----------
    engine : Engine
        Connected only when it is needed.
    """

    insertion: Insert
    """Adds rows, except those whose id is there."""
    substring: str
    """The SQL function that finds one text in another."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made = False

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Open a transaction on the table; None if nothing was ever stored."""
        with self._explained("read"):
            if not self._find(make=False):
                yield None
                return
            with self._engine.connect() as connection:
                version = self._version(connection)
                if version in {None, REVISIONS[-1]}:
                    yield connection if version else None
                    return
        with self.writing("read") as connection:
            yield connection

    @contextmanager
    def writing(self, done: str) -> Iterator[Connection]:
        """Open a transaction that is safe on disk once it ends; the table is made if need be."""
        with self._explained(done):
            self._find(make=True)
            with self._begin() as connection:
                if self._version(connection) == REVISIONS[-1]:
                    yield connection
                    return
            with _upgrading, self._begin_alone() as connection:
                if self._version(connection) != REVISIONS[-1]:
                    upgrade(connection)
            with self._begin() as connection:
                yield connection

    def close(self) -> None:
        """Close all connections that are not in use; a later call opens new ones."""
        self._engine.dispose()

    @abstractmethod
    def forget_deleted(self) -> None:
        """Leave nothing of deleted rows in files that this program can reach."""

    @abstractmethod
    def _find(self, *, make: bool) -> bool:
        """Whether there is anything to connect to, which may be made."""

    @abstractmethod
    def _begin(self) -> AbstractContextManager[Connection]:
        """Open a transaction to write in."""

    @abstractmethod
    def _begin_alone(self) -> AbstractContextManager[Connection]:
        """Open a transaction to upgrade in, while every other process that wants one waits."""

    @abstractmethod
    def _answer(self, error: DBAPIError) -> str:
        """Say in half a sentence what the database says."""

    def _version(self, connection: Connection) -> str | None:
        """Return the database's version, None for one without the table; refuse a newer one."""
        if not self._made and not inspect(connection).has_table(VERSION_TABLE):
            return None
        self._made = True
        version: str | None = connection.scalar(_VERSION)
        if version is not None and version not in REVISIONS:
            raise FeedbackError(
                "The feedback database was made by a newer version of this program."
            )
        return version

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Turn what the database or the file system says into a sentence."""
        try:
            yield
        except (SQLAlchemyError, OSError, MemoryError) as error:
            self._made = False
            self.close()  # what stands in the way may be gone when new connections are opened
            sentence = f"The feedback could not be {done}: {self._reason(error)}."
            raise FeedbackError(sentence) from error

    def _reason(self, error: Any) -> str:  # noqa: ANN401  # of several unrelated classes
        if isinstance(error, DBAPIError):
            return self._answer(error)
        if isinstance(error, MemoryError):
            return "there is not enough memory"
        return "too much is going on at once; try again"
