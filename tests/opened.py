"""What the tests of opening pictures share."""

import numpy as np
import pytest
from PIL import ImageCms

from imgcap.images import Picture, PictureError, clean_name, open_picture
from tests.picture_files import BLUE, GREEN, GREY, RED, every_kind

KINDS = every_kind()
FORMATS = {name: name.rpartition(" ")[2] for name in KINDS}


def refused(data: object, name: str = "holiday.jpg", **limits: int) -> str:
    with pytest.raises(PictureError) as caught:
        open_picture(data, name, **limits)  # type: ignore[arg-type]
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert clean_name(name) in sentence
    return sentence


def corners(picture: Picture) -> list[tuple[int, ...]]:
    """Colours at the middle of each quarter, row by row."""
    xs, ys = (picture.width // 4, picture.width * 3 // 4), (picture.height // 4,) * 2
    points = [(x, y + row * picture.height // 2) for row in (0, 1) for x, y in zip(xs, ys)]  # noqa: B905
    return [picture.image.getpixel(point) for point in points]  # type: ignore[misc]


def assert_near(pixel: object, expected: tuple[int, ...], tolerance: int = 6) -> None:
    assert np.abs(np.subtract(pixel, expected)).max() <= tolerance, (pixel, expected)


def assert_quarters(picture: Picture, tolerance: int = 6) -> None:
    assert (picture.width, picture.height) == (48, 32)
    for seen, expected in zip(corners(picture), (RED, GREEN, BLUE, GREY), strict=True):
        assert_near(seen, expected, tolerance)


def displaced_profile() -> bytes:
    """An RGB profile in which red and green have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    # The name decides nothing about colours, but a profile that calls itself sRGB is believed.
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
