"""The words of the caption that is being written, a few times a second."""

import time
from collections.abc import Callable

from imgcap.widgets.outcomes import Job

PAUSE_S = 0.1
"""Seconds between two texts: each is a message to the page."""


class Written:
    """What there is of one caption; nothing of an earlier one.

    Parameters
    ----------
    clock : callable
        Tells the seconds since any moment.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._job: Job | None = None
        self._words = ""
        self._shown = clock() - PAUSE_S

    def take(self, job: Job, words: str) -> bool:
        """Note the words there are, and say whether it is time to show them."""
        self._job, self._words = job, words
        now = self._clock()
        if now - self._shown < PAUSE_S:
            return False
        self._shown = now
        return True

    def of(self, job: Job) -> str:
        """Return the words of a job's caption, if they are those that are known."""
        return self._words if job == self._job else ""

    def forget(self) -> None:
        """Begin anew: what is written next may be the same caption again."""
        self._job, self._words = None, ""
