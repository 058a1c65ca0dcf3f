"""Upload by button, drop or paste, in pieces, so that no limit of a websocket can lose a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from traitlets import Int, Tuple, Unicode

from imgcap.images import PictureError, check_size, clean_name
from imgcap.widgets.browser.base import FOLDER, BrowserWidget, ErrorCallback

FileCallback = Callable[[bytes, str], object]
RefusedCallback = Callable[[str], object]


@dataclass(frozen=True)
class _Incoming:
    """A file on its way."""

    key: str
    name: str
    size: int
    buffer: BytesIO = field(default_factory=BytesIO)

    def fits(self, offset: int, piece: object) -> bool:
        """Say whether these are bytes, the next ones, and not more than were announced."""
        if not isinstance(piece, bytes | bytearray | memoryview):
            return False
        received = self.buffer.tell()
        return offset == received and 0 < memoryview(piece).nbytes <= self.size - received


class DropZone(BrowserWidget):
    """A place to bring files: a button, drag and drop onto the page, the clipboard.

    The browser offers a file by name and size; only after a yes is it read and sent, in order, one
    file at a time. Python holds at most one half file, never longer than `max_bytes`.

    Parameters
    ----------
    max_bytes
        Largest accepted file, in bytes.
    on_file
        Called with the bytes and the cleaned name of each file that arrived whole.
    accept
        What the file chooser proposes, such as `(".png", "image/jpeg")`. Not enforced: what a file
        holds is for `on_file` to find out.
    on_refused
        Called with the sentence that the page shows, whenever a file is refused or lost.
    expected, on_error
        As in `BrowserWidget`: an exception of `on_file` refuses the file.
    **traits
        Traits of the widget: `label`, `hint`, `max_files`, `layout` ...
    """

    _esm = FOLDER / "drop_zone.js"

    max_bytes = Int(min=1, help="Largest accepted file, in bytes")
    accept = Tuple(help="Extensions and types that the chooser proposes").tag(sync=True)
    label = Unicode("Upload pictures", help="Text of the button").tag(sync=True)
    hint = Unicode(help="What is accepted, in a few words").tag(sync=True)
    max_files = Int(500, min=1, help="Files that may wait in the page at once").tag(sync=True)

    def __init__(  # noqa: PLR0913  # each is one property of an upload
        self,
        *,
        max_bytes: int,
        on_file: FileCallback,
        accept: Sequence[str] = (),
        on_refused: RefusedCallback | None = None,
        expected: tuple[type[Exception], ...] = (),
        on_error: ErrorCallback | None = None,
        **traits: object,
    ) -> None:
        self._on_file = on_file
        self._on_refused = on_refused
        self._incoming: _Incoming | None = None
        super().__init__(
            expected=expected,
            on_error=on_error,
            max_bytes=max_bytes,
            accept=tuple(accept),
            **traits,
        )

    def close(self) -> None:
        """Leave the page, and forget a half file."""
        self._incoming = None
        super().close()

    def _on_message(self, content: object, buffers: Sequence[object]) -> None:
        match content:
            case {"type": "offer", "id": str(key), "name": str(name), "size": int(size)}:
                self._consider(key, name, size)
            case {"type": "chunk", "id": str(key), "offset": int(offset)}:
                self._append(key, offset, buffers)
            case {"type": "stop", "id": str(key), "reason": str(reason)}:
                self._stop(key, reason)
            case {"type": "surplus", "id": str(key), "count": int(count)}:
                left_out = "1 file was" if count == 1 else f"{count:,} files were"
                self._refuse(
                    key, f"At most {self.max_files:,} files can wait at once; {left_out} left out."
                )

    def _consider(self, key: str, name: str, size: int) -> None:
        name = clean_name(name)
        try:
            check_size(size, name, self.max_bytes)
        except PictureError as error:
            self._refuse(key, str(error))
            return
        if self._incoming is not None and self._incoming.key != key:
            self.send({"type": "wait", "id": key})  # another page is sending; this one asks again
            return
        self._incoming = _Incoming(key, name, size)
        self._watch(self._lose)
        self.send({"type": "go", "id": key})

    def _append(self, key: str, offset: int, buffers: Sequence[object]) -> None:
        incoming = self._incoming
        if incoming is None or incoming.key != key:
            sentence = "The upload was broken off; please try again."
            self.send({"type": "refused", "id": key, "sentence": sentence})
            return
        if len(buffers) != 1 or not incoming.fits(offset, buffers[0]):
            self._lose()
            return
        incoming.buffer.write(buffers[0])  # type: ignore[arg-type]  # `fits` has looked
        received = incoming.buffer.tell()
        if received < incoming.size:
            self._watch(self._lose)
            self.send({"type": "got", "id": key, "received": received})
        else:
            self._finish(incoming)

    def _finish(self, incoming: _Incoming) -> None:
        self._forget()
        _, sentence = self._attempt(
            lambda: self._on_file(incoming.buffer.getvalue(), incoming.name),
            f"“{incoming.name}” could not be used because of an unexpected error.",
        )
        if sentence:
            self._refuse(incoming.key, sentence)
        else:
            self.send({"type": "done", "id": incoming.key})

    def _stop(self, key: str, reason: str) -> None:
        incoming = self._incoming
        if incoming is None or incoming.key != key:
            return
        if reason == "cancelled":
            self._forget()
        elif reason == "unreadable":
            self._forget()
            self._refuse(
                key,
                f"“{incoming.name}” could not be read: it changed, went away, or is a folder.",
            )
        else:
            self._lose()

    def _lose(self) -> None:
        """Give up the half file that is here, and say so."""
        if self._incoming is not None:
            key, name = self._incoming.key, self._incoming.name
            self._forget()
            self._refuse(key, f"“{name}” did not arrive whole and was left out.")

    def _forget(self) -> None:
        self._incoming = None
        self._unwatch()

    def _refuse(self, key: str, sentence: str) -> None:
        self.send({"type": "refused", "id": key, "sentence": sentence})
        if self._on_refused is not None:
            self._attempt(lambda: self._on_refused and self._on_refused(sentence), "")
