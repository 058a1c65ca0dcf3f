"""The answer that comes in parts: labels and captions of one picture, each when it is there."""

from collections.abc import Callable

from pydantic import TypeAdapter

from imgcap.inference.events import Role
from imgcap.inference.results import Captions, Classification
from imgcap.remote.client import Client
from imgcap.remote.errors import ServiceError
from imgcap.remote.reading import read
from imgcap.remote.wire import Part

_PART: TypeAdapter[Part] = TypeAdapter(Part)


class Parts:
    """Takes the lines of an answer to a `DescribeQuestion`.

    Parameters
    ----------
    on_classified : callable, optional
        Told of the labels when they come; once, however often the question is sent.
    """

    def __init__(self, on_classified: Callable[[Classification], None] | None) -> None:
        self._on_classified = on_classified
        self._classification: Classification | None = None
        self._captions: Captions | None = None

    @property
    def missing(self) -> tuple[Role, ...]:
        """Who has not answered yet."""
        parts: dict[Role, object] = {
            "classifier": self._classification,
            "captioner": self._captions,
        }
        return tuple(role for role, part in parts.items() if part is None)

    def take(self, line: bytes, client: Client) -> None:
        """Take a line; raises what an engine in this process would if the line is an error."""
        part = read(_PART, line, client.address)
        if part.error:
            raise client.failure(part.error)
        self._captions = self._captions or part.captions
        if part.classification and self._classification is None:
            self._classification = part.classification
            if self._on_classified:
                self._on_classified(part.classification)

    def both(self, address: str) -> tuple[Classification, Captions]:
        """Return both; raises `ServiceError` if one never came."""
        if self._classification is None or self._captions is None:
            raise ServiceError(
                f"The inference service at {address} answered only in part: try again."
            )
        return self._classification, self._captions
