"""The engine of another process or machine: the same protocol over HTTP, and no model here."""

from imgcap.remote.engine import RemoteEngine
from imgcap.remote.errors import (
    ServiceAwayError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceTimeoutError,
)

__all__ = [
    "RemoteEngine",
    "ServiceAwayError",
    "ServiceBusyError",
    "ServiceError",
    "ServiceRefusedError",
    "ServiceTimeoutError",
]
