"""Pictures to measure with: each number gives one that no engine remembers."""

import io
from functools import cache
from typing import Final

from PIL import Image

from imgcap.settings import Settings

SIZE: Final = 1600, 1200
"""Of a small photograph."""

_SHIFTS: Final = 50


def jpeg(number: int, size: tuple[int, int] = SIZE) -> bytes:
    """Return a JPEG file: a photograph with `number` deciding what is cut off."""
    image = _photograph()
    cut = image.crop((number % _SHIFTS, number // _SHIFTS, image.width, image.height))
    file = io.BytesIO()
    cut.resize(size).save(file, "JPEG", quality=90)
    return file.getvalue()


@cache
def _photograph() -> Image.Image:
    with Image.open(Settings().data / "samples" / "cat.jpg") as image:
        return image.convert("RGB")
