"""A picture's pixels as a file for the way to the service: without loss, and not too large."""

from io import BytesIO
from math import sqrt
from typing import TYPE_CHECKING, Final

from PIL import Image

from imgcap.inference.describing import pixels

if TYPE_CHECKING:
    from imgcap.images import Picture

_BYTES_A_PIXEL: Final = 3.01
"""What PNG needs at worst, where nothing can be compressed."""

_FASTEST: Final = 1


def packed(picture: "Picture | Image.Image", most_bytes: int, most_pixels: int) -> bytes:
    """Return a picture as PNG; only one that may not fit is made smaller first."""
    image = pixels(picture)
    room = min(most_bytes / _BYTES_A_PIXEL, most_pixels)
    share = sqrt(room / (image.width * image.height))
    if share < 1:
        size = max(1, int(image.width * share)), max(1, int(image.height * share))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = BytesIO()
    image.save(file, "PNG", compress_level=_FASTEST)
    return file.getvalue()
