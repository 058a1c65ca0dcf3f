"""Many pictures as a grid of cards: what each shows, how sure that is, how far it is."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from traitlets import List, Unicode

from imgcap.widgets.browser.base import FOLDER, BrowserWidget, ErrorCallback
from imgcap.widgets.browser.picture_strip import Status


class GalleryCard(TypedDict):
    """One picture of the grid, as text.

    Attributes
    ----------
    version
        Another one for every look of the picture: its thumbnail is fetched once a version.
    name
        File name.
    caption
        What the picture shows; also its alternative text.
    label
        The likeliest label and its confidence.
    match
        How near the picture is to what was searched for; empty if nothing was.
    reason
        Why the picture is worth a label; empty if it is not among those.
    status
        How far the work on it is.
    problem
        Why it failed, if it did.
    """

    version: str
    name: str
    caption: str
    label: str
    match: str
    reason: str
    status: Status
    problem: str


class GalleryGrid(BrowserWidget):
    """A grid of cards by mouse, touch and keyboard (arrows, Home, End, Enter).

    Cards that have changed travel together in one message; a thumbnail travels when its card comes
    near the part that is in sight, and once.

    Parameters
    ----------
    thumbnail
        Returns the encoded thumbnail of a picture by its id, or None if it has gone.
    on_open
        Called with the id of the picture that a person opens.
    expected, on_error
        As in `BrowserWidget`.
    **traits
        Traits of the widget: `name`, `layout` ...
    """

    _esm = FOLDER / "gallery_grid.js"
    _css = BrowserWidget._css + (FOLDER / "gallery_grid.css").read_text("utf-8")  # noqa: SLF001
    name = Unicode("Pictures", help="Accessible name of the grid").tag(sync=True)
    order: List[str] = List(Unicode(), help="Ids of the pictures, as they are shown").tag(sync=True)
    selected = Unicode(help="Id of the picture on screen").tag(sync=True)

    def __init__(
        self,
        *,
        thumbnail: Callable[[str], bytes | None],
        on_open: Callable[[str], object],
        expected: tuple[type[Exception], ...] = (),
        on_error: ErrorCallback | None = None,
        **traits: object,
    ) -> None:
        self._thumbnail = thumbnail
        self._on_open = on_open
        self._cards: dict[str, GalleryCard] = {}
        super().__init__(expected=expected, on_error=on_error, **traits)

    def show(self, cards: Mapping[str, GalleryCard], order: Sequence[str], selected: str) -> None:
        """Show these pictures by id, in this order; only what has changed is sent."""
        changed = {key: card for key, card in cards.items() if self._cards.get(key) != card}
        gone = self._cards.keys() - cards.keys()
        self._cards = dict(cards)
        if changed:
            self.send({"type": "cards", "cards": changed})
        with self.hold_sync():
            self.order = list(order)
            self.selected = selected
        if gone:
            self.send({"type": "gone", "ids": sorted(gone)})

    def _on_message(self, content: object, buffers: Sequence[object]) -> None:
        del buffers
        match content:
            case {"type": "hello"}:
                self.send({"type": "cards", "cards": self._cards})
            case {"type": "thumbnails", "ids": list(ids)}:
                for key in dict.fromkeys(ids):
                    self._send_thumbnail(key)
            case {"type": "open", "id": str(key)} if key in self._cards:
                self._attempt(lambda: self._on_open(key), "")

    def _send_thumbnail(self, key: object) -> None:
        card = self._cards.get(key) if isinstance(key, str) else None
        if card is None or not isinstance(key, str):
            return
        data, _ = self._attempt(lambda: self._thumbnail(key), "")
        if data:
            self.send({"type": "thumbnail", "id": key, "version": card["version"]}, [data])
