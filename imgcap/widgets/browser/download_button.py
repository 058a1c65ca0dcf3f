"""A button that asks Python for a file when it is pressed, and saves it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from traitlets import Bool, Unicode, default

from imgcap.widgets.browser.base import CHUNK_BYTES, FOLDER, BrowserWidget, ErrorCallback


@dataclass(frozen=True)
class _Outgoing:
    """A file that a page is fetching."""

    key: str
    data: bytes


class DownloadButton(BrowserWidget):
    """Makes a file on request and hands it to the browser in pieces.

    The page fetches the pieces at its own pace; a file of any length gets through.

    Parameters
    ----------
    label
        Text of the button.
    file_name
        Name that the browser proposes; read after `make`, which may set it.
    mime
        Type of the content, such as `text/csv`.
    make
        Returns the content. It runs when the button is pressed.
    begin
        Calls what it is given, which calls `make`; by default at once, in the kernel's thread.
    expected, on_error
        As in `BrowserWidget`, for exceptions of `make`.
    **traits
        Traits of the widget: `name`, `disabled`, `layout` ...
    """

    _esm = FOLDER / "download_button.js"

    label = Unicode(help="Text of the button").tag(sync=True)
    name = Unicode(
        help="What is read aloud and shown at the mouse; by default the label, as a download"
    ).tag(sync=True)
    file_name = Unicode(help="Name that the browser proposes")
    mime = Unicode(help="Type of the content")
    disabled = Bool(help="Whether there is nothing to download").tag(sync=True)

    def __init__(  # noqa: PLR0913  # each is one property of a download
        self,
        *,
        label: str,
        file_name: str,
        mime: str,
        make: Callable[[], bytes],
        begin: Callable[[Callable[[], None]], object] = lambda work: work(),
        expected: tuple[type[Exception], ...] = (),
        on_error: ErrorCallback | None = None,
        **traits: object,
    ) -> None:
        self._make = make
        self._begin = begin
        self._outgoing: _Outgoing | None = None
        super().__init__(
            expected=expected,
            on_error=on_error,
            label=label,
            file_name=file_name,
            mime=mime,
            **traits,
        )

    @default("name")
    def _name_of_label(self) -> str:
        said = "download" in self.label.lower()
        return self.label if said else f"Download {self.label}"

    def close(self) -> None:
        """Leave the page, and forget the content."""
        self._outgoing = None
        super().close()

    def _on_message(self, content: object, buffers: Sequence[object]) -> None:
        del buffers
        match content:
            case {"type": "make", "id": str(key)}:
                self._begin(lambda: self._prepare(key))
            case {"type": "read", "id": str(key), "offset": int(offset)}:
                self._read(key, offset)
            case {"type": "stop", "id": str(key)}:
                if self._outgoing is not None and self._outgoing.key == key:
                    self._forget()

    def _prepare(self, key: str) -> None:
        if self.disabled:
            self._fail(key, "There is nothing to download.")
            return
        data, sentence = self._attempt(
            lambda: bytes(self._make()),
            f"“{self.file_name}” could not be made because of an unexpected error.",
        )
        if data is None:
            self._fail(key, sentence)
            return
        self._outgoing = _Outgoing(key, data)
        self._watch(self._forget)
        self.send(
            {
                "type": "ready",
                "id": key,
                "size": len(data),
                "chunk": CHUNK_BYTES,
                "name": self.file_name,
                "mime": self.mime,
            }
        )

    def _read(self, key: str, offset: int) -> None:
        outgoing = self._outgoing
        if outgoing is None or outgoing.key != key or not 0 <= offset < len(outgoing.data):
            self._fail(key, "The download was broken off; please try again.")
            return
        self._watch(self._forget)
        piece = memoryview(outgoing.data)[offset : offset + CHUNK_BYTES]
        self.send({"type": "chunk", "id": key, "offset": offset}, [piece])

    def _fail(self, key: str, sentence: str) -> None:
        self.send({"type": "failed", "id": key, "sentence": sentence})

    def _forget(self) -> None:
        self._outgoing = None
        self._unwatch()
