"""A picture with a coloured map over it."""

from typing import ClassVar

from traitlets import Bytes, Int, Tuple, Unicode

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class MapPicture(BrowserWidget):
    """Shows a picture and its map in the same instant, so never a map over another picture.

    The stronger the map, the greyer the picture below it.
    """

    _esm = FOLDER / "map_picture.js"
    _set_by_browser: ClassVar[frozenset[str]] = frozenset({"opacity"})

    picture = Bytes(help="A JPEG file").tag(sync=True)
    over = Bytes(help="A PNG file of the same shape; empty for none").tag(sync=True)
    size = Tuple(Int(), Int(), default_value=(1, 1), help="Width and height of the picture").tag(
        sync=True
    )
    alt = Unicode(help="What stands for both where they are not seen").tag(sync=True)
    opacity = Int(70, min=0, max=100, help="How strong the map is, in percent").tag(sync=True)

    def show(self, picture: bytes, size: tuple[int, int], over: bytes, alt: str) -> None:
        """Show a picture with its map, or with none yet."""
        with self.hold_sync():
            self.picture, self.size, self.over, self.alt = picture, size, over, alt
