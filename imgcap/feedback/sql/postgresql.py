"""A PostgreSQL server: how it is reached, how long it is waited for, and what it says in words."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from imgcap.feedback.record import FeedbackError
from imgcap.feedback.sql.database import WAIT_SECONDS, Database
from imgcap.feedback.sql.table import TABLE

_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 60
_UPGRADE_LOCK = 0x696D67636170  # “imgcap”: any number that no other program uses
# The calendar of other time zones does not begin or end with Python's.
_SETTINGS = (
    "SET TIME ZONE 'UTC';"
    f"SET statement_timeout = '{_STATEMENT_SECONDS}s';"
    f"SET lock_timeout = '{WAIT_SECONDS}s'"
)
_ANSWERS = {
    "53100": "there is no room left on the server's disk",
    "42501": "the server does not allow this program that",
    "25006": "the server takes nothing new",
    "57014": "the server took too long; try again",
    "55P03": "the table is in use by another program; try again",
}


class PostgresDatabase(Database):
    """A database on a server.

    Parameters
    ----------
    url : URL
        As libpq understands it.
    """

    insertion = insert(TABLE).on_conflict_do_nothing()
    substring = "strpos"

    def __init__(self, url: URL) -> None:
        self._host = url.host or "this computer"
        keepalive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2}
        limits = {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": WAIT_SECONDS * 1000}
        wanted = {"client_encoding": "utf8", "application_name": "imgcap", **limits, **keepalive}
        try:
            engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args={name: wanted[name] for name in wanted if name not in url.query},
                pool_pre_ping=True,
                pool_timeout=WAIT_SECONDS,
                hide_parameters=True,
            )
        except ImportError as error:
            raise FeedbackError(
                "PostgreSQL needs a library that is not installed: "
                "run “pip install 'imgcap[postgres]'”."
            ) from error
        event.listen(engine, "connect", _prepare)
        super().__init__(engine)

    def forget_deleted(self) -> None:
        """Do nothing: the server overwrites dead rows by itself."""

    def _find(self, *, make: bool) -> bool:  # noqa: ARG002  # a database is not ours to make
        return True

    def _begin(self) -> AbstractContextManager[Connection]:
        return self._engine.begin()

    @contextmanager
    def _begin_alone(self) -> Iterator[Connection]:
        with self._begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            yield connection

    def _answer(self, error: DBAPIError) -> str:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state in _ANSWERS:
            return _ANSWERS[state]
        _, refused, why = str(error.orig).partition("FATAL:")
        if refused:
            why = why.strip().partition("\n")[0].replace('"', "'")
            return f"the database server on “{self._host}” refuses: {why}"
        if error.connection_invalidated or not state:
            return f"the database server on “{self._host}” cannot be reached; try again"
        return f"the database server on “{self._host}” gives an error ({state})"


def _prepare(handle: Any, _: object) -> None:  # noqa: ANN401  # the adapter of a driver's object
    handle.autocommit = True
    handle.execute(_SETTINGS)
    handle.autocommit = False
