"""Edits that change where things are: crop, turn, rotate, flip, resize."""

import math
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from imgcap.colours import strips
from imgcap.edits.base import Edit, EditError, Size, check_number, check_whole, check_word
from imgcap.images import MAX_SIDE

RESAMPLING: Final = Image.Resampling.LANCZOS
_TURNS: Final = {
    1: (Image.Transpose.ROTATE_270, "Turned right"),
    2: (Image.Transpose.ROTATE_180, "Turned upside down"),
    3: (Image.Transpose.ROTATE_90, "Turned left"),
}
_FLIPS: Final = {
    "horizontal": (Image.Transpose.FLIP_LEFT_RIGHT, "Flipped left to right"),
    "vertical": (Image.Transpose.FLIP_TOP_BOTTOM, "Flipped top to bottom"),
}
_RESIZED: Final = {"stretch": "Resized to", "fit": "Fitted within", "fill": "Made to fill"}


@dataclass(frozen=True)
class Crop(Edit):
    """Keeps a box of whole pixels of the picture as it is at that step."""

    name: ClassVar[str] = "crop"

    left: int
    top: int
    width: int
    height: int

    def __post_init__(self) -> None:
        """Refuse what is no box of pixels."""
        for value, what, least in (
            (self.left, "The left edge of the crop", 0),
            (self.top, "The top edge of the crop", 0),
            (self.width, "The width of the crop", 1),
            (self.height, "The height of the crop", 1),
        ):
            check_whole(value, what, least)

    @property
    def words(self) -> str:
        """What it does."""
        return (
            f"Cropped to {self.width:,} x {self.height:,} pixels, "
            f"{self.left:,} from the left and {self.top:,} from the top"
        )

    def size(self, size: Size) -> Size:
        """Return the box's size, if the picture contains it."""
        if self.left + self.width > size[0] or self.top + self.height > size[1]:
            raise EditError(
                f"The crop reaches beyond the picture, which has {size[0]:,} x {size[1]:,} pixels."
            )
        return self.width, self.height

    def apply(self, image: Image.Image) -> Image.Image:
        """Keep the box."""
        right, bottom = self.left + self.width, self.top + self.height
        return image.crop((self.left, self.top, right, bottom))


@dataclass(frozen=True)
class Turn(Edit):
    """Turns the picture clockwise by 1, 2 or 3 quarters; nothing is lost."""

    name: ClassVar[str] = "turn"

    quarters: int

    def __post_init__(self) -> None:
        """Refuse what is no turn."""
        check_number(self.quarters, "The number of quarter turns", 1, 3)
        check_whole(self.quarters, "The number of quarter turns", 1)

    @property
    def words(self) -> str:
        """What it does."""
        return _TURNS[self.quarters][1]

    def size(self, size: Size) -> Size:
        """Return the size, sides swapped unless it is half a turn."""
        return size if self.quarters == 2 else size[::-1]  # noqa: PLR2004  # quarters

    def apply(self, image: Image.Image) -> Image.Image:
        """Turn it."""
        return image.transpose(_TURNS[self.quarters][0])


@dataclass(frozen=True)
class Rotate(Edit):
    """Rotates by any angle; the picture grows so that all of it stays.

    Parameters
    ----------
    degrees : float
        -180 to 180, clockwise.
    fill : {"white", "edge"}
        What is seen in the corners: white, or each time the nearest pixel of the picture.
    """

    name: ClassVar[str] = "rotate"
    slides: ClassVar[bool] = True

    degrees: float
    fill: Literal["white", "edge"] = "white"

    def __post_init__(self) -> None:
        """Refuse what is no angle."""
        check_number(self.degrees, "The angle", -180, 180)
        check_word(self.fill, "The colour of the corners", ("white", "edge"))

    @property
    def is_neutral(self) -> bool:
        """Whether there is no rotation."""
        return self.degrees == 0

    @property
    def words(self) -> str:
        """What it does."""
        corners = "white corners" if self.fill == "white" else "corners of the nearest colour"
        return f"Rotated by {self.degrees:g}°, {corners}"

    def size(self, size: Size) -> Size:
        """Return the size that Pillow gives to a rotated picture that grows."""
        if self.degrees % 90 == 0:
            return size if self.degrees % 180 == 0 else size[::-1]
        return _rotation(size, self.degrees)[0]

    def apply(self, image: Image.Image) -> Image.Image:
        """Rotate it, and fill the corners row by row."""
        rotated = image.rotate(
            -self.degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white"
        )
        if self.fill == "white" or self.degrees % 90 == 0:
            return rotated
        inside = Image.new("L", image.size, 255).rotate(
            -self.degrees, Image.Resampling.BILINEAR, expand=True
        )
        _, (a, b, c, d, e, f) = _rotation(image.size, self.degrees)
        for left, top, right, bottom in strips(rotated.size):
            x = np.arange(left, right) + 0.5
            y = np.arange(top, bottom)[:, None] + 0.5
            rows, columns = np.nonzero(np.asarray(inside.crop((left, top, right, bottom))) == 0)
            if not rows.size:
                continue
            x, y = x[columns], y[rows, 0]
            from_x = np.clip(a * x + b * y + c, 0, image.width - 1).astype(np.intp)
            from_y = np.clip(d * x + e * y + f, 0, image.height - 1).astype(np.intp)
            strip = np.array(rotated.crop((left, top, right, bottom)))
            strip[rows, columns] = _rim(image, from_x, from_y)
            rotated.paste(Image.fromarray(strip), (left, top))
        return rotated


