"""What can go wrong between a page and the inference service, and the names errors travel by."""

from typing import Final

from imgcap.images import PictureError
from imgcap.inference.errors import EngineError, ModelError
from imgcap.labels import LabelError


class ServiceError(EngineError):
    """The inference service failed, or answered what cannot be understood."""


class ServiceAwayError(ServiceError):
    """Nobody answers at the service's address."""


class ServiceBusyError(ServiceError):
    """The service has as many requests as it takes, and went on having them."""


class ServiceTimeoutError(ServiceError):
    """There was no answer within the time that the settings give."""


class ServiceRefusedError(ServiceError):
    """The service wants another token."""


KINDS: Final[dict[str, type[Exception]]] = {
    "picture": PictureError,
    "labels": LabelError,
    "model": ModelError,
    "engine": EngineError,
}
"""What is wrong with a request, most special first: as it is called in JSON, and in Python."""


def kind_of(error: Exception) -> str | None:
    """Return by which name an error travels; None for one that is nobody's business."""
    return next((kind for kind, known in KINDS.items() if isinstance(error, known)), None)
