"""Bringing pictures: upload, drop, paste, or a sample; and the strip of those that are here."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imgcap.images import open_picture
from imgcap.widgets.browser import DropZone, PictureStrip, Status, StripItem
from imgcap.widgets.elements import Card, Message, markup
from imgcap.widgets.shelf import THUMBNAIL_SIDE, Shown, reduced
from imgcap.widgets.state import EXPECTED, AppState

ACCEPT = (".jpg", ".jpeg", ".png", ".webp", ".gif")
MOST_REFUSALS = 3
TOGETHER = 1.0
"""Seconds between two files that a person brought at once."""


class UploadPanel(Card):
    """Takes pictures in, one after the other, and lets one of them be on screen.

    Files are decoded in a thread of their own, so that the page stays quick; each waits its turn.
    The first of several that arrive together comes on screen.

    Parameters
    ----------
    state : AppState
        Gets the pictures.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Bring a picture", "upload")
        self._state = state
        self._taker = ThreadPoolExecutor(1, thread_name_prefix="imgcap-intake")
        self._waiting = 0
        self._last_arrival = 0.0
        self._show_next = True
        self._refusals: list[str] = []
        self.zone = DropZone(
            max_bytes=state.settings.max_upload_mb * 2**20,
            accept=ACCEPT,
            on_file=self.take,
            hint=f"JPEG, PNG, WebP or GIF, up to {state.settings.max_upload_mb} MB each",
        )
        self.message = Message()
        self.samples = PictureStrip(label="Sample pictures", items=samples(state))
        self.strip = PictureStrip(label="Your pictures", on_remove=state.guarded(state.remove))
        self.fill(
            self.zone, self.message, markup("<h3>Or try a sample</h3>"), self.samples, self.strip
        )
        self.samples.observe(state.guarded(self._take_sample), "selected")
        self.strip.observe(state.guarded(self._select), "selected")
        state.observe(state.guarded(self._list), ["pictures", "statuses"])
        state.observe(state.guarded(self._mark), "selected")
        self._list()

    def take(self, data: bytes, name: str, *, select: bool = False) -> None:
        """Decode a file as soon as those before it are done, and add it to the pictures.

        With `select` it comes on screen, also if it is not the first of several.
        """
        path = self._state.shelf.spool(data)
        with self._state.lock:
            if not self._waiting and time.monotonic() - self._last_arrival > TOGETHER:
                self._show_next = True
                self._refusals = []
                self.message.clear()
            self._waiting += 1
        self._taker.submit(self._decode, path, name, select=select)

    def _decode(self, path: Path, name: str, *, select: bool) -> None:
        try:
            shown: Shown | Exception = self._state.shelf.put(path.read_bytes(), name)
        except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
            shown = problem
        path.unlink(missing_ok=True)
        self._state.guarded(self._arrive)(shown, select=select)

    def _arrive(self, shown: Shown | Exception, *, select: bool) -> None:
        self._waiting -= 1
        self._last_arrival = time.monotonic()
        if isinstance(shown, Shown):
            self._state.add(shown, select=select or self._show_next)
            self._show_next = False
            return
        self._refusals.append(self._state.sentence(shown))
        told = self._refusals[:MOST_REFUSALS]
        if len(self._refusals) > MOST_REFUSALS:
            left = len(self._refusals) - MOST_REFUSALS
            told.append(f"{left:,} more {'file was' if left == 1 else 'files were'} refused.")
        self.message.warn(" ".join(told))

    def _take_sample(self, _change: object) -> None:
        name = self.samples.selected
        if name:
            self.samples.selected = ""  # so that the same sample can be chosen again
            content = (self._state.settings.data / "samples" / name).read_bytes()
            self.take(content, name, select=True)

    def _select(self, change: Mapping[str, str]) -> None:
        # What was chosen, not what the strip says now: another thread may have come in between.
        if any(shown.id == change["new"] for shown in self._state.pictures):
            self._state.selected = change["new"]
        self._mark()

    def _mark(self, _change: object = None) -> None:
        self.strip.selected = self._state.selected

    def _list(self, _change: object = None) -> None:
        state = self._state
        self.strip.items = [
            StripItem(
                id=shown.id,
                src=shown.thumbnail,
                name=shown.name,
                status=strip_status(state.statuses.get(shown.id, "waiting")),
            )
            for shown in state.pictures
        ]
        self.strip.layout.display = None if state.pictures else "none"


def strip_status(status: str) -> Status:
    """Name a status of the state as the strip does: a sentence means that it failed."""
    match status:
        case "waiting" | "working" | "done":
            return status
        case _:
            return "failed"


def samples(state: AppState) -> list[StripItem]:
    """Return the sample pictures that come with the project."""
    items = []
    for path in sorted((state.settings.data / "samples").glob("*.jpg")):
        try:
            picture = open_picture(path.read_bytes(), path.name)
        except (OSError, *EXPECTED):
            continue
        thumbnail = reduced(picture.image, THUMBNAIL_SIDE)
        items.append(StripItem(id=path.name, src=thumbnail, name=path.stem, status=""))
    return items
