"""Real database servers that tests start, kill and start again, and fixtures for them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.ports import free_port

USER, PASSWORD = "imgcap", "a-Secret.42"  # of servers that live for a test
START_SECONDS = 30.0


class Server(ABC):
    """A database server on a port of its own, with its data in a temporary folder.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)

    @abstractmethod
    def url(self, database: str) -> str:
        """Return the address of a database, with the password if the server asks for one."""

    @abstractmethod
    def new_database(self) -> str:
        """Return the name of an empty database."""

    def start(self) -> None:
        """Start the server, on the port and data that it had before; return once it answers."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self._process = self._run(output.fileno())
        give_up = time.monotonic() + START_SECONDS
        while not (self._listens() and self._answers()):
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise RuntimeError(f"The server did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Stop the server without a chance to write anything down."""
        if self._process:
            self._die(self._process)
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    @abstractmethod
    def _run(self, output: int) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    @abstractmethod
    def _die(self, process: subprocess.Popen[bytes]) -> None: ...


class PostgreSQL(Server):
    """Debian's PostgreSQL, or whichever is on the PATH, asking for a password."""

    tuning: Mapping[str, str] = {
        "shared_buffers": "16MB",
        "fsync": "off",  # what is written outlives a killed process, and no power cut comes
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        programs = programs_of_postgresql()
        if programs is None:
            raise FileNotFoundError("PostgreSQL is not installed.")
        self._programs = programs
        self._data = folder / "data"
        # It refuses to run as root; Debian's package brings a user.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        subprocess.run(
            [
                programs / "initdb",
                *("--pgdata", self._data, "--username", USER, "--pwfile", secret),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"),
            ],
            user=self._user,
            cwd=folder,
            check=True,
            capture_output=True,
        )

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        import psycopg
        from psycopg.sql import SQL, Identifier

        if not self._listens():  # whatever has ended it, the next test has a server again
            self.start()
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("create database {}").format(Identifier(name)))
        return name

    def _run(self, output: int) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            **self.tuning,
        }
        command = [self._programs / "postgres", "-D", self._data]
        command += [f"--{name}={value}" for name, value in settings.items()]
        return subprocess.Popen(
            command, user=self._user, cwd=self.folder, stdout=output, stderr=output
        )

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _die(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGQUIT)  # its children die too, and nothing is written


class MongoDB(Server):
    """SecantusDB, which speaks MongoDB's wire protocol and asks for no password."""

    options: tuple[str, ...] = ()

    def url(self, database: str) -> str:
        # The driver looks for a server that is away for as long as it is told.
        return f"mongodb://127.0.0.1:{self.port}/{database}?serverSelectionTimeoutMS=700"

    def new_database(self) -> str:
        return f"test{next(self._numbers)}"

    def _run(self, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "secantus", "--sync-on-commit", "--log-level", "WARNING"),
                *("--port", str(self.port), "--storage-path", str(self.folder / "data")),
                *self.options,
            ],
            cwd=self.folder,
            stdout=output,
            stderr=output,
        )

    def _answers(self) -> bool:
        import pymongo
        from pymongo.errors import PyMongoError

        try:
            with pymongo.MongoClient[object](self.url("admin")) as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    def _die(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()


def programs_of_postgresql() -> Path | None:
    """Return the folder of PostgreSQL's programs, of the newest version that is installed."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("initdb")
    initdb = found[-1] if found else on_path and Path(on_path).resolve()
    return initdb.parent if initdb else None


@contextmanager
def running(kind: type[Server]) -> Iterator[Server]:
    """Give a server that runs until the block ends."""
    # Not pytest's own temporary folder: the user whom PostgreSQL runs as may not enter it.
    with tempfile.TemporaryDirectory(prefix="database-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = kind(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Give a running PostgreSQL server; skip where PostgreSQL is not installed."""
    if programs_of_postgresql() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    with running(PostgreSQL) as server:
        yield server


@pytest.fixture(scope="session")
def mongodb() -> Iterator[Server]:
    """Give a running server that speaks MongoDB's protocol."""
    with running(MongoDB) as server:
        yield server
