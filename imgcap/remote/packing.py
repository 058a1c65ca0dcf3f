"""A picture's pixels as a file for the way to the service: small, and all that a model can use."""

from io import BytesIO
from math import sqrt
from typing import TYPE_CHECKING, Final

from PIL import Image

from imgcap.inference.describing import pixels

if TYPE_CHECKING:
    from imgcap.images import Picture

_ENOUGH: Final = 768
"""Pixels of the shorter side that are kept: twice what models take in.

What a model sees of a photograph at 384 x 384 then differs by one or two levels of 255, and more
only where neighbouring pixels are as different as can be, as in stars or printed patterns.
"""

_WEBP_SIDE: Final = 16_383
_WEBP_PIXELS: Final = 0.4
"""Of `max_pixels`, since its decoder takes more memory a pixel."""

_BYTES_A_PIXEL: Final = 3.01
"""What either format needs at worst, where nothing can be compressed."""


def packed(picture: "Picture | Image.Image", most_bytes: int, most_pixels: int) -> bytes:
    """Return a picture's pixels without loss, unless there are more than models can use.

    One with more, or one that may not fit, is made smaller first.
    """
    image = pixels(picture)
    room = min(most_bytes / _BYTES_A_PIXEL, most_pixels)
    share = min(_ENOUGH / min(image.size), sqrt(room / (image.width * image.height)))
    if share < 1:
        size = max(1, int(image.width * share)), max(1, int(image.height * share))
        image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    file = BytesIO()
    if max(image.size) > _WEBP_SIDE or image.width * image.height > most_pixels * _WEBP_PIXELS:
        image.save(file, "PNG", compress_level=1)
    else:  # at its lowest effort still smaller than PNG, in three quarters of the time or less
        image.save(file, "WEBP", lossless=True, quality=0, method=0)
    return file.getvalue()
