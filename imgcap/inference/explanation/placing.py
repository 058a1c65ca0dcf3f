"""Where on a picture the model's grid lies, after its processor has resized and cut it."""

from collections.abc import Mapping
from typing import Any

from imgcap.inference.relevance import WHOLE, Box


def covered(image_processor: Any, width: int, height: int) -> Box:
    """Return the part of a `width` x `height` picture that the model sees.

    A processor that resizes the shorter side and cuts out the middle leaves the ends of the longer
    side unseen; one that pads shows more than the picture, and the box reaches beyond it.
    """
    if not getattr(image_processor, "do_center_crop", False):
        return WHOLE
    size = _plain(image_processor.size)
    if getattr(image_processor, "do_resize", True) and size:
        shortest = size.get("shortest_edge")
        if shortest:
            factor = shortest / min(width, height)
            width, height = round(factor * width), round(factor * height)
        else:
            width, height = size["width"], size["height"]
    crop = _plain(image_processor.crop_size)
    across = (1 - crop["width"] / width) / 2
    down = (1 - crop["height"] / height) / 2
    return across, down, 1 - across, 1 - down


def _plain(size: Any) -> Mapping[str, int]:
    return {name: int(value) for name, value in dict(size).items() if value}
