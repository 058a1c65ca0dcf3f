"""HTTP requests to the inference service: repeated where that may help, and typed where not."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx
from pydantic import ValidationError

from imgcap.inference.errors import CancelledError, EngineError
from imgcap.remote.errors import (
    KINDS,
    ServiceAwayError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceTimeoutError,
)
from imgcap.remote.wire import Problem, Refusal
from imgcap.settings import Settings

Hear = Callable[[bytes], None]
"""Told each line of an answer."""

MAX_ANSWER_BYTES: Final = 64 * 2**20
_ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 8.0
_CONNECT: Final = 5.0
_NOBODY: Final = {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY}
"""Of a proxy that knows no service there yet, or none any more."""

_PASSING: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.GATEWAY_TIMEOUT,
}
"""Answers after which a second try may be luckier; every request may be repeated without harm."""


class Client:
    """Talks to one inference service; any thread may use it.

    Parameters
    ----------
    settings : Settings
        Its address, token and patience.
    """

    def __init__(self, settings: Settings) -> None:
        token = settings.engine_token.get_secret_value()
        self.address = _address(settings.engine)
        self._patience = settings.engine_timeout_s
        self._http = httpx.Client(
            base_url=self.address,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(self._patience, connect=min(_CONNECT, self._patience)),
            trust_env=False,  # the service is named by its address, not found through a proxy
        )

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        stopped: threading.Event | None = None,
        on_line: Hear | None = None,
        **content: Any,  # noqa: ANN401  # what httpx takes
    ) -> bytes:
        """Send a request and return the answer's body.

        A failure that may pass is met by further attempts, with pauses that double and vary; a
        service that is busy says itself how long to wait. Altogether no longer than the settings'
        time.

        Parameters
        ----------
        stopped : threading.Event, optional
            Set when nobody wants the answer any more: pauses end, and no line is told.
        on_line : callable, optional
            Told each line of the answer when it is there; from the first again if the answer
            breaks off and is asked for again. What it raises ends the request.

        Raises
        ------
        ServiceError
            If there is no answer.
        EngineError, LabelError, PictureError
            What an engine in this process would raise.
        CancelledError
            If `stopped` was set.
        """
        stopped = stopped or threading.Event()

        def hear(line: bytes) -> None:
            if on_line and not stopped.is_set():
                on_line(line)

        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            if stopped.is_set():
                raise CancelledError
            try:
                return self._once(method, path, deadline, hear, content)
            except _Passing as passing:
                attempt += 1
                pause = passing.pause or _FIRST_PAUSE * 2 ** (attempt - 1)
                pause = min(pause, _LONGEST_PAUSE) * random.uniform(0.75, 1.25)  # noqa: S311
                tired = attempt >= _ATTEMPTS and not isinstance(passing.error, ServiceBusyError)
                if tired or time.monotonic() + pause > deadline:
                    raise passing.error from passing
            stopped.wait(pause)

    def _once(
        self, method: str, path: str, deadline: float, hear: Hear, content: Mapping[str, Any]
    ) -> bytes:
        left = max(0.1, deadline - time.monotonic())
        timeout = httpx.Timeout(left, connect=min(_CONNECT, left))
        try:
            with self._http.stream(method, path, timeout=timeout, **content) as response:
                body = self._read(response, hear)
        except httpx.ConnectError as error:
            raise _Passing(self._away()) from error
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise _Passing(self._away()) from error
            raise ServiceTimeoutError(
                f"The inference service at {self.address} did not answer within "
                f"{self._patience:g} seconds: try again."
            ) from error
        except httpx.HTTPError as error:  # such as a connection that broke in the middle
            raise _Passing(self._away()) from error
        if response.status_code == HTTPStatus.OK:
            return body
        raise self._refusal(response, body)

    def _read(self, response: httpx.Response, hear: Hear) -> bytes:
        body, heard = bytearray(), 0
        for piece in response.iter_bytes():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise ServiceError(f"The inference service at {self.address} answers too much.")
            while response.is_success and (end := body.find(b"\n", heard)) >= 0:
                hear(bytes(body[heard:end]))
                heard = end + 1
        return bytes(body)

    def failure(self, problem: Problem) -> Exception:
        """Return what a problem is in Python."""
        if problem.kind in KINDS:
            return KINDS[problem.kind](problem.message)
        return self._failed()

    def _failed(self) -> ServiceError:
        return ServiceError(f"The inference service at {self.address} failed: try again.")

    def _away(self) -> ServiceAwayError:
        return ServiceAwayError(
            f"The inference service at {self.address} cannot be reached: "
            "try again in a moment, or tell who runs it."
        )

    def _refusal(self, response: httpx.Response, body: bytes) -> Exception:
        status = response.status_code
        problem = _problem(body)
        if problem and problem.kind in KINDS:
            return self.failure(problem)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return ServiceRefusedError(
                f"The inference service at {self.address} wants another token: "
                "set IMGCAP_ENGINE_TOKEN to the one that it was started with."
            )
        if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
            busy = ServiceBusyError(
                f"The inference service at {self.address} is busy: try again in a moment."
            )
            return _Passing(busy, _seconds(response.headers.get("Retry-After", "")))
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return EngineError(
                "The picture is larger than the inference service accepts: make it smaller."
            )
        if problem is None and status in _NOBODY:
            return _Passing(self._away())
        failed = self._failed()
        # With words of its own, the service has failed at this very question, and would again.
        return _Passing(failed) if status in _PASSING and problem is None else failed


class _Passing(Exception):  # noqa: N818  # no error yet
    """A failure after which another attempt may help; `error` is raised where none does."""

    def __init__(self, error: ServiceError, pause: float = 0) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause


def _address(url: str) -> str:
    """Return a service's address as it may be shown: no user, no password, no query."""
    try:
        parsed = httpx.URL(url)
        usable = parsed.scheme in {"http", "https"} and bool(parsed.host)
    except httpx.InvalidURL:
        usable = False
    if not usable or parsed.userinfo or parsed.query:
        raise EngineError(
            "IMGCAP_ENGINE must be local or an address such as http://localhost:8900; "
            "a token goes into IMGCAP_ENGINE_TOKEN."
        )
    return str(parsed).rstrip("/")


def _problem(body: bytes) -> Problem | None:
    try:
        return Refusal.model_validate_json(body).error
    except ValidationError:
        return None


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 0
