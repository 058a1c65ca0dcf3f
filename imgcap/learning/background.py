"""Learning from feedback while a page goes on: the process that does it, as the page sees it."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from imgcap.inference.errors import CancelledError, EngineError
from imgcap.settings import Settings

logger = logging.getLogger(__name__)

Method = Literal["probe", "cache", "lora", "captions"]
"""Ways to learn: labels by a probe, a cache or the picture tower, or captions."""

ENDED: Final = "Learning ended before it was done; nothing was kept."
_SECONDS_TO_CLEAN_UP: Final = 10
_NOT_TOLD: Final = {"engine_token", "log"}
"""Settings that learning has no use for."""


class Order(BaseModel):
    """What is to be learned.

    Attributes
    ----------
    settings
        Those of `imgcap.settings.Settings` that are not to be as the environment has them.
    method
        In which way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: dict[str, Any]
    method: Method = "probe"


@dataclass(frozen=True)
class Learned:
    """An adapter that was made: its id, whether it may be adopted, and why, for a person."""

    adapter: str
    passed: bool
    verdict: str


class Learning:
    """One process that learns; it begins at once.

    Parameters
    ----------
    settings : Settings
        Whose feedback teaches which checkpoint.
    method : {"probe", "cache", "lora", "captions"}
        In which way.
    """

    def __init__(self, settings: Settings, method: Method) -> None:
        self._cancelled = threading.Event()
        told = settings.model_dump(mode="json", exclude=_NOT_TOLD)
        order = Order(settings=told, method=method)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "imgcap.learning.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        if self._process.stdin:  # which stays open for as long as somebody waits
            self._process.stdin.write(order.model_dump_json() + "\n")
            self._process.stdin.flush()

    def wait(self, progress: Callable[[str, int, int], object]) -> Learned:
        """Return what was made.

        Parameters
        ----------
        progress : callable
            Told the stage, and how much of it is done, of how much; of 0 where that is unknown.

        Raises
        ------
        CancelledError
            After `cancel`.
        EngineError
            If nothing was made; the text says why.
        """
        last: dict[str, Any] = {}
        try:
            for event in self._events():
                last = event
                if "stage" in event:
                    progress(event["stage"], event["done"], event["total"])
        finally:
            self._end()
        if "adapter" in last:  # also if it was cancelled a moment too late
            return Learned(last["adapter"], last["passed"], last["verdict"])
        if self._cancelled.is_set():
            raise CancelledError
        if "details" in last:
            logger.error("Learning failed.\n%s", last["details"])
        raise EngineError(last.get("error", ENDED))

    def cancel(self) -> None:
        """Break it off; nothing of it stays."""
        self._cancelled.set()
        self._process.terminate()

    def _events(self) -> Iterator[dict[str, Any]]:
        for line in self._process.stdout or ():
            with suppress(ValueError):  # half a line, of a process that was killed
                yield json.loads(line)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_CLEAN_UP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
