"""Thumbnails in a row or a grid: one is selected, each says how far it is and can be removed."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NotRequired, TypedDict, get_args

from traitlets import Bool, Bunch, List, TraitError, Unicode, observe, validate

from imgcap.widgets.browser.base import FOLDER, BrowserWidget, ErrorCallback

Status = Literal["", "waiting", "working", "done", "failed"]


class StripItem(TypedDict):
    """One picture of the strip.

    Attributes
    ----------
    id
        Not empty, unique in the strip.
    src
        A small encoded picture: its bytes, or a base64 `data:image/` URL.
    name
        File name, shown below the thumbnail.
    alt
        What the picture shows, for those who do not see it.
    status
        How far the work on it is; nothing if left out.
    """

    id: str
    src: bytes | str
    name: str
    alt: NotRequired[str]
    status: NotRequired[Status]


@dataclass(frozen=True)
class _Source:
    """A thumbnail as the app gave it, its bytes and their digest: not made at every change."""

    src: bytes | str
    content: bytes
    digest: str

    @classmethod
    def of(cls, src: bytes | str) -> "_Source":
        content = _content(src)
        return cls(src, content, hashlib.blake2b(content, digest_size=16).hexdigest())


class PictureStrip(BrowserWidget):
    """Thumbnails, by mouse, touch and keyboard (arrows, Home, End, Delete).

    A row that is longer than its place fades out where it goes on, and has buttons to scroll it.

    Assign a new list to `items` to change it. A thumbnail travels once, whatever else changes, and
    of the rest only what is new: hundreds of pictures change hundreds of times.

    Parameters
    ----------
    on_remove
        Called with the id of a picture that the person wants to be gone; removing it from `items`
        is up to the callee. Without it the strip offers no removal.
    expected, on_error
        As in `BrowserWidget`, for exceptions of `on_remove`.
    **traits
        Traits of the widget: `items`, `selected`, `label`, `layout` ...
    """

    _esm = FOLDER / "picture_strip.js"
    _set_by_browser: ClassVar[frozenset[str]] = frozenset({"selected"})

    items: List[StripItem] = List(help="The pictures, each a `StripItem`")
    selected = Unicode(help="Id of the selected picture; any other text selects none").tag(
        sync=True
    )
    label = Unicode("Pictures", help="Accessible name of the strip").tag(sync=True)
    removable = Bool(help="Whether there is a way to remove a picture").tag(sync=True)
    wraps = Bool(help="Whether all are in sight, in a grid, rather than in one row").tag(sync=True)

    def __init__(
        self,
        *,
        on_remove: Callable[[str], object] | None = None,
        expected: tuple[type[Exception], ...] = (),
        on_error: ErrorCallback | None = None,
        **traits: object,
    ) -> None:
        self._on_remove = on_remove
        self._sources: dict[str, _Source] = {}  # by id
        self._rows: list[dict[str, object]] = []  # the items, with digests as thumbnails
        super().__init__(
            expected=expected, on_error=on_error, removable=on_remove is not None, **traits
        )

    def set_state(self, sync_data: dict[str, object]) -> None:
        """Take a selection from a browser if it is one of the pictures."""
        if sync_data.get("selected") in [item["id"] for item in self.items]:
            super().set_state(sync_data)

    @validate("items")
    def _check_items(self, proposal: Bunch) -> list[StripItem]:
        items = [_checked(item) for item in proposal["value"]]
        if len({item["id"] for item in items}) < len(items):
            raise TraitError("Two pictures of a strip have the same id.")
        return items

    @observe("items")
    def _show(self, _: Bunch) -> None:
        rows: list[dict[str, object]] = []
        before, self._sources = self._sources, {}
        for item in self.items:
            source = before.get(item["id"])
            if source is None or source.src != item["src"]:
                source = _Source.of(item["src"])
            self._sources[item["id"]] = source
            rows.append({**item, "src": source.digest})
        told, self._rows = self._rows, rows
        news = [(place, row) for place, row in enumerate(rows) if told[place : place + 1] != [row]]
        if news or len(told) != len(rows):
            self._tell(news)

    def _tell(self, rows: list[tuple[int, dict[str, object]]], *, whole: bool = False) -> None:
        self.send({"type": "rows", "rows": rows, "count": len(self._rows), "whole": whole})

    def _on_message(self, content: object, buffers: Sequence[object]) -> None:
        del buffers
        match content:
            case {"type": "hello"}:
                self._tell(list(enumerate(self._rows)), whole=True)
            case {"type": "thumbnails", "digests": list(digests)}:
                thumbnails = {each.digest: each.content for each in self._sources.values()}
                for digest in thumbnails.keys() & set(digests):
                    self.send({"type": "thumbnail", "digest": digest}, [thumbnails[digest]])
            case {"type": "remove", "id": str(key)}:
                self._remove(key)

    def _remove(self, key: str) -> None:
        name = next((item["name"] for item in self.items if item["id"] == key), None)
        on_remove = self._on_remove
        if name is None or on_remove is None:
            return
        _, sentence = self._attempt(
            lambda: on_remove(key), f"“{name}” could not be removed because of an unexpected error."
        )
        if sentence:
            self.send({"type": "failed", "sentence": sentence})


def _checked(item: StripItem) -> StripItem:
    """Fill in what may be left out; refuse what the page could not show."""
    complete: StripItem = {"alt": "", "status": "", **item}
    texts = (complete.get(key) for key in ("id", "name", "alt"))
    if not (all(isinstance(text, str) for text in texts) and complete["id"]):
        raise TraitError("A picture of a strip has no id or no name.")
    if complete["status"] not in get_args(Status):
        raise TraitError(f"The status of a picture is none of {get_args(Status)}.")
    _content(complete["src"])
    return complete


def _content(src: bytes | str) -> bytes:
    if isinstance(src, bytes):
        return src
    start, _, encoded = src.partition(",") if isinstance(src, str) else ("", "", "")
    if not (start.startswith("data:image/") and start.endswith(";base64")):
        raise TraitError("A thumbnail is neither bytes nor a base64 `data:image/` URL.")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise TraitError("A thumbnail's URL is not base64.") from error
