"""Maps of relevance as colours over a picture, and in words for those who do not see them."""

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from imgcap.inference.relevance import Box, lay_over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Map = NDArray[np.float32]

Colour = tuple[int, int, int]

# Three that people with any colour vision tell apart (Okabe and Ito 2008), on white and on black.
FOR: Final[Colour] = (213, 94, 0)
AGAINST: Final[Colour] = (0, 114, 178)
WORD: Final[Colour] = (0, 158, 115)
UNSEEN: Final[Colour] = (128, 128, 128)

AREAS: Final = (
    *("upper left", "upper middle", "upper right"),
    *("middle left", "centre", "middle right"),
    *("lower left", "lower middle", "lower right"),
)
_STRIPE = 6
_ALIKE = 1.25
_NEAR_BEST = 0.75
_MOST_NAMED = 3


def coloured(
    grid: "Map", box: Box, size: tuple[int, int], above: Colour, below: Colour
) -> Image.Image:
    """Return a map as an RGBA picture: the farther a value is from 0, the less transparent.

    The farthest value is opaque, whatever it is. What the model did not see is striped.

    Parameters
    ----------
    grid : numpy.ndarray
        `(rows, columns) float32`.
    box : Box
        The part of the picture that it covers.
    size : tuple of int
        Width and height of the picture in pixels.
    above, below : Colour
        Of values above and below 0.
    """
    width, height = size
    values = lay_over(grid, box, width, height)
    peak = max(float(np.abs(values).max()), np.finfo(np.float32).tiny)
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = np.where((values < 0)[..., None], below, above)
    pixels[..., 3] = np.rint(255 * np.abs(values) / peak)
    unseen = ~_seen(grid, box, size)
    rows, columns = np.indices((height, width), np.int32)
    pixels[unseen, :3] = UNSEEN
    pixels[unseen, 3] = np.where((rows + columns) // _STRIPE % 2, 255, 64)[unseen]
    return Image.fromarray(pixels)


def blended(picture: Image.Image, over: Image.Image, opacity: float) -> Image.Image:
    """Return a picture under its overlay, as the page shows both.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB; the stronger the overlay, the greyer it becomes, so that colours are the overlay's.
    over : PIL.Image.Image
        RGBA, of the same size.
    opacity : float
        How strong the overlay is, in 0..1.
    """
    grey = Image.blend(picture, picture.convert("L").convert("RGB"), min(1, 2 * opacity))
    mask = over.getchannel("A").point([round(opacity * level) for level in range(256)])
    return Image.composite(over.convert("RGB"), grey, mask)


def strongest(grid: "Map", box: Box) -> tuple[str, ...]:
    """Return in which of the picture's nine `AREAS` what is above 0 lies, the strongest first.

    All nine if it lies everywhere alike, none if nothing is above 0.
    """
    side = 90
    values = lay_over(grid.clip(min=0), box, side, side)
    third = side // 3
    weights = values.reshape(3, third, 3, third).mean((1, 3)).ravel()
    if weights.max() <= 0:
        return ()
    if weights.max() < _ALIKE * weights.mean():
        return AREAS
    best = [
        n for n in np.argsort(-weights, kind="stable") if weights[n] >= _NEAR_BEST * weights.max()
    ]
    return tuple(AREAS[n] for n in best[:_MOST_NAMED])


def where(grid: "Map", box: Box) -> str:
    """Say in a few words where on the picture a map is above 0; empty if it is nowhere."""
    areas = strongest(grid, box)
    if areas == AREAS:
        return "everywhere alike"
    return " and ".join(filter(None, (", ".join(areas[:-1]), *areas[-1:])))


def _seen(grid: "Map", box: Box, size: tuple[int, int]) -> "NDArray[np.bool_]":
    return lay_over(np.ones_like(grid), box, *size) > 0
