"""The tools that a picture is prepared with; each turns what is set in it into an edit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import ipywidgets as widgets

from imgcap.edits import (
    AutoContrast,
    Brightness,
    Contrast,
    Crop,
    Edit,
    Flip,
    Resize,
    Rotate,
    Saturation,
    Turn,
    current,
)
from imgcap.edits.boxes import Box, inside, shaped
from imgcap.images import MAX_SIDE
from imgcap.widgets.browser import CropBox
from imgcap.widgets.elements import row, with_classes
from imgcap.widgets.shelf import Shown

Do = Callable[[Edit], object]
Guard = Callable[..., Callable[..., object]]

FREE, ORIGINAL = "Any shape", "As it is"
RATIOS: Final = {"Square": 1.0, "4 : 3": 4 / 3, "3 : 4": 3 / 4, "16 : 9": 16 / 9}
HOW: Final = {"Fit within": "fit", "Fill": "fill", "Stretch to": "stretch"}
CORNERS: Final = {"White": "white", "Nearest colour": "edge"}
TONES: Final = (Brightness, Contrast, Saturation)
# Told when the hand lets go: every step would be work for the models.
_TOLD: Final = {"continuous_update": False}


class CropTool(widgets.VBox):
    """A box on the picture, and the same box as numbers.

    Parameters
    ----------
    do : callable
        Told of the crop.
    guarded : callable
        `AppState.guarded`.
    """

    def __init__(self, do: Do, guarded: Guard) -> None:
        self._do = do
        self.box = CropBox(guarded(self.crop))
        self.ratio = widgets.Dropdown(description="Shape", options=[FREE, ORIGINAL, *RATIOS])
        names = ("Left", "Top", "Width", "Height")
        self.numbers = [
            with_classes(widgets.BoundedIntText(description=name, **_TOLD), "compact")
            for name in names
        ]
        self.button = widgets.Button(description="Crop to the box", icon="crop")
        super().__init__([self.box, row(self.ratio, self.button), row(*self.numbers)])
        with_classes(self, "form")
        self.box.observe(guarded(self._tell), "box")
        self.ratio.observe(guarded(self._shape), "value")
        self.button.on_click(guarded(lambda _button: self.crop()))
        for number in self.numbers:
            number.observe(guarded(self._read), "value")
        self._telling = False

    def follow(self, picture: bytes, size: tuple[int, int], alt: str) -> None:
        """Show another picture, and mark as much of it as has the chosen shape."""
        self.box.show(picture, size, alt)
        self._shape()
        self._tell()

    def crop(self) -> None:
        """Crop to the box, unless that is the whole picture."""
        left, top, width, height = self.box.box
        if (width, height) != self.box.size and not self.box.is_plain:
            self._do(Crop(left, top, width, height))

    def _shape(self, _change: object = None) -> None:
        size = self.box.size
        chosen = self.ratio.value
        ratio = size[0] / size[1] if chosen == ORIGINAL else RATIOS.get(chosen, 0.0)
        self.box.ratio = ratio
        self.box.box = shaped(self.box.box, ratio, size)

    def _tell(self, _change: object = None) -> None:
        self._telling = True
        try:
            for place, number in enumerate(self.numbers):
                length = self.box.size[place % 2]
                number.min, number.max = (0, length - 1) if place < 2 else (1, length)  # noqa: PLR2004  # two places, two lengths
                number.value = self.box.box[place]
        finally:
            self._telling = False
        self.button.disabled = self.box.box[2:] == self.box.size

    def _read(self, change: Mapping[str, object]) -> None:
        if self._telling:
            return
        left, top, width, height = (number.value for number in self.numbers)
        box: Box = (left, top, width, height)
        if self.box.ratio:
            if change["owner"] is self.numbers[3]:
                box = (left, top, max(1, round(height * self.box.ratio)), height)
            elif change["owner"] is self.numbers[2]:
                box = (left, top, width, max(1, round(width / self.box.ratio)))
        size = self.box.size
        if change["owner"] in self.numbers[:2]:  # a place near the edge leaves less room
            box = (left, top, min(width, size[0] - left), min(height, size[1] - top))
        self.box.box = shaped(inside(box, size), self.box.ratio, size)
        self._tell()


class TurnTool(widgets.VBox):
    """Buttons for turns and flips, a slider for any angle; parameters as of `CropTool`."""

    def __init__(self, do: Do, guarded: Guard) -> None:
        self._do = do
        self._following = False
        self.buttons = {}
        for name, icon, edit in (
            ("Turn left", "rotate-left", Turn(3)),
            ("Turn right", "rotate-right", Turn(1)),
            ("Mirror", "arrows-h", Flip("horizontal")),
            ("Flip", "arrows-v", Flip("vertical")),
        ):
            button = widgets.Button(description=name, icon=icon)
            button.on_click(guarded(lambda _button, edit=edit: do(edit)))
            self.buttons[name] = button
        self.angle = widgets.FloatSlider(
            description="Rotate °", min=-180, max=180, step=0.5, readout_format=".1f", **_TOLD
        )
        self.corners = widgets.Dropdown(description="Corners", options=list(CORNERS.items()))
        super().__init__([row(*self.buttons.values()), self.angle, self.corners])
        with_classes(self, "form")
        for control in (self.angle, self.corners):
            control.observe(guarded(self._rotate), "value")

    def follow(self, edits: Sequence[Edit]) -> None:
        """Show the rotation that a move would change."""
        known = current(edits, Rotate)
        self._following = True
        try:
            self.angle.value = known.degrees if isinstance(known, Rotate) else 0
            if isinstance(known, Rotate):
                self.corners.value = known.fill
        finally:
            self._following = False

    def _rotate(self, _change: object) -> None:
        if not self._following:
            self._do(Rotate(self.angle.value, self.corners.value))


class ToneTool(widgets.VBox):
    """Sliders for brightness, contrast and saturation; parameters as of `CropTool`."""

    def __init__(self, do: Do, guarded: Guard) -> None:
        self._do = do
        self.sliders = {
            kind: widgets.IntSlider(
                100, min=0, max=300, step=5, description=f"{kind.name.capitalize()} %", **_TOLD
            )
            for kind in TONES
        }
        self.automatic = widgets.Button(description="Auto-contrast", icon="magic")
        super().__init__([*self.sliders.values(), row(self.automatic)])
        with_classes(self, "form")
        for kind, slider in self.sliders.items():
            slider.observe(
                guarded(lambda change, kind=kind: do(kind(change["new"] / 100))), "value"
            )
        self.automatic.on_click(guarded(lambda _button: do(AutoContrast())))

    def follow(self, edits: Sequence[Edit]) -> None:
        """Show what is set; an edit that is there already is not done again."""
        for kind, slider in self.sliders.items():
            known = current(edits, kind)
            slider.value = round(100 * known.factor) if isinstance(known, kind) else 100


class ResizeTool(widgets.VBox):
    """Another size, by numbers; parameters as of `CropTool`."""

    def __init__(self, do: Do, guarded: Guard) -> None:
        self.how = widgets.Dropdown(description="Resize", options=list(HOW.items()))
        self.width, self.height = (
            with_classes(
                widgets.BoundedIntText(1, min=1, max=MAX_SIDE, description=name), "compact"
            )
            for name in ("Pixels wide", "Pixels high")
        )
        self.button = widgets.Button(description="Resize", icon="expand")
        super().__init__([self.how, row(self.width, self.height, self.button)])
        with_classes(self, "form")
        self.button.on_click(
            guarded(lambda _button: do(Resize(self.width.value, self.height.value, self.how.value)))
        )

    def follow(self, shown: Shown | None) -> None:
        """Begin with the size as it is."""
        if shown is not None:
            self.width.value, self.height.value = shown.width, shown.height
