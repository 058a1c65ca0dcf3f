"""The page's feedback store: opened when it is first used, and tried again while it cannot be."""

import threading
from typing import Any

from imgcap.feedback import Store, open_store
from imgcap.settings import Settings


class LateStore:
    """Stands for the store that the settings name, with every method of it.

    So a page lives with a store that cannot be opened: whoever uses it is told why, each time.

    Parameters
    ----------
    settings : Settings
        Whose `feedback` is opened.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._store: Store | None = None

    def open(self) -> Store:
        """Return the store itself.

        Raises
        ------
        FeedbackError
            If it cannot be opened now.
        """
        with self._lock:
            if self._store is None:
                self._store = open_store(self._settings)
            return self._store

    def close(self) -> None:
        """Close the store, if it was ever opened."""
        if self._store is not None:
            self._store.close()

    def __getattr__(self, name: str) -> Any:
        """Return what the store itself has under this name, opening it first if need be."""
        return getattr(self.open(), name)
