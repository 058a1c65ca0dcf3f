"""A picture with a box on it that is drawn, moved and resized by mouse, touch and keyboard."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from traitlets import Bool, Bunch, Bytes, Float, Int, TraitError, Tuple, Unicode, validate

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class CropBox(BrowserWidget):
    """Shows a picture; `box` is what a person marked on it, at first all of it.

    Arrow keys move the box, with Shift they resize it; Enter is the same as the button that crops.

    Parameters
    ----------
    on_enter
        Called when Enter is pressed on the box, or it is clicked twice.
    **traits
        Traits of the widget: `picture`, `size`, `box`, `ratio`, `layout` ...
    """

    _esm = FOLDER / "crop_box.js"
    _set_by_browser: ClassVar[frozenset[str]] = frozenset({"box"})

    picture = Bytes(help="A JPEG file, of whatever resolution").tag(sync=True)
    alt = Unicode(help="What stands for the picture where it is not seen").tag(sync=True)
    size = Tuple(
        *[Int()] * 2, default_value=(1, 1), help="Width and height of the picture in its pixels"
    ).tag(sync=True)
    box = Tuple(
        *[Int()] * 4, default_value=(0, 0, 1, 1), help="Left, top, width, height in these pixels"
    ).tag(sync=True)
    ratio = Float(0, help="Width by height that the box keeps; 0 for any").tag(sync=True)
    is_plain = Bool(help="Whether the picture is shown without a box").tag(sync=True)

    def __init__(self, on_enter: Callable[[], object], **traits: Any) -> None:
        self._on_enter = on_enter
        super().__init__(**traits)

    @validate("box")
    def _check_box(self, proposal: Bunch) -> tuple[int, ...]:
        left, top, width, height = proposal["value"]
        is_inside = left + width <= self.size[0] and top + height <= self.size[1]
        if min(left, top) < 0 or min(width, height) < 1 or not is_inside:
            raise TraitError("A box reaches beyond the picture.")
        return left, top, width, height

    def show(self, picture: bytes, size: tuple[int, int], alt: str) -> None:
        """Show another picture, and mark all of it."""
        with self.hold_sync():
            self.size = size
            self.box = (0, 0, *size)
            self.picture, self.alt = picture, alt

    def _on_message(self, content: object, buffers: Sequence[object]) -> None:
        del buffers
        if content == {"type": "enter"}:
            self._on_enter()
