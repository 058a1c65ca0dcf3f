"""What our own widgets share: nothing that a browser says is trusted, no callback fails unseen."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final, TypeVar

import anywidget
from traitlets import Float, TraitError

T = TypeVar("T")
ErrorCallback = Callable[[Exception], object]

FOLDER: Final = Path(__file__).parent
CHUNK_BYTES: Final = 2**20
"""Bytes in one message: far below the 10 MiB at which a websocket closes."""

_log = logging.getLogger(__name__)


class BrowserWidget(anywidget.AnyWidget):
    """A widget that survives any message, and ends every failure of the app as one sentence.

    Parameters
    ----------
    expected
        Classes of exceptions whose message is a sentence for the person; it is shown as it is.
    on_error
        Gets every other exception that a callback of the app raises; by default it is logged.
    **traits
        Traits of the widget, such as `layout`.
    """

    _css = (FOLDER / "browser.css").read_text("utf-8")
    _set_by_browser: ClassVar[frozenset[str]] = frozenset()

    patience = Float(120, help="Seconds of silence after which a half transfer is given up")

    def __init__(
        self,
        *,
        expected: tuple[type[Exception], ...] = (),
        on_error: ErrorCallback | None = None,
        **traits: object,
    ) -> None:
        self._expected = expected
        self._on_error = on_error
        self._timer: asyncio.TimerHandle | None = None
        super().__init__(**traits)
        self.on_msg(self._receive)

    def __init_subclass__(cls, **options: object) -> None:
        """Read the class's module, so that closed widgets are forgotten.

        For a path, anywidget holds every widget of the class for ever, to reload it.
        """
        if isinstance(module := cls.__dict__.get("_esm"), Path):
            cls._esm = module.read_text("utf-8")
        super().__init_subclass__(**options)

    def set_state(self, sync_data: dict[str, object]) -> None:
        """Take state from a browser: only the traits that are its own to set, and valid values."""
        own = {name: value for name, value in sync_data.items() if name in self._set_by_browser}
        try:
            super().set_state(own)
        except TraitError as error:
            _log.warning("A browser sent a wrong value: %s", error)

    def close(self) -> None:
        """Leave the page, and forget half transfers."""
        self._unwatch()
        super().close()

    def _on_message(self, content: object, buffers: Sequence[object]) -> None:
        """Answer a message; the default is for widgets that expect none."""

    def _receive(self, _: object, content: object, buffers: Sequence[object] | None) -> None:
        try:
            self._on_message(content, buffers or ())
        except Exception:  # noqa: BLE001  # whatever it was, the kernel goes on
            _log.exception("A message from a browser was not understood")

    def _attempt(self, call: Callable[[], T], otherwise: str) -> tuple[T | None, str]:
        """Run a callback of the app: what it returns, and the sentence to show if it failed."""
        try:
            return call(), ""
        except self._expected as error:
            return None, str(error)
        except Exception as error:  # noqa: BLE001  # the app decides, by `on_error`
            self._report(error)
            return None, otherwise

    def _report(self, error: Exception) -> None:
        if self._on_error is None:
            _log.error("A callback failed", exc_info=error)
        else:
            self._on_error(error)

    def _watch(self, expire: Callable[[], object]) -> None:
        """Call `expire` unless `_watch` or `_unwatch` is called before patience ends."""
        self._unwatch()
        with suppress(RuntimeError):  # outside a kernel there is no loop, and nobody who waits
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.patience, expire)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
