"""The feedback store that the settings ask for."""

from imgcap.feedback.record import FeedbackError
from imgcap.feedback.store import Store
from imgcap.settings import Settings


def open_store(settings: Settings | None = None) -> Store:
    """Return the store that `Settings.feedback` names, at once; nothing is read or made yet.

    Parameters
    ----------
    settings : Settings, optional
        By default read from the environment. ``csv:PATH`` is a file, ``sqlite:///PATH`` a
        database file, ``postgresql://...`` and ``mongodb://...`` are servers; a relative path
        starts at the current directory, which for the dashboard is the folder of the notebook.

    Raises
    ------
    FeedbackError
        If there is no such store.
    """
    return open_store_at((settings or Settings()).feedback)


def open_store_at(where: str) -> Store:
    """Return the store at an address such as `Settings.feedback` holds; see `open_store`."""
    scheme, _, rest = where.partition(":")
    # Only the chosen store's libraries are loaded.
    match scheme:
        case "csv" if rest:
            from imgcap.feedback.csv import CsvStore  # noqa: PLC0415

            return CsvStore(rest)
        case "sqlite" | "postgresql":
            from imgcap.feedback.sql import SqlStore  # noqa: PLC0415

            return SqlStore(where)
        case "mongodb" | "mongodb+srv":
            from imgcap.feedback.mongo import MongoStore  # noqa: PLC0415

            return MongoStore(where)
    # Only the scheme is repeated: the rest of a database's address may hold a password.
    raise FeedbackError(
        f"There is no feedback store of the kind “{scheme[:30]}”; give IMGCAP_FEEDBACK "
        "csv:PATH, sqlite:///PATH, postgresql://HOST/NAME or mongodb://HOST/NAME."
    )
