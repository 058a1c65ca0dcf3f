"""What a MongoDB database says when it does not do what was asked, in words."""

from collections.abc import Mapping
from typing import Any, Final

from pymongo import errors

DUPLICATE: Final = 11000
_TOO_LARGE: Final = "takes at most 16 MB a record, and this one is larger"
_AWAY: Final = "cannot be reached or does not answer in time; try again"
_STRANGER: Final = (
    "refuses the user or the password, or keeps its users elsewhere and needs “authSource=NAME” "
    "in the address"
)
_CODES: Final = {
    18: _STRANGER,
    8000: _STRANGER,  # how MongoDB's own hosting says it
    64: _AWAY,  # the majority of the servers does not answer the one that does
    10334: _TOO_LARGE,
}
_UNAUTHORIZED: Final = 13
_KINDS: Final = {
    errors.DocumentTooLarge: _TOO_LARGE,
    errors.ConnectionFailure: _AWAY,
    errors.ConfigurationError: "has an address that cannot be used, or whose server is not found",
    errors.InvalidName: "has an address with a name that cannot be used",
    errors.InvalidOperation: "was left meanwhile; try again",
}


def userinfo(url: str) -> str:
    """Return the user and the password of an address as they stand there, empty without any."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[0]


def reason_of(error: Exception, *, known: bool) -> str:
    """Return what the database did, without an address or password.

    Parameters
    ----------
    error : Exception
        Of the driver.
    known : bool
        Whether the address names a user.
    """
    problem = _problem(error)
    code = problem.get("code")
    if code == _UNAUTHORIZED:
        if known:
            return "does not allow this user that"
        return "asks for a user and a password, and the address has none"
    if isinstance(code, int) and code in _CODES:
        return _CODES[code]
    kinds = (answer for kind, answer in _KINDS.items() if isinstance(error, kind))
    return next(kinds, f"gives an error ({problem.get('codeName') or type(error).__name__})")


def _problem(error: Exception) -> Mapping[str, Any]:
    """Return the first thing that the server found fault with."""
    details = (isinstance(error, errors.OperationFailure) and error.details) or {}
    listed = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    return next((each for each in listed if each["code"] != DUPLICATE), details)
