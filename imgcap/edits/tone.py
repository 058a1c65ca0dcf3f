"""Edits that change colours, as Pillow does them: brightness, contrast, saturation and so on."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

from PIL import Image, ImageOps, ImageStat

from imgcap.colours import strips
from imgcap.edits.base import Edit, check_number

MOST: Final = 4.0
"""The largest factor; from about there on a picture is all white, or all colour."""


@dataclass(frozen=True)
class _Factor(Edit):
    slides: ClassVar[bool] = True
    keeps_places: ClassVar[bool] = True

    factor: float

    def __post_init__(self) -> None:
        """Refuse what is no factor."""
        check_number(self.factor, f"The {self.name}", 0, MOST)

    @property
    def is_neutral(self) -> bool:
        """Whether the factor is 1."""
        return self.factor == 1

    @property
    def words(self) -> str:
        """What it does."""
        return f"{self.name.capitalize()} {self.factor:.0%}"

    def apply(self, image: Image.Image) -> Image.Image:
        """Mix the picture with one that has nothing of the quality, strip by strip.

        Pillow's own enhancers do the same with two further pictures of full size.
        """
        result = Image.new("RGB", image.size)
        grey = self._grey(image)
        for box in strips(image.size):
            strip = image.crop(box)
            result.paste(Image.blend(self._without(strip, grey), strip, self.factor), box)
        return result

    def _grey(self, image: Image.Image) -> int:
        """Return the level that what has nothing of the quality is filled with."""
        del image
        return 0

    @abstractmethod
    def _without(self, strip: Image.Image, grey: int) -> Image.Image:
        """Return what a strip would be with nothing of the quality."""


@dataclass(frozen=True)
class Brightness(_Factor):
    """Multiplies every colour; 0 is black, 1 changes nothing."""

    name: ClassVar[str] = "brightness"

    def _without(self, strip: Image.Image, grey: int) -> Image.Image:
        return Image.new("RGB", strip.size, (grey, grey, grey))


@dataclass(frozen=True)
class Contrast(_Factor):
    """Moves every colour away from the picture's mean grey; 0 is that grey, 1 changes nothing."""

    name: ClassVar[str] = "contrast"

    def _grey(self, image: Image.Image) -> int:
        counts = [0] * 256
        for box in strips(image.size):
            found = image.crop(box).convert("L").histogram()
            counts = [total + more for total, more in zip(counts, found, strict=True)]
        return int(ImageStat.Stat(counts).mean[0] + 0.5)

    def _without(self, strip: Image.Image, grey: int) -> Image.Image:
        return Image.new("RGB", strip.size, (grey, grey, grey))


@dataclass(frozen=True)
class Saturation(_Factor):
    """Moves every colour away from its grey; 0 is black and white, 1 changes nothing."""

    name: ClassVar[str] = "saturation"

    def _without(self, strip: Image.Image, grey: int) -> Image.Image:
        del grey
        return strip.convert("L").convert("RGB")


@dataclass(frozen=True)
class AutoContrast(Edit):
    """Stretches each colour channel so that its darkest pixel is black and its lightest white."""

    name: ClassVar[str] = "auto-contrast"
    keeps_places: ClassVar[bool] = True

    @property
    def words(self) -> str:
        """What it does."""
        return "Contrast set automatically"

    def apply(self, image: Image.Image) -> Image.Image:
        """Stretch the channels."""
        return ImageOps.autocontrast(image)