@dataclass(frozen=True)
class Flip(Edit):
    """Mirrors the picture; nothing is lost."""

    name: ClassVar[str] = "flip"

    direction: Literal["horizontal", "vertical"]

    def __post_init__(self) -> None:
        """Refuse other directions."""
        check_word(self.direction, "The direction of a flip", tuple(_FLIPS))

    @property
    def words(self) -> str:
        """What it does."""
        return _FLIPS[self.direction][1]

    def apply(self, image: Image.Image) -> Image.Image:
        """Mirror it."""
        return image.transpose(_FLIPS[self.direction][0])


@dataclass(frozen=True)
class Resize(Edit):
    """Gives the picture another size.

    Parameters
    ----------
    width, height : int
        Pixels.
    how : {"stretch", "fit", "fill"}
        Exactly that size; the largest size of the same shape within it, as `ImageOps.contain`
        does; or exactly that size of the same shape, what is too much cut off on both sides, as
        `ImageOps.fit` does.
    """

    name: ClassVar[str] = "resize"

    width: int
    height: int
    how: Literal["stretch", "fit", "fill"] = "stretch"

    def __post_init__(self) -> None:
        """Refuse what is no size."""
        for value, what in ((self.width, "The width"), (self.height, "The height")):
            check_whole(value, what, 1)
            check_number(value, what, 1, MAX_SIDE)
        check_word(self.how, "The way of resizing", tuple(_RESIZED))

    @property
    def words(self) -> str:
        """What it does."""
        return f"{_RESIZED[self.how]} {self.width:,} x {self.height:,} pixels"

    def size(self, size: Size) -> Size:
        """Return the size that is asked for, or the largest within it."""
        if self.how != "fit":
            return self.width, self.height
        width, height = size
        if width * self.height > self.width * height:
            return self.width, max(1, round(height / width * self.width))
        if width * self.height < self.width * height:
            return max(1, round(width / height * self.height)), self.height
        return self.width, self.height

    def apply(self, image: Image.Image) -> Image.Image:
        """Resize it."""
        size = self.size(image.size)
        if self.how == "fill":
            return ImageOps.fit(image, size, RESAMPLING)
        # Pillow changes the width first; from tall to wide, what lies between would be huge.
        if size[0] * image.height > max(size[0] * size[1], image.width * image.height):
            image = image.resize((image.width, size[1]), RESAMPLING)
        return image.resize(size, RESAMPLING)


def _rotation(size: Size, degrees: float) -> tuple[Size, tuple[float, ...]]:
    """Return the grown size, and the matrix from a place in the result to one in the picture."""
    width, height = size
    angle = -math.radians(-degrees % 360)  # to the last bit as `Image.rotate` has it
    cos, sin = round(math.cos(angle), 15), round(math.sin(angle), 15)
    shift_x = width / 2 - cos * width / 2 - sin * height / 2
    shift_y = height / 2 + sin * width / 2 - cos * height / 2
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    xs = [cos * x + sin * y + shift_x for x, y in corners]
    ys = [-sin * x + cos * y + shift_y for x, y in corners]
    grown = math.ceil(max(xs)) - math.floor(min(xs)), math.ceil(max(ys)) - math.floor(min(ys))
    x, y = (width - grown[0]) / 2, (height - grown[1]) / 2
    to_x, to_y = cos * x + sin * y + shift_x, -sin * x + cos * y + shift_y
    return grown, (cos, sin, to_x, -sin, cos, to_y)


def _rim(image: Image.Image, x: NDArray[np.intp], y: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return pixels of the picture's outermost rows and columns, without a copy of the rest."""
    right, bottom = image.width - 1, image.height - 1
    left_side, right_side, top_side, bottom_side = (
        np.asarray(image.crop(box)).reshape(-1, 3)
        for box in (
            (0, 0, 1, image.height),
            (right, 0, image.width, image.height),
            (0, 0, image.width, 1),
            (0, bottom, image.width, image.height),
        )
    )
    of_row = np.where((y == 0)[:, None], top_side[x], bottom_side[x])
    of_column = np.where((x == right)[:, None], right_side[y], of_row)
    return np.where((x == 0)[:, None], left_side[y], of_column)
