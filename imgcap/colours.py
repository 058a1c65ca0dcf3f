"""Decoded pictures of any mode and colour profile to sRGB, without a third copy at full size."""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image, ImageCms

_PROFILE_MODES: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_STRIP_PIXELS: Final = 2**18


def to_rgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert any decoded mode to sRGB, strip by strip: never a third copy at full size."""
    if image.mode == "I;16":
        image = _narrow(image)
    transform = _srgb_transform(profile, image.mode)
    if image.mode == "RGB" and "transparency" not in image.info and transform is None:
        return image
    rgb = Image.new("RGB", image.size, "white")
    for box in strips(image.size):
        strip = image.crop(box)
        if image.mode in _PROFILE_MODES.values() and transform is not None:
            converted = ImageCms.applyTransform(strip, transform)
            if converted is not None:
                rgb.paste(converted, box)
        elif strip.has_transparency_data:
            strip = strip.convert("RGBA")
            rgb.paste(strip.convert("RGB"), box, strip.getchannel("A"))
        else:
            rgb.paste(strip.convert("RGB"), box)
    return rgb


def strips(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Cut a picture of a size into boxes of whole rows, small enough to copy."""
    width, height = size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _narrow(image: Image.Image) -> Image.Image:
    """Scale 16-bit greyscale to 8 bits (Pillow's own conversion clips), transparent to white."""
    narrow = Image.new("L", image.size)
    transparent = image.info.get("transparency")
    for box in strips(image.size):
        wide = np.asarray(image.crop(box))
        levels = (wide >> 8).astype(np.uint8)
        if transparent is not None:
            levels[wide == transparent] = 255
        narrow.paste(Image.fromarray(levels), box)
    return narrow


def _srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the conversion to sRGB; None where there is no need, or the profile is unusable."""
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if _PROFILE_MODES.get(source.profile.xcolor_space.strip()) != mode:
            return None
        if (source.profile.profile_description or "").startswith("sRGB"):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
