"""What a request meets first, before its body is read: token, size and how many are inside."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers

from imgcap.remote.wire import MAX_QUESTION_BYTES, Problem, Refusal
from imgcap.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN: Final = frozenset({"/health", "/ready"})
"""Asked by those who keep the service running; they answer without a token, however busy it is."""

_RETRY_AFTER_S: Final = 1


class Gate:
    """An ASGI application in front of another that refuses what must not get in.

    Parameters
    ----------
    app : ASGI application
        Who answers what gets in.
    settings : Settings
        The token, the largest upload, and the most requests at a time.
    """

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._token = settings.engine_token.get_secret_value()
        self._most_bytes = settings.max_upload_mb * 2**20 + MAX_QUESTION_BYTES
        self._most_requests = settings.serve_queue
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or let it in and count it until it is answered."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1

    def _refusal(self, method: str, headers: Headers) -> JSONResponse | None:
        given = headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if self._token and not secrets.compare_digest(given.encode(), self._token.encode()):
            said = {"WWW-Authenticate": "Bearer"}
            return refuse(HTTPStatus.UNAUTHORIZED, "token", "This service wants a token.", said)
        if method == "POST":
            length = headers.get("Content-Length", "")
            if not length.isdecimal():
                sentence = "The request must say its length."
                return refuse(HTTPStatus.LENGTH_REQUIRED, "size", sentence)
            if int(length) > self._most_bytes:
                sentence = f"At most {self._most_bytes / 2**20:,.0f} MB are accepted."
                return refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "size", sentence)
        if self._inside >= self._most_requests:
            said = {"Retry-After": str(_RETRY_AFTER_S)}
            sentence = "The service is busy: try again in a moment."
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, "busy", sentence, said)
        return None


def refuse(
    status: HTTPStatus, kind: str, sentence: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return an answer that is none."""
    body = Refusal(error=Problem(kind=kind, message=sentence)).model_dump()
    return JSONResponse(body, status, headers)
