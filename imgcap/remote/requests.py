"""Several requests at a time, as one call that can be cancelled and tells its progress."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter

from imgcap.inference.errors import CancelledError
from imgcap.inference.events import Cancel, Progress
from imgcap.remote.client import Client
from imgcap.remote.reading import read
from imgcap.settings import Settings

A = TypeVar("A")
T = TypeVar("T")

Request = Callable[[], tuple[str, dict[str, Any]]]
"""Makes a path and what is posted there, when it is sent: pictures are packed side by side."""

Take = Callable[[Client, threading.Event], T]
"""Sends a request and takes its answer; nobody wants it any more once the event is set."""

_AT_A_TIME: Final = 8
_ASKING_S: Final = 0.05


class Requests:
    """Posts requests to an inference service and reads its answers; any thread may use it.

    Parameters
    ----------
    settings : Settings
        As for `Client`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client = Client(settings)
        self._pool: ThreadPoolExecutor | None = None

    @property
    def address(self) -> str:
        """The service's address, as it may be shown."""
        return self._client.address

    def post(
        self,
        answer: TypeAdapter[A],
        requests: Sequence[Request],
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> list[A]:
        """Return the answers in the order of the requests.

        Raises
        ------
        CancelledError
            If `cancel` said so; it is asked all the while, and what is on its way is given up.
        EngineError
            The first failure, as in `Client.request`.
        """

        def sending(request: Request) -> Take[A]:
            def send(client: Client, stopped: threading.Event) -> A:
                path, content = request()
                body = client.request("POST", path, stopped, **content)
                return read(answer, body, client.address)

            return send

        return self.run([sending(request) for request in requests], cancel, progress)

    def run(
        self,
        takes: Sequence[Take[T]],
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> list[T]:
        """Return what each of them makes of its answer, in their order; threads of this class do.

        Raises
        ------
        CancelledError, EngineError
            As `post` does, and what they raise.
        """
        stopped = threading.Event()
        pool, client = self._open()
        futures = [pool.submit(take, client, stopped) for take in takes]
        pending: set[Future[T]] = set(futures)
        try:
            while pending:
                if cancel is not None and cancel():
                    raise CancelledError  # noqa: TRY301  # ends what is pending like any failure
                done, pending = wait(pending, _ASKING_S, FIRST_COMPLETED)
                for future in done:
                    future.result()
                if done and progress:
                    progress(len(futures) - len(pending), len(futures))
        except BaseException:
            stopped.set()
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]

    def close(self) -> None:
        """Drop threads and connections; a later request makes new ones."""
        with self._lock:
            if self._pool:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._client.close()
            self._pool = None

    def _open(self) -> tuple[ThreadPoolExecutor, Client]:
        with self._lock:
            if self._pool is None:
                self._client = Client(self._settings)
                self._pool = ThreadPoolExecutor(_AT_A_TIME, "imgcap-remote")
            return self._pool, self._client
