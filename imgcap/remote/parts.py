"""The answer that comes in parts: labels and captions of one picture, each when it is there."""

from collections.abc import Callable, Iterable
from threading import Event

from pydantic import TypeAdapter

from imgcap.inference.errors import ModelError
from imgcap.inference.events import Role
from imgcap.inference.results import Captions, Classification
from imgcap.remote.client import Client
from imgcap.remote.errors import ServiceError
from imgcap.remote.reading import read
from imgcap.remote.requests import Request
from imgcap.remote.wire import Part

_PART: TypeAdapter[Part] = TypeAdapter(Part)


class Parts:
    """Sends a request with a `DescribeQuestion` when it is called, and takes the answer's lines.

    Parameters
    ----------
    request : callable
        Makes what is sent.
    on_classified : callable, optional
        Told of the labels when they come; once, however often the question is sent.
    on_failed : callable
        Told who did not answer, and why.
    """

    def __init__(
        self,
        request: Request,
        on_classified: Callable[[Classification], None] | None,
        on_failed: Callable[[Iterable[Role], Exception], None],
    ) -> None:
        self._request = request
        self._on_classified = on_classified
        self._on_failed = on_failed
        self._classification: Classification | None = None
        self._captions: Captions | None = None

    def __call__(self, client: Client, stopped: Event) -> tuple[Classification, Captions]:
        """Return both; raises what an engine in this process would, or that one never came."""
        path, content = self._request()
        try:
            client.request("POST", path, stopped, lambda line: self._take(line, client), **content)
            return self._both(client)
        except (ServiceError, ModelError) as error:
            self._on_failed(self._missing, error)
            raise

    def _both(self, client: Client) -> tuple[Classification, Captions]:
        if self._classification is None or self._captions is None:
            raise ServiceError(
                f"The inference service at {client.address} answered only in part: try again."
            )
        return self._classification, self._captions

    @property
    def _missing(self) -> tuple[Role, ...]:
        parts: dict[Role, object] = {
            "classifier": self._classification,
            "captioner": self._captions,
        }
        return tuple(role for role, part in parts.items() if part is None)

    def _take(self, line: bytes, client: Client) -> None:
        part = read(_PART, line, client.address)
        if part.error:
            raise client.failure(part.error)
        self._captions = self._captions or part.captions
        if part.classification and self._classification is None:
            self._classification = part.classification
            if self._on_classified:
                self._on_classified(part.classification)
