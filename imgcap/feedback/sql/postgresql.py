"""A PostgreSQL server: how it is reached, how long it is waited for, and what it says in words."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

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
# A connection that fails has no such code, only words.
_REFUSALS: Final = {
    r'password authentication failed for user "(?P<name>[^"]*)"': (
        "refuses the password of the user “{name}”, or knows no such user"
    ),
    r'role "(?P<name>[^"]*)" does not exist': "knows no user “{name}”",
    r'permission denied for database "(?P<name>[^"]*)"': (
        "does not let this user into the database “{name}”"
    ),
    r'database "(?P<name>[^"]*)" does not exist': "has no database “{name}”",
    r'no pg_hba\.conf entry .*?user "(?P<name>[^"]*)"': (
        "does not let the user “{name}” in from this computer"
    ),
    "certificate verify failed": "shows a certificate that this computer does not trust",
    "does not support SSL": "does not encrypt as the address asks for",
    r"^(connection is bad: )?invalid ": "has an address with an option that is wrong",
}
_LONGEST_NAME: Final = 60


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
        said = str(error.orig)
        server = f"the database server on “{self._host}”"
        if getattr(getattr(error.orig, "pgconn", None), "needs_password", False):
            return f"{server} asks for a password, and the address has none"
        for pattern, meaning in _REFUSALS.items():
            if not state and (found := re.search(pattern, said)):
                names = {key: name[:_LONGEST_NAME] for key, name in found.groupdict().items()}
                return f"{server} {meaning.format_map(names)}"
        _, refused, why = said.partition("FATAL:")
        if refused:
            why = why.strip().partition("\n")[0].replace('"', "'")
            return f"{server} refuses: {why}"
        if error.connection_invalidated or not state:
            return f"{server} cannot be reached; try again"
        return f"{server} gives an error ({state})"


def _prepare(handle: Any, _: object) -> None:  # noqa: ANN401  # the adapter of a driver's object
    handle.autocommit = True
    handle.execute(_SETTINGS)
    handle.autocommit = False
