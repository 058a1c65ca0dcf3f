"""Bringing pictures: upload, drop, paste, or a sample; and the strip of those that are here."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from imgcap.images import open_picture
from imgcap.widgets.browser import DropZone, PictureStrip, Status, StripItem, Taken, Upload
from imgcap.widgets.elements import Card, markup
from imgcap.widgets.shelf import THUMBNAIL_SIDE, reduced
from imgcap.widgets.state import EXPECTED, AppState

ACCEPT = (".jpg", ".jpeg", ".png", ".webp", ".gif")


class UploadPanel(Card):
    """Takes pictures in, one after the other, and lets one of them be on screen.

    Files are decoded in a thread of their own, so that the page stays quick. The first good one of
    those that a person brings together comes on screen; the drop zone says what became of each.

    Parameters
    ----------
    state : AppState
        Gets the pictures.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Bring a picture", "upload")
        self._state = state
        self._taker = ThreadPoolExecutor(1, thread_name_prefix="imgcap-intake")
        self.zone = DropZone(
            max_bytes=state.settings.max_upload_mb * 2**20,
            accept=ACCEPT,
            on_file=self._take_upload,
            expected=EXPECTED,
            on_error=state.sentence,
            hint=f"JPEG, PNG, WebP or GIF, up to {state.settings.max_upload_mb} MB each",
        )
        self.heading = markup()
        self.strip = PictureStrip(label="Your pictures", on_remove=state.guarded(state.remove))
        self.samples = PictureStrip(label="Sample pictures", items=samples(state), wraps=True)
        self.fill(
            self.zone, self.heading, self.strip, markup("<h3>Or try a sample</h3>"), self.samples
        )
        self.samples.observe(state.guarded(self._take_sample), "selected")
        self.strip.observe(state.guarded(self._select), "selected")
        state.observe(state.guarded(self._list), ["pictures", "statuses"])
        state.observe(state.guarded(self._mark), "selected")
        self._list()

    def take(self, data: bytes, name: str, *, select: bool = True) -> "Future[Taken]":
        """Decode a file as soon as those before it are done, and add it to the pictures.

        The future tells whether it was there already, and raises what `Shelf.put` does.
        """
        return self._taker.submit(self._take_in, data, name, select=select)

    def _take_in(self, data: bytes, name: str, *, select: bool) -> Taken:
        is_new = self._state.add(self._state.shelf.put(data, name), select=select)
        return "new" if is_new else "known"

    def _take_upload(self, upload: Upload) -> "Future[Taken]":
        return self.take(upload.data, upload.name, select=upload.is_first)

    def _take_sample(self, _change: object) -> None:
        name = self.samples.selected
        if name:
            self.samples.selected = ""  # so that the same sample can be chosen again
            content = (self._state.settings.data / "samples" / name).read_bytes()
            self.take(content, name).add_done_callback(self._state.guarded(Future.result))

    def _select(self, change: Mapping[str, str]) -> None:
        # What was chosen, not what the strip says now: another thread may have come in between.
        if self._state.find(change["new"]):
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
        self.heading.value = f"<h3>Your pictures · {len(state.pictures):,}</h3>"
        for part in (self.heading, self.strip):
            part.layout.display = None if state.pictures else "none"


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
