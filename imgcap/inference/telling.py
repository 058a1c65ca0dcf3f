"""Telling a caption while it is being written."""

import logging

from imgcap.inference.events import Words

logger = logging.getLogger(__name__)


class Telling:
    """Passes a caption's words on, each text once; a listener that fails is told no more.

    Parameters
    ----------
    listener : callable or None
        Who is told.
    """

    def __init__(self, listener: Words | None) -> None:
        self._listener = listener
        self._told = ""

    @property
    def is_heard(self) -> bool:
        """Whether somebody listens, so that the words are worth being made."""
        return self._listener is not None

    def so_far(self, text: str, *, ended: bool) -> None:
        """Tell a text that is being written, without its last word, which may still grow."""
        words = " ".join(text.split())
        if not ended:
            words = words.rpartition(" ")[0]
        if not self._told.startswith(words):
            self.tell(words)

    def tell(self, words: str) -> None:
        """Tell a text as it is, if it is news."""
        if self._listener is None or words == self._told:
            return
        self._told = words
        try:
            self._listener(words)
        except Exception:
            logger.exception("A listener of a caption's words failed.")
            self._listener = None
