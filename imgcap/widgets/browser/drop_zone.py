"""Upload by button, drop or paste, in pieces, so that no limit of a websocket can lose a file."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal

from traitlets import Int, Tuple, Unicode

from imgcap.images import PictureError, check_size, clean_name
from imgcap.widgets.browser.base import FOLDER, BrowserWidget, ErrorCallback


@dataclass(frozen=True)
class Upload:
    """A file that arrived whole.

    Parameters
    ----------
    name
        Its cleaned name.
    data
        Its bytes.
    is_first
        Whether nothing that the person brought together with it has been taken before.
    """

    name: str
    data: bytes = field(repr=False)
    is_first: bool


Taken = Literal["new", "known"]
"""What became of a file: it is new, or the app had it already."""

UploadCallback = Callable[[Upload], "Taken | Future[Taken] | None"]


@dataclass(frozen=True)
class _Incoming:
    """A file on its way."""

    key: str
    name: str
    size: int
    is_first: bool
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
    file at a time. Python holds at most one half file, never longer than `max_bytes`. The page
    counts a file as uploaded once the app has taken it, and shows how far each batch is: the files
    that a person brought together.

    Parameters
    ----------
    max_bytes
        Largest accepted file, in bytes.
    on_file
        Called with the `Upload` of each file that arrived whole. If it returns a
        `concurrent.futures.Future`, the page waits for that before it sends the next file. A file
        that it, or the future, says is ``"known"`` is not counted as uploaded.
    accept
        What the file chooser proposes, such as `(".png", "image/jpeg")`. Not enforced: what a file
        holds is for `on_file` to find out.
    expected, on_error
        As in `BrowserWidget`: an exception of `on_file` or of its future refuses the file.
    **traits
        Traits of the widget: `label`, `hint`, `max_files`, `layout` ...
    """

    # Sent as a text, a module cannot import another one by its path.
    _esm = "\n".join((FOLDER / name).read_text("utf-8") for name in ("batch.js", "drop_zone.js"))

    max_bytes = Int(min=1, help="Largest accepted file, in bytes")
    accept = Tuple(help="Extensions and types that the chooser proposes").tag(sync=True)
    label = Unicode("Upload pictures", help="Text of the button").tag(sync=True)
    hint = Unicode(help="What is accepted, in a few words").tag(sync=True)
    max_files = Int(500, min=1, help="Files that may wait in the page at once").tag(sync=True)

    def __init__(
        self,
        *,
        max_bytes: int,
        on_file: UploadCallback,
        accept: Sequence[str] = (),
        expected: tuple[type[Exception], ...] = (),
        on_error: ErrorCallback | None = None,
        **traits: object,
    ) -> None:
        self._on_file = on_file
        self._incoming: _Incoming | None = None
        self._undecided: set[str] = set()
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
            case {
                "type": "offer",
                "id": str(key),
                "name": str(name),
                "size": int(size),
                "first": bool(is_first),
            }:
                self._consider(_Incoming(key, clean_name(name), size, is_first))
            case {"type": "chunk", "id": str(key), "offset": int(offset)}:
                self._append(key, offset, buffers)
            case {"type": "stop", "id": str(key), "reason": str(reason)}:
                self._stop(key, reason)

    def _consider(self, offered: _Incoming) -> None:
        try:
            check_size(offered.size, offered.name, self.max_bytes)
        except PictureError as error:
            self._refuse(offered.key, str(error))
            return
        if self._incoming is not None and self._incoming.key != offered.key:
            # Another page is sending; this one asks again.
            self.send({"type": "wait", "id": offered.key})
            return
        self._incoming = offered
        self._watch(self._lose)
        self.send({"type": "go", "id": offered.key})

    def _append(self, key: str, offset: int, buffers: Sequence[object]) -> None:
        incoming = self._incoming
        if incoming is None or incoming.key != key:
            self._refuse(key, "The upload was broken off; please try again.")
            return
        if len(buffers) != 1 or not incoming.fits(offset, buffers[0]):
            self._lose()
            return
        incoming.buffer.write(buffers[0])  # type: ignore[arg-type]  # `fits` has looked
        received = incoming.buffer.tell()
        self.send({"type": "got", "id": key, "received": received})
        if received < incoming.size:
            self._watch(self._lose)
        else:
            self._hand_over(incoming)

    def _hand_over(self, incoming: _Incoming) -> None:
        self._forget()
        self._undecided.add(incoming.key)
        upload = Upload(incoming.name, incoming.buffer.getvalue(), incoming.is_first)
        otherwise = f"“{incoming.name}” could not be used because of an unexpected error."
        taken, sentence = self._attempt(lambda: self._on_file(upload), otherwise)
        if isinstance(taken, Future):
            taken.add_done_callback(
                lambda done: self._decide(incoming.key, *self._attempt(done.result, otherwise))
            )
        else:
            self._decide(incoming.key, taken, sentence)

    def _decide(self, key: str, taken: Taken | None, sentence: str) -> None:
        if sentence:
            self._refuse(key, sentence)
        else:
            self.send({"type": "done", "id": key, "known": taken == "known"})
        # Last, so that a page which calls it off meanwhile is told how it ended, and only that.
        self._undecided.discard(key)

    def _stop(self, key: str, reason: str) -> None:
        incoming = self._incoming
        if key in self._undecided:
            return
        if incoming is None or incoming.key != key:
            self.send({"type": "stopped", "id": key})
        elif reason == "cancelled":
            self._forget()
            self.send({"type": "stopped", "id": key})
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
